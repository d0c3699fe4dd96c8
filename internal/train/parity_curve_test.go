package train

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/nn"
)

// sketch is what a file of curves has of an array: its L2 norm, and some of its elements.
type sketch struct {
	Norm   float64
	Values []float64
}

// netCurves are ten steps of a network, by make_curves.py.
type netCurves struct {
	Size, Classes, Batch, Pool, Samples int
	Nets                                []struct {
		Model string
		Width float64
		Modes map[string]struct { // "frozen" or "batch": the normalisations
			Grads map[string]sketch // of the first step
			Runs  map[string]struct {
				run
				Moved map[string]float64 // L2 norm of what ten steps changed
			}
		}
	}
}

// gradTol bounds the first gradients, float32 here against float64 there, relative. PyTorch's own float32 is within 3e-6.
const gradTol = 1e-4

// curveLimits bound the relative difference of losses: PyTorch's float32 is within 2e-6. movedTol bounds that of the
// distances gone in ten steps.
var curveLimits = map[string]float64{SGD: curveTol, AdamW: 1e-3}

const movedTol = 1e-2

// Ten steps of whole networks give PyTorch's losses, its first gradients, and its weights and statistics.
func TestNetworkCurves(t *testing.T) {
	files := []string{"curves.json"}
	if os.Getenv("GRAFT_GOLDEN") == "all" {
		files = append(files, "curves_whole.json")
	}
	for _, file := range files {
		var c netCurves
		load(t, filepath.Join("..", "training", file), &c)
		if len(c.Nets) != 2 {
			t.Fatalf("%s is not what make_curves.py writes", file)
		}
		for _, n := range c.Nets {
			for _, mode := range []string{"frozen", "batch"} {
				for _, kind := range []string{SGD, AdamW} {
					if kind == AdamW && testing.Short() {
						continue
					}
					t.Run(fmt.Sprintf("%s×%v/%s/%s", n.Model, n.Width, mode, kind), func(t *testing.T) {
						m := n.Modes[mode]
						steps := newNetSteps(t, c, n.Model, n.Width, mode, nn.F32)
						steps.run(t, m.Runs[kind].run, m.Grads)
						steps.checkMoved(t, m.Runs[kind].Moved, m.Grads, kind)
					})
				}
			}
		}
	}
}

// netSteps trains a network step by step.
type netSteps struct {
	netCurves
	graph  *nn.Graph
	tape   *nn.Tape
	params []*param
	x      []float32 // of the whole pool
	labels []int
}

func newNetSteps(t *testing.T, c netCurves, model string, width float64, mode string, precision nn.Precision) *netSteps {
	t.Helper()
	build := map[string]func(*testing.T, float64, int, int) *nn.Graph{"resnet18": seededResNet18, "mobilenetv2": seededMobileNetV2}[model]
	s := &netSteps{netCurves: c, graph: build(t, width, c.Size, c.Classes)}
	pool := nn.NewPool(0)
	t.Cleanup(pool.Close)
	o := nn.TapeOptions{Pool: pool, BatchStats: mode == "batch", Precision: precision}
	for _, p := range Parameters(s.graph) {
		o.Params = append(o.Params, p.Name)
		s.params = append(s.params, &param{name: p.Name, decay: p.Decay})
	}
	var err error
	if s.tape, err = nn.NewTape(s.graph, o); err != nil {
		t.Fatal(err)
	}
	for _, p := range s.params {
		p.w = s.tape.Param(p.name)
	}
	s.x, s.labels = make([]float32, c.Pool*3*c.Size*c.Size), make([]int, c.Pool)
	check.Seeded(s.x, "training/x", 3.5, -1.75)
	check.SeededInts(s.labels, "training/y", c.Classes)
	return s
}

// run takes the steps of r and compares the losses and the first gradients.
func (s *netSteps) run(t *testing.T, r run, grads map[string]sketch) {
	t.Helper()
	limit := curveLimits[r.Optimizer]
	if len(r.Loss) != 10 || limit == 0 {
		t.Fatalf("%d losses of %s", len(r.Loss), r.Optimizer)
	}
	s.steps(t, r, len(r.Loss), func(step int, got float64) {
		if want := r.Loss[step]; !(math.Abs(got-want) <= limit*want) {
			t.Fatalf("step %d: loss %v, want %v (off by %.2g of it)", step+1, got, want, math.Abs(got-want)/want)
		}
		if step == 0 {
			s.checkGradients(t, grads)
		}
	})
}

// steps takes n of the steps of r. Each is given the loss before a step moves the weights, when the gradients are there.
func (s *netSteps) steps(t *testing.T, r run, n int, each func(step int, loss float64)) {
	t.Helper()
	ones := make([]float64, s.Classes)
	for i := range ones {
		ones[i] = 1
	}
	l, op := newLoss(HeadOptions{Classes: s.Classes}, ones), &optimizer{rule: r.options().rule()}
	picture := 3 * s.Size * s.Size
	x, dz := make([]float32, s.Batch*picture), make([]float32, s.Batch*s.Classes)
	for step := range n {
		labels := make([][]int, s.Batch)
		for i := range labels {
			row := (step*s.Batch + i) % s.Pool
			copy(x[i*picture:][:picture], s.x[row*picture:])
			labels[i] = s.labels[row : row+1]
		}
		z, err := s.tape.Forward(s.Batch, [][]float32{x}, nil)
		if err != nil {
			t.Fatal(err)
		}
		loss := l.mean(dz, z, labels)
		if err := s.tape.Backward(dz); err != nil {
			t.Fatal(err)
		}
		for _, p := range s.params {
			p.g = s.tape.Grad(p.name)
		}
		each(step, loss)
		op.step(s.params, r.Rate)
	}
}

// negligible is the norm below which a gradient is rounding alone: that of a shift in front of a normalisation by the
// batch is zero, but for what is left of terms of the size of other gradients.
func negligible(grads map[string]sketch) float64 {
	top := 0.0
	for _, g := range grads {
		top = math.Max(top, g.Norm)
	}
	return 1e-4 * top
}

func (s *netSteps) checkGradients(t *testing.T, want map[string]sketch) {
	t.Helper()
	if len(want) != len(s.params) {
		t.Fatalf("%d gradients, PyTorch has %d", len(s.params), len(want))
	}
	least := negligible(want)
	for _, p := range s.params {
		w, ok := want[p.name]
		if !ok {
			t.Fatalf("PyTorch has no %q", p.name)
		}
		limit := gradTol * math.Max(w.Norm, least)
		if got := norm(p.g, nil); math.Abs(got-w.Norm) > limit {
			t.Errorf("gradient by %s: norm %v, want %v", p.name, got, w.Norm)
		}
		at := make([]int, len(w.Values))
		check.SeededInts(at, "positions/"+p.name, len(p.g))
		for i, v := range w.Values {
			if got := float64(p.g[at[i]]); !(math.Abs(got-v) <= limit) {
				t.Errorf("gradient by %s: element %d is %v, want %v (norm %v)", p.name, at[i], got, v, w.Norm)
			}
		}
	}
}

// checkMoved compares how far parameters and statistics are from where they began. Shifts in front of a normalisation by
// the batch have gradients of nothing but rounding, in all elements or in some, and AdamW moves a weight by such a one
// as far as by any other: there the shifts are left out.
func (s *netSteps) checkMoved(t *testing.T, want map[string]float64, grads map[string]sketch, optimizer string) {
	t.Helper()
	now := s.tape.Stats()
	if now == nil {
		now = map[string][]float32{}
	}
	for _, p := range s.params {
		now[p.name] = p.w
	}
	least := negligible(grads)
	for name, w := range want {
		g, trained := grads[name]
		if trained && g.Norm < least || optimizer == AdamW && strings.HasSuffix(name, ".bias") {
			continue
		}
		if now[name] == nil {
			if w != 0 {
				t.Errorf("%s has not moved, want a distance of %v", name, w)
			}
			continue
		}
		// Each step rounds each weight, by 2^-24 of it at most.
		start := s.graph.Init[name].F
		rounding := 0x1p-24 * math.Sqrt(10) * norm(start, nil)
		if got := norm(now[name], start); math.Abs(got-w) > movedTol*w+rounding {
			t.Errorf("%s moved by %v, want %v", name, got, w)
		}
	}
}

// norm returns the L2 norm of a−b; b may be nil.
func norm(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		d := float64(v)
		if b != nil {
			d -= float64(b[i])
		}
		sum += d * d
	}
	return math.Sqrt(sum)
}
