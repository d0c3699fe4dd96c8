package nn

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// Whatever a node is, a plan of it neither panics nor differs from Eval, be its input rows or NHWC.
func TestHostilePlans(t *testing.T) {
	cases := 400
	if testing.Short() {
		cases /= 10
	}
	planned := 0
	for i, op := range slices.Sorted(maps.Keys(ops)) {
		t.Run(op, func(t *testing.T) {
			h := &hostile{Rand: rand.New(rand.NewPCG(2, uint64(i))), dtype: tensor.Float32}
			for range cases {
				g, x := h.graph(op)
				if g != nil && tryPlan(t, g, x) {
					planned++
				}
			}
		})
	}
	if planned < cases {
		t.Errorf("%d plans ran: the generator does not reach them", planned)
	}
}

// graph makes a graph of one node whose first input comes from outside, of rank 4 mostly, between two steps that
// are NHWC half of the time; nil if what it drew can not be that.
func (h *hostile) graph(op string) (*Graph, *tensor.Tensor) {
	n, in := h.node(op)
	if len(in) == 0 || in[0] == nil || in[0].DType != tensor.Float32 || len(in[0].Shape) == 0 || product(in[0].Shape) == 0 {
		return nil, nil
	}
	if h.IntN(2) == 0 {
		in[0] = tensor.New(tensor.Float32, 1, 1+h.IntN(9), 1+h.IntN(4), 1+h.IntN(4))
	}
	x := in[0]
	x.Shape[0] = 1
	x.F = x.F[:product(x.Shape)]
	g := &Graph{Name: op, Init: map[string]*tensor.Tensor{}}
	g.Inputs = []Value{{Name: "x", DType: tensor.Float32, Shape: x.Shape.Clone()}}
	if h.IntN(2) == 0 {
		g.Inputs[0].Shape[0] = tensor.Free
	}
	for i, v := range in {
		if v != nil {
			for j := range v.F {
				v.F[j] = float32(h.IntN(64)-24) / 16
			}
		}
		if i > 0 {
			n.Inputs[i] = ""
			if v != nil {
				n.Inputs[i] = fmt.Sprint("k", i)
				g.Init[n.Inputs[i]] = v
			}
		}
	}
	pool := func(from, to string) *Node { // a pooling of one pixel changes the layout only
		return &Node{Op: "MaxPool", Name: to, Inputs: []string{from}, Outputs: []string{to}, Attrs: Attrs{"kernel_shape": []int64{1, 1}}}
	}
	for k, v := range n.Attrs { // what is not finite is multiplied in another order
		if f, ok := v.(float32); ok && !(math.Abs(float64(f)) < 9) {
			n.Attrs[k] = float32(2)
		}
	}
	n.Outputs = []string{"y"}
	g.Outputs = []Value{{Name: "y"}}
	g.Nodes = []*Node{n}
	if len(x.Shape) == 4 && h.IntN(2) == 0 {
		g.Nodes = append([]*Node{pool("x", "px")}, g.Nodes...)
		n.Inputs[0] = "px"
	}
	if _, err := InferAt(g, 1); err == nil && h.IntN(2) == 0 {
		g.Nodes = append(g.Nodes, pool("y", "z"))
		g.Outputs = append(g.Outputs, Value{Name: "z"})
		if _, err := InferAt(g, 1); err != nil {
			g.Nodes, g.Outputs = g.Nodes[:len(g.Nodes)-1], g.Outputs[:1]
		}
	}
	return g, x
}

// tryPlan runs g in both ways and reports whether there was a plan to run.
func tryPlan(t *testing.T, g *Graph, x *tensor.Tensor) bool {
	t.Helper()
	describe := func() (s string) {
		for _, n := range g.Nodes {
			s += fmt.Sprintf("%s %v %v; ", n.Op, n.Inputs, n.Attrs)
		}
		return s + fmt.Sprint(g.Inputs, len(g.Init))
	}
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%s: panic: %v", describe(), p)
		}
	}()
	if infos, err := InferAt(g, 1); err != nil || product(infos["y"].Shape) > hostileElems {
		return false
	}
	want, err := Eval(t.Context(), g, map[string]*tensor.Tensor{"x": x}, nil)
	if err != nil {
		return false
	}
	p, err := NewPlan(g, PlanOptions{MaxBatch: 2})
	if err != nil {
		return false
	}
	// Two equal pictures: where a plan takes batches, they are one.
	dst := make([][]float32, len(g.Outputs))
	for i := range dst {
		dst[i] = make([]float32, 2*product(p.OutputShape(i)))
	}
	if err := p.Run(t.Context(), dst, [][]float32{slices.Concat(x.F, x.F)}, 2); err != nil {
		t.Fatalf("%s: %v", describe(), err)
	}
	for i := range dst {
		for j, v := range dst[i] {
			w := want[i].F[j%len(want[i].F)]
			same := v == w || v != v && w != w || math.Abs(float64(v-w)) <= 1e-4*(1+math.Abs(float64(w)))
			if !same {
				t.Fatalf("%s: output %d, element %d of %d: %v, want %v", describe(), i, j, len(dst[i]), v, w)
			}
		}
	}
	return true
}
