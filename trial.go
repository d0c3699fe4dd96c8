package graft

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/strategy"
	"github.com/graft-ml/graft/internal/train"
)

// When training the network is worth a trial, and how long one is.
const (
	// fewToTune is the number of pictures of a class, on average, under which it is not: a few pictures leave millions
	// of weights where they are, or spoil them.
	fewToTune = 20

	// errorsToTune is the number of pictures of a fold that the best head must have wrong: if a network had a third of
	// them right and broke no other, a paired difference of so few would just be larger than its 95 % interval.
	errorsToTune = 12

	trialEpochs = 3
)

// tuneTrial is the trial of a strategy that trains the network: on all folds but the first, judged on that one.
type tuneTrial struct {
	j    *job // a copy, whose training pictures are those of the trial
	p    *strategy.Problem
	held []int // rows of p
	net  train.Network

	epochs int // of the training that follows
}

// tryTuning compares training the last stages with the best head on a frozen network, if there is enough to gain, and
// time. It returns the row of the table, with a score where it was tried.
func (j *job) tryTuning(ctx context.Context, p *strategy.Problem, best strategy.Score) (*strategy.Score, Trial, error) {
	row := Trial{Name: strategyPartial, Strategy: strategyPartial}
	if row.Reason = j.noTrial(p, best); row.Reason != "" {
		j.note("partial is not tried: %s", row.Reason)
		return nil, row, nil
	}
	score, err := j.tryPartial(ctx, p, &row)
	if err != nil && ctx.Err() == nil { // networks that are no trouble while they are frozen need not be trainable
		row.Reason, score, err = err.Error(), nil, nil
	}
	if row.Reason != "" {
		j.note("partial is not tried: %s", row.Reason)
	}
	return score, row, err
}

// tryPartial tries it if there is time. If not, the row gets the reason.
func (j *job) tryPartial(ctx context.Context, p *strategy.Problem, row *Trial) (*strategy.Score, error) {
	t, err := j.newTrial(ctx, p)
	if err != nil {
		return nil, err
	}
	cost, err := t.outlook(ctx)
	if err != nil {
		return nil, err
	}
	row.Estimate = cost.Seconds()
	if left := j.budget() - time.Since(j.began); cost > left {
		row.Reason = fmt.Sprintf("trial and training would take about %v, and %v of the budget of %v are left", roughly(cost), roughly(max(0, left)), j.budget())
		return nil, nil
	}
	j.note("partial: a trial on one fold, and the training if it is better, take about %v", roughly(cost))
	score, err := t.run(ctx)
	return &score, err
}

// roughly rounds a time to what an estimate can say.
func roughly(d time.Duration) time.Duration {
	if d > time.Minute {
		return d.Round(10 * time.Second)
	}
	return d.Round(time.Second)
}

// noTrial says why the network is not worth training, or is not to be; "" if it is worth a trial.
func (j *job) noTrial(p *strategy.Problem, best strategy.Score) string {
	classes := len(j.data.Classes)
	wrong, of := best.Wrong(p.Folds[0])
	switch {
	case j.numerics.precision != nn.F32:
		return fmt.Sprintf("the precision %v is for networks that are frozen", j.numerics.precision)
	case j.whole.SinglePicture():
		return "the network's file fixes the batch to one picture"
	case p.Data.N() < fewToTune*classes:
		return fmt.Sprintf("%d pictures of %d classes are few: from %d a class on", p.Data.N(), classes, fewToTune)
	case wrong < errorsToTune:
		return fmt.Sprintf("the best head has %.3g of %d pictures of a fold wrong: too few to show a gain (from %d on)", wrong, of, errorsToTune)
	}
	return ""
}

// newTrial makes the network of a trial, with a head that is fitted on its training pictures.
func (j *job) newTrial(ctx context.Context, p *strategy.Problem) (*tuneTrial, error) {
	index := append(slices.Clone(j.train), j.validation...)
	slices.Sort(index)
	t := &tuneTrial{j: new(job), p: p, held: p.Folds[0], epochs: j.o.Tuning.Epochs}
	*t.j = *j
	t.j.choice, t.j.head, t.j.frozen, t.j.train, t.j.validation = nil, nil, nil, nil, nil
	for _, fold := range p.Folds[1:] {
		for _, row := range fold {
			t.j.train = append(t.j.train, index[row])
		}
	}
	slices.Sort(t.j.train)
	for _, row := range t.held {
		t.j.validation = append(t.j.validation, index[row])
	}
	t.j.useLast(p)
	t.j.o.Tuning.Epochs = min(trialEpochs, j.o.Tuning.Epochs)
	t.j.o.Progress = func(e Event) {
		if e.Step != nil {
			progress(j.o.Progress).send(e)
		}
	}
	o := t.j.headOptions()
	o.OnlyLast = true
	var err error
	if t.j.head, err = train.FitHead(ctx, t.j.gather(t.j.train), train.Data{}, o, nil); err != nil {
		return nil, err
	}
	_, t.net, err = t.j.network()
	return t, err
}

// useLast makes j a training of the last stages, that begins with a linear head on the network's own features.
func (j *job) useLast(p *strategy.Problem) {
	last := []int{len(j.widths) - 1}
	j.o.Strategy, j.base = strategyPartial, j.whole
	first := strategy.First(p, strategy.SearchOptions{Head: j.headOptions()})
	j.o.Head = headOf(j.o.Head, first.Head)
	f := *j.feats
	f.matrix = j.narrow(f.matrix, last)
	j.feats, j.views = &f, nil
}

// errEstimated ends a training of which only the cost was asked.
var errEstimated = errors.New("estimated")

// outlook measures a step and a batch through the frozen stages, and returns what the trial and the training after it
// would take.
func (t *tuneTrial) outlook(ctx context.Context) (time.Duration, error) {
	j := t.j
	var frozen time.Duration // of a picture
	learn := j.pictures(j.train)
	if j.frozen != nil {
		n := min(fillBatch, len(j.train))
		start := time.Now()
		if err := j.frozen.compute(ctx, j.train[:n], n, func([]int, []float32) error { return nil }); err != nil {
			return 0, err
		}
		frozen, learn = time.Since(start)/time.Duration(n), j.frozen.set(j.train)
	}
	var step time.Duration
	ctx, cancel := context.WithCancelCause(ctx)
	_, err := train.Tune(ctx, t.net, learn, train.Set{}, j.tuneOptions(), train.Hooks{Outlook: func(l train.Outlook) {
		step = l.Step
		cancel(errEstimated)
	}})
	if err != nil && context.Cause(ctx) != errEstimated {
		return 0, err
	}
	all, batch := t.p.Data.N(), cmp.Or(j.o.Tuning.Batch, defaultTuneBatch)
	steps := (j.o.Tuning.Epochs*len(j.train) + t.epochs*all) / batch
	times := 1
	if j.frozen != nil && j.frozen.cache == nil {
		times = j.o.Tuning.Epochs + t.epochs
	}
	return time.Duration(times*all)*frozen + time.Duration(steps)*step, nil
}

// run trains for a few epochs, the last of which is kept, and judges the network on the fold that was held out.
func (t *tuneTrial) run(ctx context.Context) (strategy.Score, error) {
	start := time.Now()
	s := t.p.NewScore(strategy.Candidate{Name: fmt.Sprintf("partial: %s, %s", t.net.Phases[0].Name, count(t.j.o.Tuning.Epochs, "epoch", "epochs"))})
	learn, judge, err := t.j.sets(ctx)
	if err != nil {
		return s, err
	}
	r, err := train.Tune(ctx, t.net, learn, train.Set{}, t.j.tuneOptions(), t.j.hooks())
	if err != nil {
		return s, err
	}
	plan, err := nn.NewPlan(r.Graph, nn.PlanOptions{Pool: t.j.pool})
	if err != nil {
		return s, err
	}
	const batch = 32
	k, done := len(t.j.data.Classes), 0
	z := make([]float32, len(t.held)*k)
	err = judge.Load(ctx, 0, train.Turns(len(t.held)), batch, func(x, _ []float32) error {
		n := min(batch, len(t.held)-done)
		err := plan.Run(ctx, [][]float32{z[done*k : (done+n)*k]}, [][]float32{x}, n)
		done += n
		return err
	})
	if err != nil {
		return s, err
	}
	s.Judge(z, t.p.Data.Labels, t.held, k, t.j.data.MultiLabel)
	s.Seconds = time.Since(start).Seconds()
	return s, nil
}
