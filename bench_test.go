package graft_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/graft-ml/graft"
)

func TestBench(t *testing.T) {
	r, err := graft.Bench(t.Context(), graft.BenchOptions{Batch: 2, Seconds: 0.05, Layers: true})
	if err != nil {
		t.Fatal(err)
	}
	if r.Weights != "embedded" || r.Width != 96 || r.Features != 384 || r.Threads < 1 || r.Threads > r.Cores {
		t.Errorf("measured %+v", r)
	}
	for name, s := range map[string]graft.Spread{"images": r.Images, "batch": r.BatchTime, "GFLOPS": r.GFLOPS, "share": r.PeakShare} {
		if !(s.Min > 0 && s.Min <= s.Median && s.Median <= s.Max) {
			t.Errorf("%s: %+v", name, s)
		}
	}
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 1e-6*math.Abs(want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	near("the slowest batch", r.BatchTime.Max, 1000*2/r.Images.Min)
	near("the fastest batch", r.BatchTime.Min, 1000*2/r.Images.Max)
	near("GFLOP/s", r.GFLOPS.Max, r.Images.Max*r.GFLOP)
	near("share of peak", r.PeakShare.Min*r.Peak.AllThreads, r.GFLOPS.Min)
	flop, time := 0.0, 0.0
	for _, l := range r.Layers {
		flop += l.GFLOP
		time += l.TimeShare
		if l.Op == "" || l.Geometry == "" || !(l.Time.Min > 0) || l.Megabytes <= 0 {
			t.Errorf("layer %+v", l)
		}
	}
	near("GFLOP of all layers", flop, 2*r.GFLOP)
	near("shares of time", time, 1)
}

func TestBenchStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := graft.Bench(ctx, graft.BenchOptions{Seconds: 60}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	var option *graft.OptionError
	if _, err := graft.Bench(t.Context(), graft.BenchOptions{Seconds: math.NaN()}); !errors.As(err, &option) {
		t.Errorf("error %v", err)
	}
}
