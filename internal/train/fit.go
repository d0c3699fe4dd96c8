package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/graft-ml/graft/internal/nn"
)

// fit is the state of the training of a head.
type fit struct {
	o          HeadOptions
	train, val Data
	onEpoch    func(Epoch)
	scaler     *scaler
	loss       *loss // of whole epochs
	steps      *loss // of steps
	sampler    *sampler
	layers     []dense // the values that train, those of tape
	tape       *nn.Tape
	params     []*param
	dropouts   map[string]uint64 // the index of each Dropout node, by name
	optimizer  *optimizer

	x, dz  []float32 // the batch: standardised features, gradient by the logits
	labels [][]int
	keys   []uint64
	logits []float32 // of the pictures that are being measured

	result   Result
	bestLoss float64
	started  time.Time // of the epoch
}

func newFit(train, val Data, o HeadOptions, onEpoch func(Epoch)) (*fit, error) {
	f := &fit{o: o, train: train, val: val, onEpoch: onEpoch, bestLoss: math.Inf(1), started: time.Now()}
	if f.scaler = noScaler(train.D); !o.NoStandardise {
		f.scaler = newScaler(train)
	}
	f.steps, f.loss = losses(o, train.counts(o.Classes))
	f.sampler = newSampler(train.Labels, o)
	f.optimizer = &optimizer{rule: o.rule(), pool: o.Pool}
	var err error
	if f.layers, err = newLayers(train.D, o); err != nil {
		return nil, err
	}
	return f, f.newTape()
}

// newTape makes the tape, and makes the layers those that it trains.
func (f *fit) newTape() error {
	g, err := buildHead(f.layers, f.o, true)
	if err != nil {
		return err
	}
	var names []string
	for i := range f.layers {
		names = append(names, weightName(i), biasName(i))
	}
	if f.tape, err = nn.NewTape(g, nn.TapeOptions{Params: names, Pool: f.o.Pool}); err != nil {
		return err
	}
	for i := range f.layers {
		l := &f.layers[i]
		l.w, l.b = f.tape.Param(weightName(i)), f.tape.Param(biasName(i))
		f.params = append(f.params, &param{w: l.w, decay: true}, &param{w: l.b})
	}
	f.dropouts = map[string]uint64{}
	for _, n := range g.Nodes {
		if n.Op == "Dropout" {
			f.dropouts[n.Name] = uint64(len(f.dropouts))
		}
	}
	return nil
}

// epochs trains by steps on shuffled batches.
func (f *fit) epochs(ctx context.Context) error {
	steps := (f.train.N() + f.o.Batch - 1) / f.o.Batch
	rates := newSchedule(f.o, steps)
	for epoch := 1; epoch <= f.o.Epochs; epoch++ {
		f.started = time.Now()
		step, rate := 0, 0.0
		err := f.load(ctx, epoch, func(turns []Turn, x, targets []float32) error {
			rate = rates.at((epoch-1)*steps + step)
			step++
			value, err := f.batchOf(turns, x, targets, epoch, rate)
			if err == nil && !isFinite(value) {
				err = diverged(value, epoch, rate)
			}
			return err
		})
		if err != nil {
			return err
		}
		if f.o.OnlyLast && epoch < f.o.Epochs {
			continue
		}
		if stop, err := f.record(ctx, epoch, rate); err != nil || stop {
			return err
		}
	}
	return nil
}

// load calls each with the turns of one batch after the other, shuffled; with their features and soft labels where those
// are drawn anew.
func (f *fit) load(ctx context.Context, epoch int, each func(turns []Turn, x, targets []float32) error) error {
	order := f.sampler.turns(epoch)
	next := func() []Turn {
		turns := order[:min(len(order), f.o.Batch)]
		order = order[len(turns):]
		return turns
	}
	if f.train.Fresh != nil {
		return f.train.Fresh(ctx, epoch, order, f.o.Batch, func(x, targets []float32) error { return each(next(), x, targets) })
	}
	for len(order) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(next(), nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// batch does one step on some of the training data and returns its mean loss before it.
func (f *fit) batch(turns []Turn, epoch int, rate float64) (float64, error) {
	return f.batchOf(turns, nil, nil, epoch, rate)
}

// batchOf is batch with features x in place of those that the data holds, and towards soft labels, if there are any.
func (f *fit) batchOf(turns []Turn, x, targets []float32, epoch int, rate float64) (float64, error) {
	f.gather(turns, x)
	var mask func(*nn.Node, []float32)
	if f.o.Dropout > 0 {
		mask = func(n *nn.Node, dst []float32) {
			dropMask(dst, f.o.Dropout, f.o.Seed, f.dropouts[n.Name], epoch, f.keys)
		}
	}
	z, err := f.tape.Forward(len(turns), [][]float32{f.x}, mask)
	if err != nil {
		return 0, err
	}
	f.dz = sized(f.dz, len(z))
	var value float64
	if targets != nil {
		total := f.steps.softTotal(targets)
		value = f.steps.softSum(f.dz, z, targets, 1/total) / total
	} else {
		value = f.steps.mean(f.dz, z, f.labels)
	}
	if err := f.tape.Backward(f.dz); err != nil {
		return 0, err
	}
	for i := range f.layers {
		f.params[2*i].g, f.params[2*i+1].g = f.tape.Grad(weightName(i)), f.tape.Grad(biasName(i))
	}
	f.optimizer.step(f.params, rate)
	return value, nil
}

// gather makes a batch of some of the training data, whose features are x, or what the data holds.
func (f *fit) gather(turns []Turn, x []float32) {
	d := f.train.D
	f.x = sized(f.x, len(turns)*d)
	f.labels, f.keys = f.labels[:0], f.keys[:0]
	for i, u := range turns {
		from := f.train.row(u.Row)
		if x != nil {
			from = x[i*d : (i+1)*d]
		}
		f.scaler.apply(f.x[i*d:(i+1)*d], from)
		f.labels, f.keys = append(f.labels, f.train.Labels[u.Row]), append(f.keys, u.Key(f.train.key(u.Row)))
	}
}

// record is keep for the head as it stands after an epoch.
func (f *fit) record(ctx context.Context, epoch int, rate float64) (stop bool, err error) {
	head, err := f.folded()
	if err != nil {
		return false, err
	}
	return f.keep(ctx, head, epoch, rate)
}

// keep measures a head, tells the caller, and keeps it if it is the best so far. It reports whether training should
// stop.
func (f *fit) keep(ctx context.Context, head *nn.Graph, epoch int, rate float64) (stop bool, err error) {
	plan, err := nn.NewPlan(head, nn.PlanOptions{Pool: f.o.Pool, MaxBatch: measureRows})
	if err != nil {
		return false, err
	}
	e := Epoch{Epoch: epoch, LearningRate: rate, ValLoss: math.NaN(), ValAccuracy: math.NaN()}
	if e.TrainLoss, e.TrainAccuracy, err = f.measure(ctx, plan, f.train); err != nil {
		return false, err
	}
	judge := math.Inf(-1) // without validation every epoch is better than the last
	if f.val.N() > 0 {
		if e.ValLoss, e.ValAccuracy, err = f.measure(ctx, plan, f.val); err != nil {
			return false, err
		}
		judge = e.ValLoss
	}
	if !isFinite(e.TrainLoss) {
		return false, diverged(e.TrainLoss, epoch, rate)
	}
	e.Seconds = time.Since(f.started).Seconds()
	f.result.History = append(f.result.History, e)
	if judge < f.bestLoss || f.val.N() == 0 {
		f.bestLoss, f.result.BestEpoch, f.result.Head = judge, epoch, head
	}
	if f.onEpoch != nil {
		f.onEpoch(e)
	}
	return f.o.Patience > 0 && epoch-f.result.BestEpoch >= f.o.Patience, nil
}

// folded returns a head of its own with the weights as they stand, on features that are not standardised.
func (f *fit) folded() (*nn.Graph, error) {
	layers := make([]dense, len(f.layers))
	for i, l := range f.layers {
		s := noScaler(l.in)
		if i == 0 {
			s = f.scaler
		}
		layers[i] = l
		layers[i].w, layers[i].b = s.fold(l.w, l.b)
	}
	return buildHead(layers, f.o, false)
}

// errDiverged is what an error about a loss that is no number wraps.
var errDiverged = errors.New("training diverged")

func diverged(value float64, epoch int, rate float64) error {
	if rate == 0 {
		return fmt.Errorf("train: the loss is %v in iteration %d: %w (try adam)", value, epoch, errDiverged)
	}
	return fmt.Errorf("train: the loss is %v in epoch %d at learning rate %.3g: %w (try a rate of %.1g)", value, epoch, rate, errDiverged, rate/10)
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// sized returns s with n elements, reusing its memory if it can.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
