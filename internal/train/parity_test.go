package train

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

// The files are made by testdata/train/make_curve.py with PyTorch.
func load(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "train", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// run is a way to optimise, and what came of it.
type run struct {
	Optimizer string        `json:"optimizer"`
	Rate      float64       `json:"rate"`
	Momentum  float64       `json:"momentum"`
	Nesterov  bool          `json:"nesterov"`
	Decay     float64       `json:"decay"`
	Loss      []float64     `json:"loss"`  // before each step
	After     [][][]float32 `json:"after"` // the parameters after each step
}

func (r run) options() HeadOptions {
	return HeadOptions{Optimizer: r.Optimizer, LearningRate: r.Rate, Momentum: r.Momentum, Nesterov: r.Nesterov, WeightDecay: r.Decay}
}

// curveTol bounds the relative difference of ten losses in a row: the same arithmetic in float32, where only the
// order of sums differs, gives 1e-6; a step that is wrong in one term, 1e-2.
const curveTol = 1e-4

func TestLossCurve(t *testing.T) {
	var c struct {
		X       []float32
		Y       []int
		D, K, H int
		Batch   int
		Heads   []struct {
			Activation string
			Start      [][]float32
			Runs       map[string]run
		}
	}
	load(t, "curve.json", &c)
	if len(c.Heads) != 3 || len(c.Heads[0].Runs) != 6 || len(c.Heads[0].Runs["adam"].Loss) != 10 {
		t.Fatal("curve.json is not what make_curve.py writes")
	}
	d := Data{X: c.X, D: c.D}
	for _, y := range c.Y {
		d.Labels = append(d.Labels, []int{y})
	}
	for _, head := range c.Heads {
		for name, r := range head.Runs {
			t.Run(fmt.Sprintf("%s/%s", head.Activation, name), func(t *testing.T) {
				o := r.options()
				o.Classes, o.NoStandardise, o.ClassWeights, o.Activation = c.K, true, None, head.Activation
				if head.Activation != "" {
					o.Hidden = []int{c.H}
				}
				f, err := newFit(d, Data{}, o.withDefaults(), nil)
				if err != nil {
					t.Fatal(err)
				}
				for i, l := range f.layers {
					copy(l.w, head.Start[2*i])
					copy(l.b, head.Start[2*i+1])
				}
				for step, want := range r.Loss {
					turns := make([]Turn, c.Batch)
					for i := range turns {
						turns[i].Row = (step*c.Batch + i) % d.N()
					}
					got, err := f.batch(turns, 1, r.Rate)
					if err != nil {
						t.Fatal(err)
					}
					if math.Abs(got-want) > curveTol*want {
						t.Fatalf("step %d: loss %v, want %v", step+1, got, want)
					}
				}
			})
		}
	}
}

func TestOptimizerSteps(t *testing.T) {
	var c struct {
		W, B  []float32
		Grads [][][]float32
		Runs  map[string]run
	}
	load(t, "optim.json", &c)
	if len(c.Runs) != 6 {
		t.Fatal("optim.json is not what make_curve.py writes")
	}
	for name, r := range c.Runs {
		t.Run(name, func(t *testing.T) {
			op := &optimizer{rule: r.options().rule()}
			w, b := &param{w: append([]float32(nil), c.W...), decay: true}, &param{w: append([]float32(nil), c.B...)}
			for i, want := range r.After {
				w.g, b.g = c.Grads[i][0], c.Grads[i][1]
				op.step([]*param{w, b}, r.Rate)
				// Values around 1 after three steps of a handful of roundings each.
				check.Close(t, w.w, want[0], check.Tolerance{MaxAbs: 1e-6})
				check.Close(t, b.w, want[1], check.Tolerance{MaxAbs: 1e-6})
			}
		})
	}
}

func TestLosses(t *testing.T) {
	var c struct {
		Z      []float32
		K      int
		Labels []int
		Sets   [][]int
		Cases  []struct {
			Kind      string
			Smoothing float64
			Weights   []float64
			Loss      float64
			DZ        []float32
		}
	}
	load(t, "loss.json", &c)
	if len(c.Cases) != 8 {
		t.Fatal("loss.json is not what make_curve.py writes")
	}
	for _, k := range c.Cases {
		t.Run(fmt.Sprintf("%s/smoothing %v/weights %v", k.Kind, k.Smoothing, k.Weights), func(t *testing.T) {
			labels := c.Sets
			if k.Kind == "softmax" {
				labels = nil
				for _, y := range c.Labels {
					labels = append(labels, []int{y})
				}
			}
			w := k.Weights
			if w == nil {
				w = []float64{1, 1, 1, 1}
			}
			l := newLoss(HeadOptions{Classes: c.K, MultiLabel: k.Kind == "sigmoid", LabelSmoothing: k.Smoothing}, w)
			dz := make([]float32, len(c.Z))
			if got := l.mean(dz, c.Z, labels); math.Abs(got-k.Loss) > 1e-6*k.Loss {
				t.Errorf("loss %v, want %v", got, k.Loss)
			}
			check.Close(t, dz, k.DZ, check.Tolerance{MaxAbs: 1e-7})
			if got := l.sum(nil, c.Z, labels, 0) / l.total(labels); math.Abs(got-k.Loss) > 1e-6*k.Loss {
				t.Errorf("loss without gradient %v, want %v", got, k.Loss)
			}
		})
	}
}
