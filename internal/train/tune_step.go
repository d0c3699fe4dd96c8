package train

import (
	"context"
	"math"
	"time"

	"github.com/graft-ml/graft/internal/nn"
)

// step does one step on a batch of inputs x, those of rows, towards their soft labels, if there are any, or their labels.
func (t *tuning) step(x, targets []float32, rows []int) error {
	start := time.Now()
	rate := t.rates.at(t.state.Steps)
	t.labels = t.labels[:0]
	for _, r := range rows {
		t.labels = append(t.labels, t.train.Labels[r])
	}
	total := t.loss.total(t.labels)
	if targets != nil {
		total = t.loss.softTotal(targets)
	}
	sum, right, k := 0.0, score{}, t.o.Classes
	size := len(x) / len(rows)
	for lo := 0; lo < len(rows); lo += t.o.Micro {
		hi := min(len(rows), lo+t.o.Micro)
		labels := t.labels[lo:hi]
		z, err := t.tape.Forward(hi-lo, [][]float32{x[lo*size : hi*size]}, nil)
		if err != nil {
			return err
		}
		t.dz = sized(t.dz, len(z))
		if targets != nil {
			sum += t.loss.softSum(t.dz, z, targets[lo*k:hi*k], 1/total)
		} else {
			sum += t.loss.sum(t.dz, z, labels, 1/total)
		}
		right.add(z, labels, t.o.MultiLabel)
		back := t.tape.Accumulate
		if lo == 0 {
			back = t.tape.Backward
		}
		if err := back(t.dz); err != nil {
			return err
		}
	}
	for _, p := range t.params {
		p.g = t.tape.Grad(p.name)
	}
	epoch := len(t.state.History) + 1
	if value := sum / total; !isFinite(value) {
		return diverged(value, epoch, rate)
	}
	if t.o.ClipNorm > 0 {
		t.opt.clip(t.params, t.o.ClipNorm)
	}
	t.opt.step(t.params, rate)
	t.average.step(t.opt, t.params)
	if t.state.Steps == 0 && t.hooks.Outlook != nil {
		t.hooks.Outlook(t.outlook(time.Since(start)))
	}
	t.state.stepped(sum, total, right, rate, time.Since(start))
	return nil
}

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

// outlook says what the phase will cost, by its first step.
func (t *tuning) outlook(step time.Duration) Outlook {
	p := t.net.Phases[t.state.Phase]
	out := Outlook{Phase: p.Name, Epochs: p.Epochs, Steps: t.steps, Step: step}
	for _, q := range t.params {
		out.Params += len(q.w)
		out.Memory += 4 * int64(len(q.m)+len(q.v)+len(t.average.of[q.name]))
	}
	return out
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
			t.best[name] = append([]float32(nil), v...)
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
	plan, err := nn.NewPlan(t.withValues(t.current(true)), nn.PlanOptions{Pool: t.o.Pool})
	if err != nil {
		return 0, 0, err
	}
	rows := make([]int, t.val.N())
	for i := range rows {
		rows[i] = i
	}
	sum, right, done := 0.0, score{}, 0
	err = t.val.Load(ctx, 0, rows, t.o.Batch, func(x, _ []float32) error {
		labels := t.val.Labels[done:min(len(rows), done+t.o.Batch)]
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
