package graft

import (
	"context"
	"fmt"
	"slices"

	"github.com/graft-ml/graft/dataset"
	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/transform"
)

// Names of the values that the views of a prediction add to a graph.
const (
	viewPrefix  = "tta/"
	viewBatch   = viewPrefix + "views"
	viewAverage = viewPrefix + "features"
)

// validateTTA reports what makes no sense about the views of a prediction.
func (o *TrainOptions) validateTTA() error {
	_, err := transform.ParseViews(o.TTA)
	return err
}

// tta are the views that a prediction averages, which have been validated.
func (o *TrainOptions) tta() transform.Views {
	v, _ := transform.ParseViews(o.TTA)
	return v
}

// spec is how a picture is prepared for the model.
func (j *job) spec() transform.Spec { return j.o.tta().Whole(j.base.Spec) }

// tellTTA says what the views of a prediction cost.
func (j *job) tellTTA() error {
	n := j.o.tta().N()
	if n < 2 {
		return nil
	}
	if j.base.SinglePicture() {
		return fmt.Errorf("backbone %s: its file fixes the batch to one picture, and views of a prediction are computed together: leave --tta out", j.base.Name)
	}
	if err := j.spec().Validate(); err != nil {
		return err
	}
	j.note("tta %v: the network looks at %d views of each picture, in training once and at every prediction; that takes %d times as long", j.o.tta(), n, n)
	return nil
}

// describeViews writes down, where a prediction averages views, what is to be known to use the network without them.
func (j *job) describeViews(in *info) {
	v := j.o.tta()
	if v.N() < 2 {
		return
	}
	in.views = &backbone.Views{Views: v.String(), Resize: j.base.Spec.String(), Input: viewBatch, Features: in.features}
	in.features = viewAverage
}

// runViews is x.run with the views of a prediction: features are the average over them. Those of each view are
// in the cache by themselves.
func (j *job) runViews(ctx context.Context, n numerics, index []int) (*features, []dataset.Skipped, error) {
	views := j.o.tta().Of(j.base.Spec)
	var sum *features
	var bad []dataset.Skipped
	for i := range views {
		x, err := newExtractor(j.base, n, j.pool, j.o.Reading, sight{view: &views[i]})
		if err != nil {
			return nil, nil, err
		}
		f, failed, err := x.run(ctx, j.data, index, j.o.Progress)
		if err != nil {
			return nil, nil, err
		}
		if sum == nil {
			sum, bad = f, failed
			continue
		}
		if len(failed) != len(bad) {
			return nil, nil, fmt.Errorf("%s: %d pictures could be read a moment ago and now cannot, or the other way round: has the data changed?", j.path, max(len(failed), len(bad))-min(len(failed), len(bad)))
		}
		sum.add(f)
	}
	if len(views) > 1 {
		sum.scale(1 / float32(len(views)))
	}
	return sum, bad, nil
}

// add adds the features of g, which are of the same samples. It is done in float32, number by number, as the
// written graph does it.
func (f *features) add(g *features) {
	for row, have := range f.matrix.Have {
		if !have {
			continue
		}
		to, from := f.matrix.Row(row), g.matrix.Row(row)
		for k := range to {
			to[k] += from[k]
		}
	}
	f.stats.Computed += g.stats.Computed
	f.stats.Cached += g.stats.Cached
}

func (f *features) scale(by float32) {
	for row, have := range f.matrix.Have {
		if !have {
			continue
		}
		x := f.matrix.Row(row)
		for k := range x {
			x[k] *= by
		}
	}
}

// withViews returns g, from a picture to whatever follows the features, with the average of the features over the
// views in place of those of one picture, and the name of that average. The input is what views are cut from:
// all of them run through the network as one batch.
func withViews(g *nn.Graph, featureName string, base transform.Spec, tta transform.Views) *nn.Graph {
	views := tta.Of(base)
	if len(views) == 1 {
		return g
	}
	g = g.Clone()
	in := &g.Inputs[0]
	whole := tta.Whole(base)
	before := cutViews(g, in.Name, views)
	after := averageViews(g, featureName, len(views))
	at := slices.IndexFunc(g.Nodes, func(n *nn.Node) bool { return slices.Contains(n.Outputs, featureName) })
	for i, n := range g.Nodes {
		from, to := in.Name, viewBatch
		if i > at {
			from, to = featureName, viewAverage
		}
		for k, name := range n.Inputs {
			if name == from {
				n.Inputs[k] = to
			}
		}
	}
	for i := range g.Outputs {
		if g.Outputs[i].Name == featureName {
			g.Outputs[i].Name = viewAverage
		}
	}
	g.Nodes = slices.Concat(before, g.Nodes[:at+1], after, g.Nodes[at+1:])
	in.Shape = tensor.Shape{in.Shape[0], 3, whole.Height, whole.Width}
	return g
}

// cutViews returns the nodes that make the views of the picture called input one batch, those of a view together.
func cutViews(g *nn.Graph, input string, views []transform.View) []*nn.Node {
	constant := func(name string, v ...int64) string {
		g.Init[viewPrefix+name] = tensor.FromInts(v, len(v))
		return viewPrefix + name
	}
	var nodes []*nn.Node
	batch := &nn.Node{Op: "Concat", Name: viewBatch, Outputs: []string{viewBatch}, Attrs: nn.Attrs{"axis": int64(0)}}
	axes := constant("axes", 2, 3)
	for i, v := range views {
		out := input
		if !v.Plain() {
			out = fmt.Sprintf("%sview.%d", viewPrefix, i)
			starts, ends, steps := v.Slice()
			nodes = append(nodes, &nn.Node{Op: "Slice", Name: out, Attrs: nn.Attrs{}, Outputs: []string{out}, Inputs: []string{input,
				constant(fmt.Sprintf("starts.%d", i), starts...), constant(fmt.Sprintf("ends.%d", i), ends...), axes,
				constant(fmt.Sprintf("steps.%d", i), steps...)}})
		}
		batch.Inputs = append(batch.Inputs, out)
	}
	return append(nodes, batch)
}

// averageViews returns the nodes that average the features of n views, in float32 and in their order.
func averageViews(g *nn.Graph, features string, n int) []*nn.Node {
	split := &nn.Node{Op: "Split", Name: viewPrefix + "split", Inputs: []string{features}, Attrs: nn.Attrs{"axis": int64(0)}}
	for i := range n {
		split.Outputs = append(split.Outputs, fmt.Sprintf("%sfeatures.%d", viewPrefix, i))
	}
	nodes, sum := []*nn.Node{split}, split.Outputs[0]
	for i, next := range split.Outputs[1:] {
		out := fmt.Sprintf("%ssum.%d", viewPrefix, i+1)
		nodes = append(nodes, &nn.Node{Op: "Add", Name: out, Inputs: []string{sum, next}, Outputs: []string{out}, Attrs: nn.Attrs{}})
		sum = out
	}
	share := viewPrefix + "share"
	g.Init[share] = tensor.FromFloats([]float32{1 / float32(n)}, 1)
	return append(nodes, &nn.Node{Op: "Mul", Name: viewAverage, Inputs: []string{sum, share}, Outputs: []string{viewAverage}, Attrs: nn.Attrs{}})
}
