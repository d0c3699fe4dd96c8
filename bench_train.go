package graft

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/train"
)

// benchClasses is how many classes a network is trained for where its steps are measured, as ImageNet has them: others
// are measured with as many.
const benchClasses = 1000

// errMeasured ends a training that was long enough.
var errMeasured = errors.New("measured")

// training measures steps of training on the same pictures again and again. The rate is next to nothing, so that
// random weights stay what they are; the arithmetic is the same.
func (b *bench) training(ctx context.Context) error {
	if b.base.SinglePicture() {
		return fmt.Errorf("backbone %s: its file fixes the batch to one picture, and such a network cannot be trained", b.base.Name)
	}
	g, err := b.classifier()
	if err != nil {
		return err
	}
	r := b.report
	precision, _ := parsePrecision(b.o.Precision) // validate has looked at it
	r.Train, r.Precision, r.BatchNorm = true, precision.String(), cmp.Or(b.o.BatchNorm, normBatch)
	if r.GFLOP, err = b.stepGFLOP(ctx, g); err != nil {
		return err
	}
	const steps = 64 // of an epoch
	learn, m := train.Set{Labels: make([][]int, steps*b.o.Batch)}, (*meter)(nil)
	for i := range learn.Labels {
		learn.Labels[i] = []int{i % benchClasses}
	}
	learn.Load = func(_ context.Context, _ int, turns []train.Turn, n int, each func(x, targets []float32) error) error {
		for range len(turns) / n {
			if err := each(b.src[0], nil); err != nil {
				return err
			}
			if m == nil { // the first step lays the program out
				m = newMeter(b.o)
			} else if !m.ran() {
				return errMeasured
			}
		}
		return nil
	}
	net := train.Network{Graph: g, Phases: []train.Phase{{Name: "all", Params: train.Parameters(g), Epochs: 1 << 30}}}
	o := train.TuneOptions{Classes: benchClasses, Optimizer: train.SGD, LearningRate: 1e-9, WeightDecay: -1, Schedule: train.Constant,
		Batch: b.o.Batch, BatchStats: r.BatchNorm == normBatch, ClassWeights: train.None, Pool: b.pool, Precision: precision}
	_, err = train.Tune(ctx, net, learn, train.Set{}, o, train.Hooks{Outlook: func(l train.Outlook) { r.Params, r.Memory = l.Params, l.Memory/1e6 }})
	if !errors.Is(err, errMeasured) {
		return err
	}
	m.tell(r)
	return nil
}

// classifier returns the network with a dense layer behind its features.
func (b *bench) classifier() (*nn.Graph, error) {
	base, err := nn.Fold(b.base.Graph)
	if err != nil {
		return nil, err
	}
	head, err := train.NewHead(b.base.Width, train.HeadOptions{Classes: benchClasses})
	if err != nil {
		return nil, err
	}
	return nn.Join(base, head), nil
}

// stepGFLOP is what a step of training takes for a picture.
func (b *bench) stepGFLOP(ctx context.Context, g *nn.Graph) (float64, error) {
	plan, err := nn.NewPlan(g, nn.PlanOptions{Pool: b.pool, MaxBatch: 1})
	if err != nil {
		return 0, fmt.Errorf("backbone %s: %w", b.base.Name, err)
	}
	picture := b.src[0][:len(b.src[0])/b.o.Batch]
	steps, err := plan.Profile(ctx, [][]float32{make([]float32, benchClasses)}, [][]float32{picture}, 1)
	if err != nil {
		return 0, err
	}
	all, first := int64(0), int64(0)
	for _, s := range steps {
		all += s.MACs
		if first == 0 {
			first = s.MACs
		}
	}
	return 2 * float64(3*all-first) / 1e9, nil
}
