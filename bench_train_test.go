package graft_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/graft-ml/graft"
)

// A step of training takes three times the multiply-adds of a run, less those of the gradient by the pictures.
func TestBenchTrain(t *testing.T) {
	o := graft.BenchOptions{Backbone: graft.Backbone{Name: "resnet10s", Hub: graft.Hub{Store: t.TempDir()}}, Batch: 2, Seconds: 0.05}
	run, err := graft.Bench(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	o.Train = true
	r, err := graft.Bench(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	const first, dense = 2 * 32 * 32 * 32 * 27 / 1e9, 2 * 192 * 1000 / 1e9
	if want := 3*(run.GFLOP+dense) - first; math.Abs(r.GFLOP-want) > 1e-9 {
		t.Errorf("%v GFLOP, want %v", r.GFLOP, want)
	}
	if !r.Train || r.Params != 739_424+193_000 || r.Memory < 10 || r.Memory > 100 || r.Batch != 2 || r.Precision != "f32" {
		t.Errorf("measured %+v", r)
	}
	o.BatchNorm = "frozen"
	if frozen, err := graft.Bench(t.Context(), o); err != nil || r.BatchNorm != "batch" || frozen.BatchNorm != "frozen" || frozen.GFLOP != r.GFLOP {
		t.Errorf("measured %+v, error %v", frozen, err)
	}
	if !(r.Images.Min > 0 && r.Images.Min <= r.Images.Max && r.PeakShare.Max > 0) {
		t.Errorf("%+v pictures a second, %+v of the peak", r.Images, r.PeakShare)
	}
}

func TestBenchTrainRefuses(t *testing.T) {
	for want, o := range map[string]graft.BenchOptions{
		"training is measured in f32 or bf16": {Precision: "int8"},
		"layers and write go":                 {Layers: true},
		"not with steps of training":          {Write: "x.onnx"},
		`batch norm "group"`:                  {BatchNorm: "group"},
	} {
		o.Train = true
		var option *graft.OptionError
		if _, err := graft.Bench(t.Context(), o); !errors.As(err, &option) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
