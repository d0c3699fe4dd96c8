package graft

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/loader"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/train"
)

// teacher is the network that is learnt from.
type teacher struct {
	j       *job
	base    *backbone.Backbone
	head    *nn.Graph // from its features to its logits
	columns []int     // of the data's classes among the logits

	scale          func(dst, src []float32) // brings features to mean 0 and deviation 1; nil: they are not learnt from
	look, conclude *nn.Plan                 // from pictures to features, from features to logits
	bytes          int64                    // that look takes

	// Where training pictures are always the same, what it makes of each: [N,K] and [N,D].
	logits, features []float32

	pixels, seen []float32 // of a batch: pictures, features
}

// openTeacher opens the teacher and compares its classes with those of the data.
func (j *job) openTeacher(ctx context.Context) error {
	if j.o.Teacher.Name == "" {
		return nil
	}
	b := Backbone{Name: j.o.Teacher.Name, Hub: j.o.Backbone.Hub}
	base, err := b.load(ctx, j.o.Progress)
	if err != nil {
		return fmt.Errorf("teacher: %w", err)
	}
	j.teacher = &teacher{j: j, base: base}
	if info, err := os.Stat(b.Name); err != nil || !info.Mode().IsRegular() || base.Metadata[keyClasses] == "" {
		j.note("teacher %s: %s", base.Name, base.Cut)
		return nil
	}
	if err := j.teacher.openModel(j.o.Teacher.Name); err != nil {
		return fmt.Errorf("teacher: %s: %w", j.o.Teacher.Name, err)
	}
	return nil
}

// openModel takes the head of a model that graft wrote, and finds the classes in it.
func (t *teacher) openModel(path string) error {
	file, err := onnx.ReadFile(path)
	if err != nil {
		return err
	}
	in, err := decodeInfo(file.Metadata)
	if err != nil {
		return err
	}
	if in.multiLabel != t.j.data.MultiLabel {
		return fmt.Errorf("a model of %s classes for %s pictures", kindOf(in.multiLabel), kindOf(t.j.data.MultiLabel))
	}
	var missing []string
	for _, class := range t.j.data.Classes {
		at := slices.Index(in.classes, class)
		if at < 0 {
			missing = append(missing, class)
		}
		t.columns = append(t.columns, at)
	}
	if missing != nil {
		return fmt.Errorf("it does not know the %s %s, of %d here: take a model of the same classes, or the network that it was made from",
			plural(len(missing), "class", "classes"), strings.Join(missing, ", "), len(t.columns))
	}
	// Where a model averages several views of a picture, its base here is that of one view, and the head goes on from averages.
	if t.head, err = logitsOf(file.Graph, file.Metadata[backbone.KeyFeatures]); err != nil {
		return err
	}
	others := ""
	if n := len(in.classes) - len(t.columns); n > 0 {
		others = fmt.Sprintf(" and %d others, which are left out", n)
	}
	t.j.note("teacher %s: a model of these %d classes%s", t.base.Name, len(t.columns), others)
	if n := t.j.known(in.trainedOn); n > 0 {
		t.j.warn("the teacher has learnt %d of the %d pictures of the test: the figures will flatter", n, len(t.j.test))
	}
	return nil
}

// kindOf is the word for what pictures are labelled with.
func kindOf(multi bool) string {
	if multi {
		return kindMulti
	}
	return kindSingle
}

// known counts the pictures of the test that are in c.
func (j *job) known(c contents) int {
	n := 0
	for _, i := range j.test {
		if c.has(j.data.Samples[i].SHA256) {
			n++
		}
	}
	return n
}

// logitsOf returns the part of a model from its features to its logits, which are what its last softmax or sigmoid reads.
func logitsOf(g *nn.Graph, features string) (*nn.Graph, error) {
	g = g.Clone()
	for _, n := range g.Nodes {
		if len(g.Outputs) == 1 && slices.Contains(n.Outputs, g.Outputs[0].Name) && (n.Op == "Softmax" || n.Op == "Sigmoid") {
			g.Outputs[0].Name = n.Inputs[0]
			_, head, err := backbone.SplitAt(g, features)
			return head, err
		}
	}
	return nil, errors.New("its output is of no softmax or sigmoid: it has no logits to learn from")
}

// teach prepares the teacher: it trains the head of one that has none, and has it look at the pictures to learn from,
// where those are the same in every epoch.
func (j *job) teach(ctx context.Context) (err error) {
	t, o := j.teacher, j.o.Teacher
	draws := j.o.augment().Draws()
	var feats *features
	if !draws || t.head == nil || o.Features > 0 {
		if feats, err = t.extract(ctx); err != nil {
			return err
		}
	}
	if t.head == nil {
		if err := t.fit(ctx, feats); err != nil {
			return err
		}
	}
	if t.conclude, err = nn.NewPlan(t.head, nn.PlanOptions{Pool: j.pool}); err != nil {
		return err
	}
	if t.columns == nil {
		for k := range j.data.Classes {
			t.columns = append(t.columns, k)
		}
	}
	if o.Features > 0 {
		t.scale = train.Standardiser(j.gatherOf(feats, t.base.Width, j.train))
	}
	if draws {
		if t.bytes, err = planBytes(t.base.Graph, defaultTuneBatch); err == nil {
			t.look, err = nn.NewPlan(t.base.Graph, nn.PlanOptions{Pool: j.pool})
		}
		return err
	}
	if t.logits, t.features, err = t.answers(ctx, j.gatherOf(feats, t.base.Width, j.train).X); err != nil {
		return err
	}
	said := *t.base // what remains of it is what it is called and has said
	said.Graph, t.base, t.conclude = nil, &said, nil
	return nil
}

// extract returns the teacher's features of the pictures to learn from.
func (t *teacher) extract(ctx context.Context) (*features, error) {
	j := t.j
	x, err := newExtractor(t.base, numerics{}, j.pool, j.o.Reading, sight{})
	if err != nil {
		return nil, fmt.Errorf("teacher: %w", err)
	}
	index := j.train
	if t.head == nil {
		index = append(append([]int(nil), j.train...), j.validation...)
	}
	feats, failed, err := x.run(ctx, j.data, index, j.o.Progress)
	if err == nil && len(failed) > 0 {
		err = fmt.Errorf("%s: %s (it could be read before: has it changed?)", failed[0].Path, failed[0].Reason)
	}
	if err != nil {
		return nil, fmt.Errorf("teacher: %w", err)
	}
	j.note("teacher: %d pictures through it, %d from the cache", feats.stats.Computed, feats.stats.Cached)
	return feats, nil
}

// fit trains a linear head on the teacher's features.
func (t *teacher) fit(ctx context.Context, feats *features) error {
	j := t.j
	o := train.HeadOptions{Classes: len(j.data.Classes), MultiLabel: j.data.MultiLabel, ClassWeights: j.o.Head.ClassWeights, Seed: j.o.Seed, Pool: j.pool}
	r, err := train.FitHead(ctx, j.gatherOf(feats, t.base.Width, j.train), j.gatherOf(feats, t.base.Width, j.validation), o, nil)
	if err != nil {
		return fmt.Errorf("teacher: %w", err)
	}
	t.head = r.Head
	if best := r.History[r.BestEpoch-1]; len(j.validation) > 0 {
		j.note("teacher: a linear head on its features gets %.1f %% of the validation pictures right", 100*best.ValAccuracy)
	}
	return nil
}

// lessons is the teacher as package train takes it, for batches of so many pictures; nil without one.
func (t *teacher) lessons(batch int) *train.Teacher {
	if t == nil {
		return nil
	}
	o := t.j.o.Teacher
	return &train.Teacher{Weight: o.Weight, Temperature: o.Temperature, Features: o.Features, Width: t.base.Width, Memory: t.memory(batch), Run: t.run}
}

// memory returns the bytes that the teacher takes while it teaches batches of so many pictures: its answers, where it has
// given them all; else its network, the values inside, and the pictures in its own size.
func (t *teacher) memory(batch int) int64 {
	bytes := t.bytes + 4*int64(len(t.logits)+len(t.features))
	if t.look == nil {
		return bytes
	}
	for _, w := range t.base.Graph.Init {
		bytes += 4 * int64(len(w.F))
	}
	bytes += 4 * int64(batch) * int64(2*t.base.Width+t.conclude.OutputShape(0)[0])
	if t.base.Spec != t.j.base.Spec {
		bytes += 3 * int64(batch) * pixelBytes(t.base.Spec) // at hand, the next, and those that are being loaded
	}
	return bytes
}

// run answers for some training pictures in an epoch, of which the network itself gets x.
func (t *teacher) run(ctx context.Context, epoch int, turns []train.Turn, x []float32) (logits, features []float32, err error) {
	if t.look == nil {
		k, d := len(t.columns), t.base.Width
		for _, u := range turns {
			logits = append(logits, t.logits[u.Row*k:][:k]...)
			if t.scale != nil {
				features = append(features, t.features[u.Row*d:][:d]...)
			}
		}
		return logits, features, nil
	}
	if t.base.Spec != t.j.base.Spec {
		if x, err = t.view(ctx, epoch, turns); err != nil {
			return nil, nil, err
		}
	}
	t.seen = append(t.seen[:0], make([]float32, len(turns)*t.base.Width)...)
	if err := t.look.Run(ctx, [][]float32{t.seen}, [][]float32{x}, len(turns)); err != nil {
		return nil, nil, err
	}
	return t.answers(ctx, t.seen)
}

// view draws the pictures that the network gets in the size of the teacher.
func (t *teacher) view(ctx context.Context, epoch int, turns []train.Turn) ([]float32, error) {
	d := draw{spec: t.base.Spec, epoch: epoch, index: t.j.train, turns: turns, batch: len(turns)}
	err := t.j.eachDrawn(ctx, d, func(b loader.Batch, _ []float32) error {
		t.pixels = append(t.pixels[:0], b.Pixels...)
		return nil
	})
	return t.pixels, err
}

// answers returns the logits, of the data's classes and in their order, and the features to learn from, of features as the
// teacher's base gives them.
func (t *teacher) answers(ctx context.Context, x []float32) (logits, features []float32, err error) {
	d := t.base.Width
	n, all := len(x)/d, t.conclude.OutputShape(0)[0]
	z := make([]float32, n*all)
	if err := t.conclude.Run(ctx, [][]float32{z}, [][]float32{x}, n); err != nil {
		return nil, nil, err
	}
	logits = make([]float32, 0, n*len(t.columns))
	for i := range n {
		for _, c := range t.columns {
			logits = append(logits, z[i*all+c])
		}
	}
	if t.scale == nil {
		return logits, nil, nil
	}
	features = make([]float32, len(x))
	for i := range n {
		t.scale(features[i*d:][:d], x[i*d:][:d])
	}
	return logits, features, nil
}
