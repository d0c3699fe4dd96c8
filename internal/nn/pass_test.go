package nn

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/tensor"
)

// passCase is a graph and the operators that a pass leaves of it.
type passCase struct {
	name string
	net  func(b *netBuilder) string
	want []string
}

// checkPass runs a pass on the graph of each case, compares the operators left, and the results before and after.
func checkPass(t *testing.T, run func(g *Graph) error, cases []passCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newNet(c.name, 5)
			b.Output("y", c.net(b))
			g, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			after := g.Clone()
			if err := run(after); err != nil {
				t.Fatal(err)
			}
			if got := opNames(after); !slices.Equal(got, c.want) {
				t.Fatalf("operators %v, want %v", got, c.want)
			}
			x := randomInput(g, 2)
			in := map[string]*tensor.Tensor{"x": tensor.FromFloats(x, append([]int{2}, g.Inputs[0].Shape[1:]...)...)}
			want, err := Eval(context.Background(), g, in, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Eval(context.Background(), after, in, nil)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got[0].F, want[0].F)
		})
	}
}

func opNames(g *Graph) []string {
	var names []string
	for _, n := range g.Nodes {
		names = append(names, n.Op)
	}
	return names
}

func TestFoldConstants(t *testing.T) {
	checkPass(t, foldConstants, []passCase{
		{"float16 weights", func(b *netBuilder) string {
			x := b.Input("x", tensor.Free, 2, 3, 3)
			w := &tensor.Tensor{DType: tensor.Float16, Shape: tensor.Shape{4, 2, 1, 1}, Raw: make([]byte, 16)}
			for i := range 8 {
				w.Raw[2*i+1] = byte(0x38 + i) // 0.5 and up
			}
			return b.Op("Conv", nil, x, b.Op("Cast", Attrs{"to": int64(1)}, b.Const("half", w)))
		}, []string{"Conv"}},
		{"shape arithmetic", func(b *netBuilder) string {
			x := b.Input("x", tensor.Free, 2, 3, 3)
			s := b.Op("Shape", nil, x)
			n := b.Op("Gather", nil, s, b.Ints(0))
			return b.Op("Reshape", nil, x, b.Op("Concat", Attrs{"axis": int64(0)}, n, b.Ints(-1)))
		}, []string{"Shape", "Gather", "Concat", "Reshape"}}, // it follows the batch: a program folds it
		{"chain", func(b *netBuilder) string {
			return b.Op("Add", nil, b.Input("x", tensor.Free, 2), b.Op("Mul", nil, b.scalar(2), b.Op("Sqrt", nil, b.scalar(4))))
		}, []string{"Add"}},
	})
}

func TestRemoveIdentities(t *testing.T) {
	checkPass(t, removeIdentities, []passCase{
		{"inside", func(b *netBuilder) string {
			x := b.Op("Identity", nil, b.Op("Dropout", nil, b.Op("Identity", nil, b.Input("x", tensor.Free, 3))))
			return b.Op("Add", nil, b.Op("Identity", nil, b.Op("Relu", nil, x)), x)
		}, []string{"Relu", "Add"}},
		{"at the end", func(b *netBuilder) string {
			x := b.Op("Relu", nil, b.Input("x", tensor.Free, 3))
			return b.Op("Dropout", nil, b.Op("Identity", nil, x))
		}, []string{"Relu"}},
		{"input to output", func(b *netBuilder) string {
			return b.Op("Identity", nil, b.Input("x", tensor.Free, 3))
		}, []string{"Identity"}},
		{"two outputs of one value", func(b *netBuilder) string {
			x := b.Op("Relu", nil, b.Input("x", tensor.Free, 3))
			b.Output("z", b.Op("Identity", nil, x))
			return b.Op("Identity", nil, x)
		}, []string{"Relu", "Identity"}},
	})
}

func TestMergePads(t *testing.T) {
	padded := func(mode string, value float32, pads ...int64) func(b *netBuilder) string {
		return func(b *netBuilder) string {
			x := b.Op("Pad", Attrs{"mode": mode}, b.Input("x", tensor.Free, 2, 5, 5), b.Ints(pads...), b.scalar(value))
			return b.conv(x, 2, 3, 3, 2, Attrs{"pads": []int64{1, 0, 0, 1}})
		}
	}
	checkPass(t, mergePads, []passCase{
		{"zeros", padded("constant", 0, 0, 0, 0, 1, 0, 0, 1, 2), []string{"Conv"}},
		{"ones", padded("constant", 1, 0, 0, 0, 1, 0, 0, 1, 2), []string{"Pad", "Conv"}},
		{"reflected", padded("reflect", 0, 0, 0, 0, 1, 0, 0, 1, 2), []string{"Pad", "Conv"}},
		{"cropped", padded("constant", 0, 0, 0, -1, 1, 0, 0, 1, 2), []string{"Pad", "Conv"}},
	})
}

func TestAffineToBatchNorm(t *testing.T) {
	step := func(op string, xFirst bool, shape ...int) func(b *netBuilder) string {
		return func(b *netBuilder) string {
			x, k := b.Input("x", tensor.Free, 3, 3, 3), b.positive(shape...)
			if xFirst {
				return b.Op(op, nil, x, k)
			}
			return b.Op(op, nil, k, x)
		}
	}
	bn := []string{"BatchNormalization"}
	checkPass(t, affineToBatchNorm, []passCase{
		{"x + k", step("Add", true, 3, 1, 1), bn}, {"k + x", step("Add", false, 1, 3, 1, 1), bn},
		{"x - k", step("Sub", true, 1), bn}, {"k - x", step("Sub", false, 3, 1, 1), bn},
		{"x * k", step("Mul", true, 1, 1), bn}, {"x / k", step("Div", true, 3, 1, 1), bn},
		{"k / x", step("Div", false, 3, 1, 1), []string{"Div"}},
		{"along the width", step("Mul", true, 3), []string{"Mul"}},
		{"along the height", step("Mul", true, 3, 1), []string{"Mul"}},
		{"whole picture", step("Mul", true, 3, 3, 3), []string{"Mul"}},
	})
}

func TestMergeBatchNorms(t *testing.T) {
	checkPass(t, mergeBatchNorms, []passCase{
		{"three", func(b *netBuilder) string {
			return b.bn(b.bn(b.bn(b.Input("x", tensor.Free, 3, 2, 2), 3), 3), 3)
		}, []string{"BatchNormalization"}},
		{"read twice", func(b *netBuilder) string {
			x := b.bn(b.Input("x", tensor.Free, 3, 2, 2), 3)
			return b.Op("Add", nil, x, b.bn(x, 3))
		}, []string{"BatchNormalization", "BatchNormalization", "Add"}},
	})
}

func TestFoldBatchNorms(t *testing.T) {
	gemm := func(attrs Attrs, w, bias []int) func(b *netBuilder) string {
		return func(b *netBuilder) string {
			return b.bn(b.Op("Gemm", attrs, b.Input("x", tensor.Free, 4), b.random(1, w...), b.random(1, bias...)), 3)
		}
	}
	checkPass(t, foldBatchNorms, []passCase{
		{"conv", func(b *netBuilder) string {
			return b.bn(b.conv(b.Input("x", tensor.Free, 4, 5, 5), 4, 6, 3, 1, Attrs{"group": int64(2)}), 6)
		}, []string{"Conv"}},
		{"conv without bias", func(b *netBuilder) string {
			return b.bn(b.Op("Conv", nil, b.Input("x", tensor.Free, 4, 5), b.random(1, 3, 4, 2)), 3)
		}, []string{"Conv"}},
		{"gemm", gemm(nil, []int{4, 3}, []int{3}), []string{"Gemm"}},
		{"gemm transposed", gemm(Attrs{"transB": int64(1), "alpha": float32(2), "beta": float32(0.5)}, []int{3, 4}, []int{1, 3}), []string{"Gemm"}},
		{"gemm with one bias", gemm(nil, []int{4, 3}, []int{1}), []string{"Gemm"}},
		{"conv read twice", func(b *netBuilder) string {
			x := b.conv(b.Input("x", tensor.Free, 4, 5, 5), 4, 4, 3, 1, nil)
			return b.Op("Add", nil, x, b.bn(x, 4))
		}, []string{"Conv", "BatchNormalization", "Add"}},
		{"before", func(b *netBuilder) string {
			return b.conv(b.bn(b.Input("x", tensor.Free, 4, 5, 5), 4), 4, 4, 3, 1, nil)
		}, []string{"BatchNormalization", "Conv"}},
	})
}

func TestRemoveDead(t *testing.T) {
	checkPass(t, func(g *Graph) error {
		err := removeDead(g)
		if len(g.Init) != 0 {
			t.Errorf("%d initialisers are left", len(g.Init))
		}
		return err
	}, []passCase{{"branch", func(b *netBuilder) string {
		x := b.Input("x", tensor.Free, 3)
		b.Op("Exp", nil, b.Op("Mul", nil, x, b.random(1, 3)))
		return b.Op("Relu", nil, x)
	}, []string{"Relu"}}})
}

// A graph's own nodes and initialisers are left alone by a plan.
func TestPlanLeavesGraph(t *testing.T) {
	g, _ := build(t, "residual", 1)
	before := g.Clone()
	names := opNames(g)
	if _, err := NewPlan(g, PlanOptions{}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(names, opNames(g)) || len(g.Init) != len(before.Init) {
		t.Error("the graph was changed")
	}
	for name, v := range before.Init {
		if g.Init[name] != v {
			t.Errorf("initialiser %q was changed", name)
		}
	}
}

// fuseCases are graphs, the operators that fusion leaves of them, and the activation of each, -1 for none.
var fuseCases = []struct {
	name string
	net  func(b *netBuilder) string
	want []string
	acts []kernel.Func
}{
	{"activation", func(b *netBuilder) string {
		return b.relu6(b.conv(b.Input("x", tensor.Free, 2, 4, 4), 2, 3, 3, 1, nil))
	}, []string{"Conv"}, []kernel.Func{kernel.Clip}},
	{"activation of a value read twice", func(b *netBuilder) string {
		x := b.conv(b.Input("x", tensor.Free, 2, 4, 4), 2, 3, 3, 1, nil)
		return b.Op("Concat", Attrs{"axis": int64(1)}, x, b.Op("Relu", nil, x))
	}, []string{"Conv", "Relu", "Concat"}, []kernel.Func{-1, -1, -1}},
	{"silu", func(b *netBuilder) string {
		x := b.conv(b.Input("x", tensor.Free, 2, 4, 4), 2, 3, 3, 1, nil)
		return b.Op("Mul", nil, x, b.Op("Sigmoid", nil, x))
	}, []string{"Conv"}, []kernel.Func{kernel.SiLU}},
	{"two convolutions and a relu", func(b *netBuilder) string {
		x := b.Input("x", tensor.Free, 2, 4, 4)
		y := b.conv(x, 2, 3, 1, 1, nil)
		z := b.conv(x, 2, 3, 3, 1, nil)
		return b.Op("Relu", nil, b.Op("Add", nil, z, y))
	}, []string{"Conv", "Conv"}, []kernel.Func{-1, kernel.Relu}},
	{"residual after an activation", func(b *netBuilder) string {
		x := b.conv(b.Input("x", tensor.Free, 2, 4, 4), 2, 3, 3, 1, nil)
		x = b.Op("Concat", Attrs{"axis": int64(1)}, x)
		return b.Op("Add", nil, x, b.Op("Relu", nil, b.conv(x, 3, 3, 3, 1, nil)))
	}, []string{"Conv", "Concat", "Conv", "Add"}, []kernel.Func{-1, -1, kernel.Relu, -1}},
	{"sum that stretches", func(b *netBuilder) string {
		x := b.conv(b.Input("x", tensor.Free, 2, 4, 4), 2, 3, 3, 1, nil)
		return b.Op("Add", nil, x, b.Op("GlobalAveragePool", nil, x))
	}, []string{"Conv", "GlobalAveragePool", "Add"}, []kernel.Func{-1, -1, -1}},
	{"product with bias", func(b *netBuilder) string {
		x := b.Op("MatMul", nil, b.Input("x", tensor.Free, 3, 4), b.random(1, 4, 5))
		return b.Op("Gelu", nil, b.Op("Add", nil, b.random(1, 5), x))
	}, []string{"MatMul"}, []kernel.Func{kernel.Gelu}},
	{"pointless padding", func(b *netBuilder) string {
		x := b.Input("x", tensor.Free, 1, 2, 2)
		return b.Op("Relu", nil, b.conv(x, 1, 1, 1, 1, Attrs{"pads": []int64{999, 999, 999, 999}, "strides": []int64{999, 999}}))
	}, []string{"Conv", "Relu"}, []kernel.Func{-1, -1}},
}

// What is fused, and what must not be.
func TestFuse(t *testing.T) {
	for _, c := range fuseCases {
		t.Run(c.name, func(t *testing.T) {
			b := newNet(c.name, 6)
			b.Output("y", c.net(b))
			g, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			infos, err := Infer(g)
			if err != nil {
				t.Fatal(err)
			}
			fused := g.Clone()
			fuse(fused, infos)
			if got := opNames(fused); !slices.Equal(got, c.want) {
				t.Fatalf("operators %v, want %v", got, c.want)
			}
			for i, n := range fused.Nodes {
				act, ok := n.Attrs[actAttr].(kernel.Act)
				if ok != (c.acts[i] >= 0) || ok && act.Func != c.acts[i] {
					t.Errorf("node %d has the activation %v", i, n.Attrs[actAttr])
				}
			}
			x := randomInput(g, 2)
			in := map[string]*tensor.Tensor{"x": tensor.FromFloats(x, append([]int{2}, g.Inputs[0].Shape[1:]...)...)}
			want, err := Eval(t.Context(), g, in, nil)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, runPlan(t, g, PlanOptions{}, x, 2), want[0].F)
		})
	}
}

// Fusion does not change a bit: the fused value equals the one that an output in between keeps from fusing.
func TestFuseBits(t *testing.T) {
	make := func(keep bool) *Graph {
		b := newNet("bits", 8)
		x := b.Input("x", tensor.Free, 3, 6, 6)
		h := b.conv(x, 3, 5, 3, 1, nil)
		sum := b.Op("Add", nil, b.conv(h, 5, 5, 3, 1, nil), h)
		y := b.Op("Relu", nil, sum)
		b.g.Outputs = []Value{{Name: y}}
		if keep {
			b.g.Outputs = append(b.g.Outputs, Value{Name: b.g.Nodes[1].Outputs[0]}, Value{Name: sum})
		}
		return b.g
	}
	in := randomInput(make(false), 1)
	p, err := NewPlan(make(true), PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := [][]float32{nil, nil, nil}
	for i := range got {
		got[i] = slices.Repeat([]float32{float32(math.NaN())}, 5*6*6)
	}
	if err := p.Run(t.Context(), got, [][]float32{in}, 1); err != nil {
		t.Fatal(err)
	}
	if i := firstDifference(runPlan(t, make(false), PlanOptions{}, in, 1), got[0]); i >= 0 {
		t.Errorf("output %d depends on fusion", i)
	}
}
