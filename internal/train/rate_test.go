package train

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// A sweep over a network and over a head finds a rate that trains well, and leaves the network alone.
func TestFindRate(t *testing.T) {
	for _, optimizer := range []string{AdamW, SGD} {
		t.Run(optimizer, func(t *testing.T) {
			o := tuneOptions()
			o.Optimizer, o.LearningRate = optimizer, 0
			steps := 0
			curve, err := FindRate(t.Context(), perceptron(t), points(100, 1), o, Sweep{Step: func(int, int) { steps++ }})
			if err != nil {
				t.Fatal(err)
			}
			if steps != len(curve.Points) || steps < 50 {
				t.Errorf("%d steps, %d points", steps, len(curve.Points))
			}
			o.LearningRate = curve.Suggested
			r, err := Tune(t.Context(), perceptron(t), points(100, 1), points(30, 2), o, Hooks{})
			if err != nil {
				t.Fatal(err)
			}
			if best := r.History[r.BestEpoch-1]; best.ValAccuracy < .8 {
				t.Errorf("rate %v (%s) gives an accuracy of %v", curve.Suggested, curve.Reason, best.ValAccuracy)
			}
		})
	}
}

func TestFindHeadRate(t *testing.T) {
	d := Data{D: 2}
	for i := range 64 {
		d.X = append(d.X, float32(i%2)+float32(i)/100, float32(i%7))
		d.Labels = append(d.Labels, []int{i % 2})
	}
	curve, err := FindHeadRate(t.Context(), d, HeadOptions{Classes: 2}, Sweep{})
	if err != nil {
		t.Fatal(err)
	}
	if curve.Suggested < 1e-4 || curve.Suggested > 1 {
		t.Errorf("rate %v (%s)", curve.Suggested, curve.Reason)
	}
	for _, s := range []Sweep{{From: 1, To: .5}, {Steps: 2}, {From: -1}, {To: math.Inf(1)}} {
		if _, err := FindHeadRate(t.Context(), d, HeadOptions{Classes: 2}, s); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}

// The choice by the shape of a curve.
func TestSweeper(t *testing.T) {
	sweep := func(loss func(rate float64) float64) (*RateCurve, error) {
		s := newSweeper(Sweep{From: 1e-6, To: 1, Steps: 100})
		for i := range s.Steps {
			rate := s.rates().at(i)
			value, err := loss(rate), error(nil)
			if math.IsNaN(value) {
				err = errDiverged
			}
			if errors.Is(s.add(rate, value, err), errSwept) {
				break
			}
		}
		return s.curve()
	}
	// A logistic fall around 1e-3, and a rise from 0.1 on.
	curve, err := sweep(func(r float64) float64 { return 1/(1+r/1e-3) + 10*r*r })
	if err != nil || curve.Suggested < 3e-4 || curve.Suggested > 1e-2 {
		t.Errorf("a falling curve: %+v, %v", curve, err)
	}
	curve, err = sweep(func(r float64) float64 { return .01 + r*r })
	if err != nil || curve.Suggested > 1e-2 || !strings.Contains(curve.Reason, "tenth") {
		t.Errorf("a flat curve: %+v, %v", curve, err)
	}
	if _, err = sweep(func(r float64) float64 { return math.NaN() }); err == nil || !strings.Contains(err.Error(), "begin the sweep lower") {
		t.Errorf("a curve that explodes at once: %v", err)
	}
}
