package nn

import (
	"math"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/tensor"
)

// tapeTolerance is the difference allowed between the gradients of a tape and those by definition, relative to the
// largest element of the same gradient: float32 sums against float64 ones over some ten layers and back. A softmax
// divides small differences by themselves, and many layers add them up.
func tapeTolerance(net string) float64 {
	switch net {
	case "residual":
		return 1e-3
	case "inverted":
		return 3e-4
	}
	return 1e-4
}

// weightsOf returns the initialisers of g that can train: floats that are no bounds and no statistics.
func weightsOf(g *Graph) []string {
	var names []string
	for _, n := range g.Nodes {
		for i, in := range n.Inputs {
			k := g.constant(in)
			if k == nil || len(k.Shape) == 0 || slices.Contains(names, in) || n.Op == "BatchNormalization" && i > 2 {
				continue
			}
			names = append(names, in)
		}
	}
	return names
}

// tapeRun is what one forward and backward run gives.
type tapeRun struct {
	out   []float32
	grads map[string][]float32
	stats map[string][]float32
}

// tapeOf runs a new tape steps times on inputs that differ from step to step.
func tapeOf(t *testing.T, g *Graph, o TapeOptions, batch, steps int) tapeRun {
	t.Helper()
	tape, err := NewTape(g, o)
	if err != nil {
		t.Fatal(err)
	}
	r := tapeRun{grads: map[string][]float32{}, stats: map[string][]float32{}}
	x := randomInput(g, batch*steps)
	size := len(x) / steps
	for s := range steps {
		y, err := tape.Forward(batch, [][]float32{x[s*size : (s+1)*size]}, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.out = slices.Clone(y)
		dOut := make([]float32, len(y))
		for i := range dOut {
			dOut[i] = float32(i%3) - 0.9
		}
		if err := tape.Backward(dOut); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range o.Params {
		r.grads[p] = tape.Grad(p)
	}
	for name, s := range tape.Stats() {
		r.stats[name] = s
	}
	return r
}

// largest returns the largest absolute value of v.
func largest(v []float32) float64 {
	most := 0.0
	for _, x := range v {
		most = max(most, math.Abs(float64(x)))
	}
	return most
}

// relativeGap returns the largest difference of two slices relative to the largest element of want, or to least.
func relativeGap(got, want []float32, least float64) float64 {
	worst := 0.0
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - float64(w)); !(d <= worst) {
			worst = d
		}
	}
	return worst / max(largest(want), least, 1e-30)
}

// close reports where r is further from want than tol.
func (r tapeRun) close(t *testing.T, want tapeRun, tol float64) {
	t.Helper()
	if d := relativeGap(r.out, want.out, 0); !(d <= tol) {
		t.Errorf("output: off by %.2g", d)
	}
	// Before a normalisation by the batch the gradient by a bias is 0: what is left is rounding of others.
	least := 0.0
	for _, g := range want.grads {
		least = max(least, largest(g)/100)
	}
	for name, g := range want.grads {
		if d := relativeGap(r.grads[name], g, least); !(d <= tol) {
			t.Errorf("gradient by %s: off by %.2g", name, d)
		}
	}
	for name, s := range want.stats {
		if d := relativeGap(r.stats[name], s, 0); !(d <= tol) {
			t.Errorf("statistic %s: off by %.2g", name, d)
		}
	}
}

// buildNet returns one of the test networks.
func buildNet(t *testing.T, name string) *Graph {
	t.Helper()
	b := newNet(name, 3)
	b.Output("y", nets[name](b))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// A tape gives what definitions give, with the statistics of the file and with those of the batch.
func TestTapeNets(t *testing.T) {
	for name := range nets {
		for _, stats := range []bool{false, true} {
			t.Run(name+map[bool]string{false: "/frozen", true: "/batch"}[stats], func(t *testing.T) {
				g := buildNet(t, name)
				o := TapeOptions{Params: weightsOf(g), BatchStats: stats}
				plain := o
				plain.byDefinition = true
				tapeOf(t, g, o, 3, 2).close(t, tapeOf(t, g, plain, 3, 2), tapeTolerance(name))
			})
		}
	}
}

// Every number of workers gives the same bits.
func TestTapeNetWorkers(t *testing.T) {
	for name := range nets {
		t.Run(name, func(t *testing.T) {
			g := buildNet(t, name)
			var want tapeRun
			for _, threads := range []int{1, 2, 5} {
				pool := NewPool(threads)
				got := tapeOf(t, g, TapeOptions{Params: weightsOf(g), BatchStats: true, Pool: pool}, 5, 2)
				pool.Close()
				if threads == 1 {
					want = got
				}
				got.close(t, want, 0)
			}
		})
	}
}

// What lies before the first parameter runs as a plan does, bit for bit, and the rest as in a tape of the whole.
func TestTapePrefix(t *testing.T) {
	g := buildNet(t, "residual")
	all := weightsOf(g)
	for _, k := range []int{2, len(all) / 2, len(all) - 6} {
		o := TapeOptions{Params: all[k:]}
		tape, err := NewTape(g, o)
		if err != nil {
			t.Fatal(err)
		}
		if tape.prefix == nil {
			t.Fatalf("parameters from %d on: nothing is frozen", k)
		}
		plain := o
		plain.byDefinition = true
		tapeOf(t, g, o, 3, 1).close(t, tapeOf(t, g, plain, 3, 1), tapeTolerance("residual"))
		front := &Graph{Name: "front", Inputs: g.Inputs, Init: g.Init, Nodes: g.Nodes, Outputs: tape.g.Inputs[1:2]}
		plan, err := NewPlan(front, PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		x := randomInput(g, 2)
		want := make([]float32, 2*product(plan.OutputShape(0)))
		if err := plan.Run(t.Context(), [][]float32{want}, [][]float32{x}, 2); err != nil {
			t.Fatal(err)
		}
		got, err := tape.prefix.run([][]float32{x}, 2)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got[0], want) {
			t.Errorf("parameters from %d on: frozen values differ from a plan's", k)
		}
	}
}

// Gradients of the parts of a batch add up to those of the whole.
func TestTapeAccumulate(t *testing.T) {
	g := buildNet(t, "residual")
	o := TapeOptions{Params: weightsOf(g)}
	whole, err := NewTape(g, o)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := NewTape(g, o)
	if err != nil {
		t.Fatal(err)
	}
	x := randomInput(g, 4)
	step := func(tape *Tape, n int, x []float32, backward func([]float32) error) {
		y, err := tape.Forward(n, [][]float32{x}, nil)
		if err == nil {
			err = backward(slices.Repeat([]float32{0.5, -1}, len(y)/2))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	step(whole, 4, x, whole.Backward)
	step(parts, 1, x[:len(x)/4], parts.Backward)
	step(parts, 3, x[len(x)/4:], parts.Accumulate)
	for _, p := range o.Params {
		if d := relativeGap(parts.Grad(p), whole.Grad(p), 0); !(d <= 1e-5) {
			t.Errorf("gradient by %s: off by %.2g", p, d)
		}
	}
}

// Gradients of a whole network without corners agree with differences, with the statistics of the file and the batch's.
func TestTapeNetGradCheck(t *testing.T) {
	b := newNet("smooth", 5)
	x := b.conv(b.Input("x", tensor.Free, 3, 6, 5), 3, 6, 3, 2, nil)
	x = b.Op("Sigmoid", nil, b.bn(x, 6))
	y := b.Op("Tanh", nil, b.conv(x, 6, 6, 3, 1, Attrs{"group": int64(6)}))
	s := b.Op("Sigmoid", nil, b.conv(b.Op("GlobalAveragePool", nil, y), 6, 6, 1, 1, nil))
	y = b.Op("Mul", nil, y, s)
	x = b.Op("Add", nil, x, b.bn(b.conv(y, 6, 6, 1, 1, nil), 6))
	x = b.Op("AveragePool", Attrs{"kernel_shape": []int64{2, 2}}, b.Op("Concat", Attrs{"axis": int64(1)}, x, y))
	x = b.linear(b.pooled(x), 12, 4)
	b.Output("y", b.Op("Tanh", nil, x))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, stats := range []bool{false, true} { // weights are of size 0.2, and so want a smaller step
		checkTapeOf(t, g, TapeOptions{Params: weightsOf(g), BatchStats: stats}, check.Gradient{Step: 1.0 / 64, Tol: 3e-4}, [][]float32{randomInput(g, 3)}, nil)
	}
}
