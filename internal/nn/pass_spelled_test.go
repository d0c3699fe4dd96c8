package nn

import (
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// erfOf adds 1 + erf(x/by).
func (b *netBuilder) erfOf(x string, by float32) string {
	return b.Op("Add", nil, b.Op("Erf", nil, b.Op("Div", nil, x, b.scalar(by))), b.scalar(1))
}

// clipped adds min(max(x+by, 0), 6).
func (b *netBuilder) clipped(x string, by float32) string {
	return b.relu6(b.Op("Add", nil, b.scalar(by), x))
}

// spelled are functions of x written in several nodes, and the operator that they are, "" for none.
var spelled = []struct {
	op    string
	write func(b *netBuilder, x string) string
}{
	{"Gelu", func(b *netBuilder, x string) string { return b.gelu(x) }},
	{"Gelu", func(b *netBuilder, x string) string {
		return b.Op("Mul", nil, b.erfOf(x, 1.4142135), b.Op("Mul", nil, b.scalar(0.5), x))
	}},
	{"Gelu", func(b *netBuilder, x string) string {
		e := b.Op("Add", nil, b.scalar(1), b.Op("Erf", nil, b.Op("Mul", nil, b.scalar(0.70710678), x)))
		return b.Op("Mul", nil, x, b.Op("Div", nil, e, b.scalar(2)))
	}},
	{"HardSwish", func(b *netBuilder, x string) string { return b.Op("Mul", nil, b.hardSigmoid(x), x) }},
	{"HardSwish", func(b *netBuilder, x string) string {
		return b.Op("Div", nil, b.Op("Mul", nil, x, b.clipped(x, 3)), b.scalar(6))
	}},
	{"HardSwish", func(b *netBuilder, x string) string {
		return b.Op("Mul", nil, x, b.Op("Div", nil, b.clipped(x, 3), b.scalar(6)))
	}},
	{"", func(b *netBuilder, x string) string {
		return b.Op("Mul", nil, b.erfOf(x, 1.4), b.Op("Mul", nil, b.scalar(0.5), x))
	}},
	{"", func(b *netBuilder, x string) string { return b.Op("Mul", nil, b.erfOf(x, 1.4142135), x) }},
	{"", func(b *netBuilder, x string) string { // another x
		return b.Op("Mul", nil, b.erfOf(x, 1.4142135), b.Op("Mul", nil, b.scalar(0.5), b.relu(x)))
	}},
	{"", func(b *netBuilder, x string) string { return b.Op("Mul", nil, x, b.Op("HardSigmoid", nil, x)) }},
	{"", func(b *netBuilder, x string) string {
		return b.Op("Div", nil, b.Op("Mul", nil, x, b.clipped(x, 2)), b.scalar(6))
	}},
	{"", func(b *netBuilder, x string) string { // a divisor, not a factor
		return b.Op("Div", nil, b.Op("Mul", nil, x, b.scalar(0.5)), b.erfOf(x, 1.4142135))
	}},
}

func init() {
	nets["spelled-out"] = func(b *netBuilder) string {
		x := b.conv(b.Input("x", tensor.Free, 3, 4, 5), 3, 7, 3, 1, nil)
		for _, s := range spelled[:6] {
			x = b.Op("Add", nil, x, s.write(b, x))
		}
		return b.Op("Softmax", nil, b.Op("Flatten", nil, x))
	}
	nets["channels-last"] = func(b *netBuilder) string {
		x := b.conv(b.Input("x", tensor.Free, 3, 9, 8), 3, 6, 2, 2, Attrs{"pads": []int64{0, 0, 0, 0}})
		last := b.toLast(x)
		x = b.toFirst(b.layerNorm(last, 6))
		for range 2 {
			y := b.layerNorm(b.toLast(b.conv(x, 6, 6, 7, 1, Attrs{"group": int64(6)})), 6)
			y = b.Op("Mul", nil, b.project(b.gelu(b.project(y, 6, 24)), 24, 6), b.random(1, 6))
			x = b.Op("Add", nil, b.Op("Mul", nil, b.random(0.5, 6, 1, 1), b.toFirst(y)), x)
		}
		y := b.project(b.layerNorm(b.Op("Add", nil, last, b.toLast(x)), 6), 6, 5) // stays as it is: no Transpose follows
		return b.Op("Softmax", nil, b.Op("Mul", nil, y, b.random(1, 5)))
	}
}

// opsOf returns the operators of the graph, sorted.
func opsOf(g *Graph) []string {
	var names []string
	for _, n := range g.Nodes {
		names = append(names, n.Op)
	}
	slices.Sort(names)
	return names
}

func TestJoinSpelledOut(t *testing.T) {
	for i, s := range spelled {
		b := newNet("spelled", 1)
		b.Output("y", s.write(b, b.Input("x", tensor.Free, 3)))
		before := len(b.g.Nodes)
		if err := joinSpelledOut(b.g); err != nil {
			t.Fatal(err)
		}
		if got := opsOf(b.g); s.op != "" && !slices.Equal(got, []string{s.op}) || s.op == "" && len(got) != before {
			t.Errorf("%d: %v, want %q", i, got, s.op)
		}
	}
}

// What another node reads too is kept.
func TestJoinSpelledOutShared(t *testing.T) {
	b := newNet("shared", 1)
	x := b.Input("x", tensor.Free, 3)
	e := b.erfOf(x, 1.4142135)
	b.Output("y", b.Op("Mul", nil, e, b.Op("Mul", nil, b.scalar(0.5), x)))
	b.Output("z", b.relu(e))
	if err := joinSpelledOut(b.g); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(opsOf(b.g), "Gelu") {
		t.Error("a sum that is read twice was joined")
	}
}

// ConvNeXt's blocks become two convolutions with everything in them, and a normalisation in place.
func TestProductsToConvs(t *testing.T) {
	b := newNet("last", 1)
	b.Output("y", nets["channels-last"](b))
	p, err := NewPlan(b.g, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, n := range p.fused.Nodes {
		count[n.Op]++
	}
	want := map[string]int{"Conv": 1 + 2*3, opChannelNorm: 3, "LayerNormalization": 1, "MatMul": 1, "Transpose": 2, "Add": 1, "Mul": 1, "Softmax": 1}
	for op, n := range want {
		if count[op] != n {
			t.Errorf("%d of %s, want %d (%v)", count[op], op, n, count)
		}
	}
	if len(count) != len(want) {
		t.Errorf("%v, want %v", count, want)
	}
}

// Networks without a step by definition allocate nothing once their programs are made.
func TestElementwiseAllocs(t *testing.T) {
	for _, name := range []string{"spelled-out", "channels-last"} {
		g, x := build(t, name, 2)
		p, err := NewPlan(g, PlanOptions{Pool: newTestPool(t, 2)})
		if err != nil {
			t.Fatal(err)
		}
		dst, src, ctx := [][]float32{make([]float32, 2*product(p.OutputShape(0)))}, [][]float32{x}, t.Context()
		allocs := testing.AllocsPerRun(10, func() {
			if err := p.Run(ctx, dst, src, 2); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations a run", name, allocs)
		}
	}
}
