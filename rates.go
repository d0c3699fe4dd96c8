package graft

import (
	"context"
	"io"

	"github.com/graft-ml/graft/internal/atomicfile"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/report"
	"github.com/graft-ml/graft/internal/train"
)

// RateSweep says which learning rates FindRate tries.
type RateSweep struct {
	From, To float64 // 0: 1e-6 and 1, for sgd 1e-5 and 10
	Steps    int     // 0: 100; each has the same multiple of the rate of the one before

	// Plot is the file to which the curve is drawn as SVG; it must not exist. "": none.
	Plot string
}

// RatePoint is one step of a sweep.
type RatePoint struct {
	Rate   float64 `json:"rate"`
	Loss   float64 `json:"loss"`   // of the step's pictures, before the step
	Smooth float64 `json:"smooth"` // exponential mean of the losses so far
}

// RateCurve is the loss while the learning rate rises.
type RateCurve struct {
	Points    []RatePoint `json:"points"`
	Suggested float64     `json:"suggested"`
	Reason    string      `json:"reason"` // what was taken for Suggested
}

// FindRate tries learning rates on what Train with these options would train: of a frozen base on the head, else
// on the network, with its head fitted first. Each step has a higher rate than the one before; the rate at which the
// loss falls fastest is a good one. Nothing is written but the plot and the caches.
func FindRate(ctx context.Context, path string, o TrainOptions, s RateSweep) (*RateCurve, error) {
	if err := o.validate(); err != nil {
		return nil, &OptionError{err}
	}
	if o.Strategy == strategyAuto || o.Strategy == "" && len(o.Backbone.Depths) == 0 { // the rate is one head's
		o.Strategy = strategyFrozen
		if len(o.Backbone.Depths) > 0 {
			o.Strategy = strategyMulti
		}
	}
	o = o.withDefaults()
	if s.Plot != "" {
		if err := checkOutside(path, s.Plot); err != nil {
			return nil, err
		}
	}
	j := &job{path: path, o: o, pool: nn.NewPool(o.Reading.Threads), unwritten: true}
	defer j.close()
	var found *train.RateCurve
	steps := j.plan()
	for _, stage := range steps[:len(steps)-3] { // up to what is to be tried: behind it are the test and the run folder
		if err := stage.run(ctx); err != nil {
			return nil, err
		}
	}
	found, err := j.sweep(ctx, train.Sweep{From: s.From, To: s.To, Steps: s.Steps,
		Step: func(done, all int) { progress(o.Progress).step("rates", done, all) }})
	if err != nil {
		return nil, err
	}
	c := &RateCurve{Suggested: found.Suggested, Reason: found.Reason}
	for _, p := range found.Points {
		c.Points = append(c.Points, RatePoint(p))
	}
	if s.Plot == "" {
		return c, nil
	}
	return c, atomicfile.WriteNew(s.Plot, func(w io.Writer) error { return report.PlotRates(w, c.series(), c.Suggested) })
}

// series is the curve as the plot takes it.
func (c *RateCurve) series() []report.Rate {
	var out []report.Rate
	for _, p := range c.Points {
		out = append(out, report.Rate(p))
	}
	return out
}

// sweep tries the rates.
func (j *job) sweep(ctx context.Context, s train.Sweep) (*train.RateCurve, error) {
	if !j.o.tunes() {
		return train.FindHeadRate(ctx, j.gatherViews(j.train), j.headOptions(), s)
	}
	_, net, err := j.network()
	if err != nil {
		return nil, err
	}
	learn, _, err := j.sets(ctx)
	if err != nil {
		return nil, err
	}
	o := j.tuneOptions()
	j.noteSlow(o)
	return train.FindRate(ctx, net, learn, o, s)
}
