package nn

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/tensor"
)

// points returns n values spread evenly over [from, from+2)·scale in a shuffled order.
func points(rng *rand.Rand, n int, from, scale float32) []float32 {
	v := make([]float32, n)
	for i, k := range rng.Perm(n) {
		v[i] = (from + 2*(float32(k)+0.5)/float32(n)) * scale
	}
	return v
}

// checkTape checks the gradients of g by params.
func checkTape(t *testing.T, g *Graph, params []string, in [][]float32, mask func(*Node, []float32)) {
	t.Helper()
	checkTapeOf(t, g, TapeOptions{Params: params}, check.Gradient{}, in, mask)
}

// checkTapeOf is checkTape with other options, and with the step and tolerance of c.
func checkTapeOf(t *testing.T, g *Graph, o TapeOptions, c check.Gradient, in [][]float32, mask func(*Node, []float32)) {
	t.Helper()
	params := o.Params
	tape, err := NewTape(g, o)
	if err != nil {
		t.Fatal(err)
	}
	const batch = 3
	c.Forward = func() []float32 {
		y, err := tape.Forward(batch, in, mask)
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	c.Backward = func(dOut []float32) (grads [][]float32) {
		if err := tape.Backward(dOut); err != nil {
			t.Fatal(err)
		}
		for _, p := range params {
			grads = append(grads, tape.Grad(p))
		}
		return grads
	}
	for _, p := range params {
		c.Vars = append(c.Vars, tape.Param(p))
	}
	check.GradCheck(t, c)
}

// testNet is a small network with a value that is used twice, a parameter that is used twice, a gate that
// stretches and a number made of a shape: features [N,4] to logits [N,3].
func testNet(t *testing.T) *Graph {
	t.Helper()
	rng := rand.New(rand.NewPCG(9, 9))
	b := NewBuilder("net")
	x := b.Input("x", tensor.Free, 4)
	w1 := b.Const("w1", tensor.FromFloats(points(rng, 24, -1, 0.5), 4, 6))
	b1 := b.Const("b1", tensor.FromFloats(points(rng, 6, -1, 0.2), 6))
	w2 := b.Const("w2", tensor.FromFloats(points(rng, 36, -1, 0.4), 6, 6))
	w3 := b.Const("w3", tensor.FromFloats(points(rng, 18, -1, 0.5), 6, 3))
	h := b.Op("Tanh", nil, b.Op("Gemm", nil, x, w1, b1))
	h = b.Op("Dropout", nil, h)
	k := b.Op("Sigmoid", nil, b.Op("MatMul", nil, h, w2))
	k = b.Op("MatMul", nil, k, w2) // the same weights again
	h = b.Op("Add", nil, b.Op("Mul", nil, h, k), h)
	width := b.Op("Slice", nil, b.Op("Shape", nil, h), b.Ints(1), b.Ints(2))
	h = b.Op("Div", nil, h, b.Op("Cast", Attrs{"to": int64(1)}, width))
	b.Op("Relu", nil, h) // leads nowhere
	b.Output("y", b.Op("MatMul", nil, h, w3))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func halfMask(_ *Node, dst []float32) {
	for i := range dst {
		dst[i] = float32(i%2) * 2
	}
}

var netParams = []string{"w1", "b1", "w2", "w3"}

func TestTapeGradients(t *testing.T) {
	in := [][]float32{points(rand.New(rand.NewPCG(1, 1)), 12, -1, 1)}
	t.Run("prediction", func(t *testing.T) { checkTape(t, testNet(t), netParams, in, nil) })
	t.Run("dropout", func(t *testing.T) { checkTape(t, testNet(t), netParams, in, halfMask) })
	t.Run("part of the parameters", func(t *testing.T) { checkTape(t, testNet(t), []string{"w3", "w2"}, in, nil) })
}

// run is one step of a tape: the output and all gradients.
func (t *Tape) run(tb testing.TB, n int, in []float32, mask func(*Node, []float32)) [][]float32 {
	tb.Helper()
	y, err := t.Forward(n, [][]float32{in}, mask)
	if err != nil {
		tb.Fatal(err)
	}
	out := [][]float32{slices.Clone(y)}
	dOut := make([]float32, len(y))
	for i := range dOut {
		dOut[i] = float32(i%3) - 0.9
	}
	if err := t.Backward(dOut); err != nil {
		tb.Fatal(err)
	}
	for _, p := range netParams {
		out = append(out, slices.Clone(t.Grad(p)))
	}
	return out
}

// rounding allows for kernels that round a multiplication and an addition once.
var rounding = check.Tolerance{MaxAbs: 1e-6}

// A tape gives what Eval gives, whatever batches it has seen before, and leaves the graph alone.
func TestTapeBatches(t *testing.T) {
	g := testNet(t)
	before := slices.Clone(g.Init["w1"].F)
	used, err := NewTape(g, TapeOptions{Params: netParams})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{3, 7, 1, 7, 2} {
		x := points(rng, 4*n, -1, 1)
		fresh, err := NewTape(g, TapeOptions{Params: netParams})
		if err != nil {
			t.Fatal(err)
		}
		got, want := used.run(t, n, x, nil), fresh.run(t, n, x, nil)
		for i := range want {
			check.Close(t, got[i], want[i], check.Tolerance{})
		}
		plain, err := Eval(t.Context(), g, map[string]*tensor.Tensor{"x": tensor.FromFloats(x, n, 4)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		check.Close(t, got[0], plain[0].F, rounding)
	}
	used.Param("w1")[0]++
	check.Close(t, g.Init["w1"].F, before, check.Tolerance{})
}

// Every number of workers gives the same bits.
func TestTapeWorkers(t *testing.T) {
	const n = 400 // enough for several tasks an operator
	x := points(rand.New(rand.NewPCG(1, 1)), 4*n, -1, 1)
	var want [][]float32
	for _, threads := range []int{1, 2, 5} {
		pool := NewPool(threads)
		defer pool.Close()
		tape, err := NewTape(testNet(t), TapeOptions{Params: netParams, Pool: pool})
		if err != nil {
			t.Fatal(err)
		}
		got := tape.run(t, n, x, halfMask)
		if want == nil {
			want = got
		}
		for i := range want {
			check.Close(t, got[i], want[i], check.Tolerance{})
		}
	}
}

func TestTapeReusesMemory(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes pools of buffers forget")
	}
	tape, err := NewTape(testNet(t), TapeOptions{Params: netParams})
	if err != nil {
		t.Fatal(err)
	}
	x := [][]float32{make([]float32, 64*4)}
	dOut := make([]float32, 64*3)
	step := func() {
		_, err := tape.Forward(64, x, halfMask)
		if err == nil {
			err = tape.Backward(dOut)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	step()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		step()
	}
	runtime.ReadMemStats(&after)
	// Closures and sums of bias gradients; the values of this net alone are 9 KiB.
	if per := (after.TotalAlloc - before.TotalAlloc) / 100; per > 8<<10 {
		t.Errorf("a step allocates %d bytes", per)
	}
}

func TestTapeErrors(t *testing.T) {
	build := func(op string) *Graph {
		g := &Graph{Name: "g", Init: map[string]*tensor.Tensor{"w": seq(2, 2), "k": ints(1)}}
		g.Inputs = []Value{{Name: "x", DType: tensor.Float32, Shape: sh(tensor.Free, 2)}}
		g.Nodes = []*Node{{Op: "MatMul", Name: "mul", Inputs: []string{"x", "w"}, Outputs: []string{"h"}},
			{Op: op, Name: "last", Inputs: []string{"h"}, Outputs: []string{"y"}}}
		g.Outputs = []Value{{Name: "y"}}
		return g
	}
	two := build("Relu")
	two.Outputs = append(two.Outputs, Value{Name: "h"})
	whole := build("Relu")
	whole.Inputs = append(whole.Inputs, Value{Name: "i", DType: tensor.Int64, Shape: sh(1)})
	for _, c := range []struct {
		name   string
		g      *Graph
		params []string
		want   string
	}{
		{"unknown parameter", build("Relu"), []string{"v"}, `parameter "v" is not a float32 initialiser`},
		{"integer parameter", build("Relu"), []string{"k"}, `parameter "k" is not a float32 initialiser`},
		{"nothing to train", build("Relu"), nil, `output "y" depends on none of the parameters`},
		{"two outputs", two, []string{"w"}, "2 outputs"},
		{"integer input", whole, []string{"w"}, "input i int64"},
		{"unknown operator", build("Nonsense"), []string{"w"}, `"Nonsense"`},
	} {
		if _, err := NewTape(c.g, TapeOptions{Params: c.params}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	g := build("Relu")
	tape, err := NewTape(g, TapeOptions{Params: []string{"w"}})
	if err != nil {
		t.Fatal(err)
	}
	if tape.Param("k") != nil || tape.Grad("x") != nil {
		t.Error("values that are not trained are shown as trained")
	}
	if err := tape.Backward(nil); err == nil || !strings.Contains(err.Error(), "without a forward run") {
		t.Errorf("backward first: error %v", err)
	}
	if _, err := tape.Forward(3, [][]float32{make([]float32, 5)}, nil); err == nil || !strings.Contains(err.Error(), "5 elements, want 6") {
		t.Errorf("short input: error %v", err)
	}
	if _, err := tape.Forward(3, nil, nil); err == nil {
		t.Error("no input is accepted")
	}
	if _, err := tape.Forward(3, [][]float32{make([]float32, 6)}, nil); err != nil {
		t.Fatal(err)
	}
	if err := tape.Backward(make([]float32, 5)); err == nil || !strings.Contains(err.Error(), "5 elements, want 6") {
		t.Errorf("short gradient: error %v", err)
	}
}
