package train

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// Sweep says which learning rates are tried: Steps of them, each the same multiple of the one before.
type Sweep struct {
	From, To float64             // default 1e-6 and 1, for SGD 1e-5 and 10
	Steps    int                 // default 100
	Step     func(done, all int) // is told of each step; may be nil
}

// RatePoint is a step of a sweep.
type RatePoint struct {
	Rate   float64
	Loss   float64 // of the step's batch, before the step
	Smooth float64 // exponential mean of the losses so far
}

// RateCurve is what a sweep shows. It ends before Sweep.To where the loss explodes.
type RateCurve struct {
	Points    []RatePoint
	Suggested float64
	Reason    string // what was taken for Suggested
}

func (s Sweep) withDefaults(optimizer string) (Sweep, error) {
	from, to := 1e-6, 1.0
	if optimizer == SGD {
		from, to = 1e-5, 10
	}
	setDefault(&s.From, from)
	setDefault(&s.To, to)
	setDefault(&s.Steps, 100)
	if !(s.From > 0 && s.To > s.From && s.To <= math.MaxFloat32) {
		return s, fmt.Errorf("train: learning rates from %v to %v, want from above 0 to more than that", s.From, s.To)
	}
	if s.Steps < minSweep || s.Steps > 1e6 {
		return s, fmt.Errorf("train: a sweep of %d steps, want %d to a million", s.Steps, minSweep)
	}
	return s, nil
}

// The least steps of a sweep; the share of its steps before which nothing is judged; how the losses are smoothed;
// and the multiple of the least loss at which a sweep ends.
const (
	minSweep     = 10
	sweepHead    = 0.1
	sweepSmooth  = 0.9
	sweepExplode = 4
)

// errSwept ends a sweep.
var errSwept = errors.New("the sweep is over")

// sweeper collects a curve.
type sweeper struct {
	Sweep
	points []RatePoint
	mean   float64 // of the losses, exponential, from zero
	least  float64
}

func newSweeper(s Sweep) *sweeper { return &sweeper{Sweep: s, least: math.Inf(1)} }

// rates is the sweep as a schedule.
func (s *sweeper) rates() schedule {
	return schedule{kind: Step, rate: s.From, every: 1, factor: math.Pow(s.To/s.From, 1/float64(s.Steps-1))}
}

// add takes a step and reports errSwept if it was the last, as one that diverged is.
func (s *sweeper) add(rate, loss float64, err error) error {
	if errors.Is(err, errDiverged) {
		return errSwept
	}
	if err != nil {
		return err
	}
	s.mean = sweepSmooth*s.mean + (1-sweepSmooth)*loss
	smooth := s.mean / (1 - math.Pow(sweepSmooth, float64(len(s.points)+1)))
	s.points = append(s.points, RatePoint{rate, loss, smooth})
	if s.Step != nil {
		s.Step(len(s.points), s.Steps)
	}
	if s.judges(len(s.points) - 1) {
		s.least = min(s.least, smooth)
	}
	if len(s.points) == s.Steps || smooth > sweepExplode*s.least+0.1 {
		return errSwept
	}
	return nil
}

// judges reports whether point i is far enough from the start to say something.
func (s *sweeper) judges(i int) bool { return float64(i) >= sweepHead*float64(s.Steps) }

// curve chooses a rate: where the smoothed loss falls most for a multiple of the rate, or, where it does not fall by
// a twentieth, a tenth of the rate from which on it rises.
func (s *sweeper) curve() (*RateCurve, error) {
	c := &RateCurve{Points: s.points}
	at := -1
	for i, p := range s.points {
		if s.judges(i) && (at < 0 || p.Smooth <= s.points[at].Smooth) {
			at = i
		}
	}
	if at < 0 {
		return nil, fmt.Errorf("train: the loss explodes at a learning rate of %.3g, after %d steps: begin the sweep lower", s.From, len(s.points))
	}
	start := int(math.Ceil(sweepHead * float64(s.Steps)))
	if first := s.points[start].Smooth; s.points[at].Smooth > 0.95*first {
		c.Suggested, c.Reason = s.points[at].Rate/10, "a tenth of the rate from which on the loss rises"
		return c, nil
	}
	const span = 2 // steps to both sides that a slope is taken over
	steepest, best := 0.0, at
	for i := start; i <= at; i++ {
		lo, hi := max(start, i-span), min(at, i+span)
		if hi == lo {
			continue
		}
		if slope := (s.points[lo].Smooth - s.points[hi].Smooth) / float64(hi-lo); slope > steepest {
			steepest, best = slope, i
		}
	}
	c.Suggested, c.Reason = s.points[best].Rate, "where the loss falls fastest"
	return c, nil
}

// FindRate trains a copy of the network's last phase with rates that rise from step to step, and watches the loss.
func FindRate(ctx context.Context, net Network, train Set, o TuneOptions, sweep Sweep) (*RateCurve, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	o.Checkpoints, o.Average = nil, 0
	sweep, err := sweep.withDefaults(o.Optimizer)
	if err != nil {
		return nil, err
	}
	net.Phases = net.Phases[len(net.Phases)-1:]
	t, err := newTuning(net, train, Set{}, o, Hooks{})
	if err != nil {
		return nil, err
	}
	if err := t.enter(t.net.Phases[0]); err != nil {
		return nil, err
	}
	s := newSweeper(sweep)
	t.rates = s.rates()
	for epoch := 1; err == nil; epoch++ {
		order := t.sampler.turns(epoch)
		err = train.Load(ctx, epoch, order, o.Batch, func(x, targets []float32) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			turns := order[:min(len(order), o.Batch)]
			order = order[len(turns):]
			before := t.state
			err := t.step(ctx, x, targets, turns)
			return s.add(t.rates.at(before.Steps), float64((t.state.Sum-before.Sum)/(t.state.Weight-before.Weight)), err)
		})
	}
	if !errors.Is(err, errSwept) {
		return nil, err
	}
	return s.curve()
}

// FindHeadRate is FindRate for a head, as FitHead trains it.
func FindHeadRate(ctx context.Context, train Data, o HeadOptions, sweep Sweep) (*RateCurve, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	if o.Optimizer == LBFGS {
		return nil, errors.New("train: lbfgs has no learning rate to find")
	}
	sweep, err := sweep.withDefaults(o.Optimizer)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(train.check("training", train.D, o), o.checkClasses(train)); err != nil {
		return nil, err
	}
	f, err := newFit(train, Data{}, o, nil)
	if err != nil {
		return nil, err
	}
	s := newSweeper(sweep)
	rates := s.rates()
	for epoch := 1; err == nil; epoch++ {
		order := f.sampler.turns(epoch)
		for lo := 0; lo < len(order) && err == nil; lo += o.Batch {
			if err = ctx.Err(); err != nil {
				return nil, err
			}
			rate := rates.at(len(s.points))
			value, stepErr := f.batch(order[lo:min(len(order), lo+o.Batch)], epoch, rate)
			if stepErr == nil && !isFinite(value) {
				stepErr = diverged(value, epoch, rate)
			}
			err = s.add(rate, value, stepErr)
		}
	}
	if !errors.Is(err, errSwept) {
		return nil, err
	}
	return s.curve()
}
