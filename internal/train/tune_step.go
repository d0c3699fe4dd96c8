package train

import (
	"context"
	"math"
	"time"

	"github.com/graft-ml/graft/internal/nn"
)

// batch is what a step learns from.
type batch struct {
	x, targets []float32 // targets [N,K] are soft labels; nil: the labels
	labels     [][]int
	keys       []uint64
	total      float64 // what the pictures count for together
	lesson     *lesson // nil without a teacher

	sum   float64 // of the losses of the parts so far
	right score
}

// step does one step on a batch of inputs x, those of turns, towards their soft labels, if there are any, or their labels.
func (t *tuning) step(ctx context.Context, x, targets []float32, turns []Turn) error {
	start := time.Now()
	rate := t.rates.at(t.state.Steps)
	b := t.batch(x, targets, turns)
	var err error
	if b.lesson, err = t.lesson(ctx, turns, x); err != nil {
		return err
	}
	for lo := 0; lo < len(turns); lo += t.micro {
		if err := t.part(b, lo, min(len(turns), lo+t.micro)); err != nil {
			return err
		}
	}
	for _, p := range t.params {
		p.g = t.tape.Grad(p.name)
	}
	if value := b.sum / b.total; !isFinite(value) {
		return diverged(value, t.number(), rate)
	}
	if t.o.ClipNorm > 0 {
		t.opt.clip(t.params, t.o.ClipNorm)
	}
	t.opt.step(t.params, rate)
	t.average.step(t.opt, t.params)
	if t.outlook.Step == 0 {
		if t.outlook.Step = max(1, time.Since(start)); t.hooks.Outlook != nil {
			t.hooks.Outlook(t.outlook)
		}
	}
	t.state.stepped(b.sum, b.total, b.right, rate, time.Since(start))
	return nil
}

// batch gathers what a step on some of the training set learns from.
func (t *tuning) batch(x, targets []float32, turns []Turn) *batch {
	t.labels, t.keys = t.labels[:0], t.keys[:0]
	for _, u := range turns {
		t.labels, t.keys = append(t.labels, t.train.Labels[u.Row]), append(t.keys, u.Key(t.train.key(u.Row)))
	}
	b := &batch{x: x, targets: targets, labels: t.labels, keys: t.keys, total: t.stepLoss.total(t.labels)}
	if targets != nil {
		b.total = t.stepLoss.softTotal(targets)
	}
	return b
}

// part runs the pictures [lo, hi) of a batch forward and backward.
func (t *tuning) part(b *batch, lo, hi int) error {
	size, k := len(b.x)/len(b.labels), t.o.Classes
	z, err := t.tape.Forward(hi-lo, [][]float32{b.x[lo*size : hi*size]}, t.masks(b.keys[lo:hi]))
	if err != nil {
		return err
	}
	z, projected := t.split(z, hi-lo)
	t.dz = sized(t.dz, len(z))
	share := b.lesson.share()
	if b.targets != nil {
		b.sum += share * t.stepLoss.softSum(t.dz, z, b.targets[lo*k:hi*k], share/b.total)
	} else {
		b.sum += share * t.stepLoss.sum(t.dz, z, b.labels[lo:hi], share/b.total)
	}
	b.right.add(z, b.labels[lo:hi], t.o.MultiLabel)
	dz := t.dz
	if b.lesson != nil {
		b.sum += b.total * b.lesson.softened(dz, z, lo)
	}
	if projected != nil {
		dp := make([]float32, len(projected))
		b.sum += b.total * b.lesson.apart(dp, projected, lo)
		dz = t.beside(dz, dp, hi-lo)
	}
	if lo == 0 {
		return t.tape.Backward(dz)
	}
	return t.tape.Accumulate(dz)
}

// split parts the rows that the tape gives into the logits and the projected features, nil where there is no projection.
func (t *tuning) split(rows []float32, n int) (z, projected []float32) {
	if t.projection == nil {
		return rows, nil
	}
	k, d := t.o.Classes, t.projection.out
	t.z = sized(t.z, n*k)
	projected = make([]float32, n*d)
	for i := range n {
		copy(t.z[i*k:][:k], rows[i*(k+d):])
		copy(projected[i*d:][:d], rows[i*(k+d)+k:])
	}
	return t.z, projected
}

// beside is the reverse of split.
func (t *tuning) beside(dz, dp []float32, n int) []float32 {
	k, d := t.o.Classes, t.projection.out
	t.both = sized(t.both, n*(k+d))
	for i := range n {
		copy(t.both[i*(k+d):], dz[i*k:][:k])
		copy(t.both[i*(k+d)+k:], dp[i*d:][:d])
	}
	return t.both
}

// masks draws the masks of dropout for the pictures called keys; nil if there is none.
func (t *tuning) masks(keys []uint64) func(*nn.Node, []float32) {
	if len(t.dropouts) == 0 {
		return nil
	}
	return func(n *nn.Node, dst []float32) {
		if layer, ok := t.dropouts[n.Name]; ok {
			dropMask(dst, t.o.Dropout, t.o.Seed, layer, t.number(), keys)
			return
		}
		for i := range dst { // a Dropout that came with the network
			dst[i] = 1
		}
	}
}

// number is that of the epoch under way, from 1.
func (t *tuning) number() int { return len(t.state.History) + 1 }

// add counts the pictures of a batch.
func (s *score) add(z []float32, labels [][]int, multi bool) {
	k := len(z) / max(1, len(labels))
	for i, y := range labels {
		if zi := z[i*k : (i+1)*k]; multi {
			s.addSet(zi, y)
		} else {
			s.addOne(zi, y[0])
		}
	}
}

// record ends an epoch: it measures the validation data and keeps the values if they are the best.
func (t *tuning) record(ctx context.Context) error {
	start := time.Now()
	s := &t.state
	e := Epoch{Epoch: len(s.History) + 1, Phase: t.net.Phases[s.Phase].Name, LearningRate: float64(s.Rate),
		TrainLoss: float64(s.Sum / s.Weight), TrainAccuracy: (&score{s.Right, s.All}).share(), ValLoss: math.NaN(), ValAccuracy: math.NaN()}
	judge := math.Inf(-1) // without validation every epoch is better than the last
	if t.val.N() > 0 {
		var err error
		if e.ValLoss, e.ValAccuracy, err = t.measure(ctx); err != nil {
			return err
		}
		judge = e.ValLoss
	}
	if judge < float64(s.Best.Loss) || t.val.N() == 0 {
		t.best = map[string][]float32{}
		for name, v := range t.current(true) {
			if t.net.Graph.Init[name] != nil {
				t.best[name] = append([]float32(nil), v...)
			}
		}
		s.Best = bestState{Epoch: e.Epoch, Loss: number(judge)}
	}
	e.Seconds = float64(s.Seconds) + time.Since(start).Seconds()
	s.ended(e)
	if t.hooks.Epoch != nil {
		t.hooks.Epoch(e)
	}
	return nil
}

// measure returns the mean loss and the accuracy on the validation data.
func (t *tuning) measure(ctx context.Context) (lossValue, accuracy float64, err error) {
	plan, err := nn.NewPlan(t.withValues(t.current(true)), nn.PlanOptions{Pool: t.o.Pool, MaxBatch: t.judged})
	if err != nil {
		return 0, 0, err
	}
	sum, right, done := 0.0, score{}, 0
	err = t.val.Load(ctx, 0, Turns(t.val.N()), t.o.Batch, func(x, _ []float32) error {
		labels := t.val.Labels[done:min(t.val.N(), done+t.o.Batch)]
		t.z = sized(t.z, len(labels)*t.o.Classes)
		if err := plan.Run(ctx, [][]float32{t.z}, [][]float32{x}, len(labels)); err != nil {
			return err
		}
		sum += t.loss.sum(nil, t.z, labels, 0)
		right.add(t.z, labels, t.o.MultiLabel)
		done += len(labels)
		return nil
	})
	return sum / t.loss.total(t.val.Labels), right.share(), err
}
