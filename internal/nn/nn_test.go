package nn

import (
	"math"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// opCase is one row of an operator's case table: a node on constant-free inputs, and what must come out.
type opCase struct {
	name string
	op   string
	at   Attrs
	in   []*tensor.Tensor // nil: absent
	want []*tensor.Tensor
	err  string // part of the error expected instead
}

// tol bounds the error of a float32 result against the number that was computed by hand: rounding only.
const tol = 1e-6

func (oc opCase) run(t *testing.T) {
	t.Helper()
	g := &Graph{Name: oc.name, Init: map[string]*tensor.Tensor{}}
	n := &Node{Op: oc.op, Name: "n", Attrs: oc.at}
	in := map[string]*tensor.Tensor{}
	for i, x := range oc.in {
		name := ""
		if x != nil {
			name = string(rune('a' + i))
			in[name] = x
			g.Inputs = append(g.Inputs, Value{Name: name, DType: x.DType, Shape: x.Shape})
		}
		n.Inputs = append(n.Inputs, name)
	}
	for i := range max(1, len(oc.want)) {
		n.Outputs = append(n.Outputs, "out"+string(rune('0'+i)))
		g.Outputs = append(g.Outputs, Value{Name: n.Outputs[i]})
	}
	g.Nodes = []*Node{n}
	got, err := Eval(t.Context(), g, in, nil)
	if oc.err != "" {
		if err == nil || !strings.Contains(err.Error(), oc.err) {
			t.Fatalf("error %v, want one with %q", err, oc.err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range oc.want {
		equal(t, got[i], want, tol)
	}
}

func runCases(t *testing.T, cases []opCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.op+"/"+c.name, c.run)
	}
}

// equal compares type, shape and elements; NaN equals NaN. limit is relative above 1.
func equal(t *testing.T, got, want *tensor.Tensor, limit float64) {
	t.Helper()
	if got.DType != want.DType || !got.Shape.Equal(want.Shape) {
		t.Fatalf("%v %v, want %v %v", got.DType, got.Shape, want.DType, want.Shape)
	}
	g, w := got.Float32s(), want.Float32s()
	for i := range w {
		if a, b := float64(g[i]), float64(w[i]); a != b && !(a != a && b != b) && !(math.Abs(a-b) <= limit*max(1, math.Abs(b))) {
			t.Fatalf("element %d: %v, want %v\ngot  %v\nwant %v", i, a, b, g, w)
		}
	}
}

// f32 makes a Float32 tensor of the given shape, i64 an Int64 one, ints a list of Int64.
func f32(shape tensor.Shape, v ...float32) *tensor.Tensor { return tensor.FromFloats(v, shape...) }

func ints(v ...int64) *tensor.Tensor { return tensor.FromInts(v, len(v)) }

func i64(shape tensor.Shape, v ...int64) *tensor.Tensor { return tensor.FromInts(v, shape...) }

func bools(shape tensor.Shape, v ...int64) *tensor.Tensor {
	t := tensor.FromInts(v, shape...)
	t.DType = tensor.Bool
	return t
}

// seq returns a tensor that counts from 0.
func seq(shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Float32, shape...)
	for i := range t.F {
		t.F[i] = float32(i)
	}
	return t
}

// sh is a shape literal.
func sh(d ...int) tensor.Shape { return d }

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)
