package backbone

import (
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// probe is the batch for which a graph with an open one is looked at: not 1, which Squeeze would drop.
const probe = 2

// inferAny infers shapes for one batch that g works for. A graph that works for a single picture only, though
// its file leaves the batch open, is given a batch of 1.
func inferAny(g *nn.Graph) (map[string]nn.Info, error) {
	if g.Inputs[0].Shape[0] != tensor.Free {
		return nn.InferAt(g, 1) // there is no free extent, so this is for the batch that is fixed
	}
	infos, err := nn.InferAt(g, probe)
	if err == nil {
		return infos, nil
	}
	setBatch(g, 1)
	if infos, errOne := nn.InferAt(g, 1); errOne == nil {
		return infos, nil
	}
	return nil, err
}

// setBatch gives the input of g a batch of n. Its shape may be shared with a clone and is replaced.
func setBatch(g *nn.Graph, n int) {
	g.Inputs[0].Shape = g.Inputs[0].Shape.Clone()
	g.Inputs[0].Shape[0] = n
}

// settleBatch makes the batch of g free if its shapes allow: as they are, or with constant shapes that say 1
// for the batch rewritten. Otherwise it is fixed to 1. The output is given its type and shape.
func settleBatch(g *nn.Graph) error {
	file := g.Inputs[0].Shape[0]
	freed := g.Clone()
	setBatch(g, tensor.Free)
	shape, err := featureShape(g)
	if err != nil {
		freeShapes(freed)
		if shape, err = featureShape(freed); err == nil {
			g.Nodes, g.Init = freed.Nodes, freed.Init
		}
	}
	if err != nil && file <= 1 {
		setBatch(g, 1)
		shape, err = featureShape(g)
	}
	if err != nil {
		return fmt.Errorf("batch of %v in the file: %w", tensor.Shape{file}, err)
	}
	g.Outputs[0].DType, g.Outputs[0].Shape = tensor.Float32, shape
	return nil
}

// featureShape returns the shape of the features, which must be a row for each picture.
func featureShape(g *nn.Graph) (tensor.Shape, error) {
	infos, err := nn.Infer(g)
	if err != nil {
		return nil, err
	}
	shape := infos[OutputName].Shape
	if len(shape) != 2 || shape[0] != g.Inputs[0].Shape[0] || shape[1] < 1 {
		return nil, fmt.Errorf("features have shape %v, want [%v D]", shape, tensor.Shape{g.Inputs[0].Shape[0]})
	}
	// Infer looks at batches larger than 1, with which a Squeeze of every 1 does not show.
	one, err := nn.InferAt(g, 1)
	if err != nil {
		return nil, err
	}
	if s := one[OutputName].Shape; len(s) != 2 || s[0] != 1 || s[1] != shape[1] {
		return nil, fmt.Errorf("features of one picture have shape %v, want [1 %d]", s, shape[1])
	}
	return shape, nil
}

// freeShapes frees the batch of g and rewrites what ties g to the one that it has, or to 1 where it has none:
// constant targets of Reshape that begin with it, and Squeeze without axes, which drops a batch of 1 too.
func freeShapes(g *nn.Graph) {
	n := max(g.Inputs[0].Shape[0], 1)
	infos, err := inferAny(g)
	setBatch(g, tensor.Free)
	if err != nil {
		return // the caller meets an error of the same cause
	}
	depends, all := live(g), g.Values()
	constant := func(base string, v []int64) string {
		for base += "_free"; all[base]; base += "_" {
		}
		all[base] = true
		g.Init[base] = tensor.FromInts(v, len(v))
		return base
	}
	for _, node := range g.Nodes {
		if !depends[node.Inputs[0]] {
			continue
		}
		switch node.Op {
		case "Reshape":
			if to := freeTarget(node, infos[node.Inputs[1]].Const, n); to != nil {
				node.Inputs[1] = constant(node.Name, to)
			}
		case "Squeeze":
			if len(node.Inputs) == 1 {
				node.Inputs = append(node.Inputs, constant(node.Name, singleAxes(infos[node.Inputs[0]].Shape)))
			}
		}
	}
}

// freeTarget returns the target of a Reshape with a free batch in place of n, or nil if it has none.
func freeTarget(node *nn.Node, target *tensor.Tensor, n int) []int64 {
	if target == nil || len(target.I) < 2 || target.I[0] != int64(n) || node.Attrs.Int("allowzero", 0) != 0 {
		return nil
	}
	to := slices.Clone(target.I)
	to[0] = -1
	if slices.Contains(to[1:], -1) {
		to[0] = 0 // the input's own first extent
	}
	return to
}

// singleAxes lists the axes of extent 1 but for the batch.
func singleAxes(s tensor.Shape) []int64 {
	var axes []int64
	for i, d := range s {
		if i > 0 && d == 1 {
			axes = append(axes, int64(i))
		}
	}
	return axes
}
