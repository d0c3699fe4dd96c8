package nn

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// planTolerance is the difference allowed between a plan and Eval, relative to the largest output: float32 sums
// against float64 ones over some ten layers.
const planTolerance = 1e-5

// netBuilder builds networks with random weights.
type netBuilder struct {
	*Builder
	r *rand.Rand
}

func newNet(name string, seed uint64) *netBuilder {
	return &netBuilder{NewBuilder(name), rand.New(rand.NewPCG(seed, 7))}
}

func (b *netBuilder) random(scale float64, shape ...int) string {
	t := tensor.New(tensor.Float32, shape...)
	for i := range t.F {
		t.F[i] = float32(scale * b.r.NormFloat64())
	}
	return b.Const(b.fresh("w"), t)
}

// positive is random for variances and slopes.
func (b *netBuilder) positive(shape ...int) string {
	name := b.random(1, shape...)
	for i, v := range b.g.Init[name].F {
		b.g.Init[name].F[i] = 0.5 + float32(math.Abs(float64(v)))
	}
	return name
}

// conv adds a convolution from in to out channels with its bias; more holds attributes.
func (b *netBuilder) conv(x string, in, out, k, stride int, more Attrs) string {
	a := Attrs{"strides": []int64{int64(stride), int64(stride)}, "pads": []int64{int64(k / 2), int64(k / 2), int64(k / 2), int64(k / 2)}}
	for key, v := range more {
		a[key] = v
	}
	cg := in / a.Int("group", 1)
	return b.Op("Conv", a, x, b.random(1/math.Sqrt(float64(cg*k*k)), out, cg, k, k), b.random(0.1, out))
}

func (b *netBuilder) bn(x string, c int) string {
	return b.Op("BatchNormalization", nil, x, b.positive(c), b.random(0.2, c), b.random(0.2, c), b.positive(c))
}

func (b *netBuilder) scalar(v float32) string {
	return b.Const(b.fresh("k"), tensor.FromFloats([]float32{v}))
}

func (b *netBuilder) relu6(x string) string { return b.Op("Clip", nil, x, b.scalar(0), b.scalar(6)) }

// nets are the networks that plans are tested on, small but with every kind of layer.
var nets = map[string]func(b *netBuilder) string{
	"residual": func(b *netBuilder) string {
		x := b.Input("x", tensor.Free, 3, 17, 15)
		x = b.Op("Div", nil, x, b.scalar(127.5))
		x = b.Op("Sub", nil, x, b.random(1, 3, 1, 1))
		x = b.Op("Relu", nil, b.bn(b.conv(x, 3, 8, 7, 2, nil), 8))
		x = b.Op("MaxPool", Attrs{"kernel_shape": []int64{3, 3}, "strides": []int64{2, 2}, "pads": []int64{1, 1, 1, 1}}, x)
		y := b.Op("Relu", nil, b.bn(b.conv(x, 8, 12, 3, 2, nil), 12))
		y = b.bn(b.conv(y, 12, 12, 3, 1, nil), 12)
		x = b.Op("Relu", nil, b.Op("Add", nil, y, b.bn(b.conv(x, 8, 12, 1, 2, nil), 12)))
		x = b.Op("Relu", nil, b.Op("Add", nil, x, b.bn(b.conv(x, 12, 12, 3, 1, nil), 12)))
		x = b.Op("Flatten", nil, b.Op("GlobalAveragePool", nil, x))
		return b.Op("Softmax", nil, b.Op("Gemm", Attrs{"transB": int64(1), "alpha": float32(0.5)}, x, b.random(1, 10, 12), b.random(1, 10)))
	},
	"mobile": func(b *netBuilder) string {
		x := b.Input("x", tensor.Free, 3, 14, 18)
		x = b.relu6(b.conv(x, 3, 9, 3, 2, Attrs{"pads": []int64{0, 0, 1, 1}}))
		y := b.relu6(b.conv(x, 9, 21, 1, 1, nil))
		y = b.relu6(b.conv(y, 21, 21, 3, 1, Attrs{"group": int64(21)}))
		x = b.Op("Add", nil, x, b.conv(y, 21, 9, 1, 1, nil))
		y = b.Op("HardSwish", nil, b.conv(x, 9, 13, 5, 2, Attrs{"auto_pad": "SAME_UPPER"}))
		x = b.Op("ReduceMean", Attrs{"axes": []int64{2, 3}, "keepdims": int64(0)}, y)
		x = b.Op("MatMul", nil, x, b.random(1, 13, 6))
		return b.Op("Add", nil, x, b.random(1, 6))
	},
	"winograd": func(b *netBuilder) string { // tiles of 4 and, in the last layers, of 2
		x := b.Input("x", tensor.Free, 16, 11, 9)
		y := b.Op("Relu", nil, b.conv(x, 16, 16, 3, 1, nil))
		x = b.Op("Relu", nil, b.Op("Add", nil, b.conv(y, 16, 16, 3, 1, nil), x))
		y = b.conv(x, 16, 48, 3, 1, Attrs{"pads": []int64{0, 1, 2, 0}})
		y = b.Op("Mul", nil, y, b.Op("Sigmoid", nil, y))
		y = b.relu6(b.conv(y, 48, 256, 3, 4, nil))
		return b.Op("GlobalMaxPool", nil, b.conv(y, 256, 256, 3, 1, nil))
	},
	"squeeze-excite": func(b *netBuilder) string {
		x := b.Input("x", tensor.Free, 4, 9, 8)
		x = b.conv(x, 4, 16, 3, 1, Attrs{"group": int64(2)})
		x = b.Op("Mul", nil, x, b.Op("Sigmoid", nil, x))
		s := b.Op("Relu", nil, b.conv(b.Op("GlobalAveragePool", nil, x), 16, 4, 1, 1, nil))
		s = b.Op("Sigmoid", nil, b.conv(s, 4, 16, 1, 1, nil))
		x = b.Op("Mul", nil, x, s)
		m := b.Op("ReduceMean", Attrs{"axes": []int64{1}}, x) // row-major
		x = b.Op("Mul", nil, x, m)
		x = b.conv(x, 16, 5, 3, 1, Attrs{"dilations": []int64{2, 2}, "pads": []int64{2, 2, 2, 2}})
		return b.Op("GlobalMaxPool", nil, x)
	},
	"dense": func(b *netBuilder) string {
		x := b.conv(b.Input("x", tensor.Free, 5, 8, 7), 5, 6, 1, 1, nil)
		for c := 6; c < 15; c += 3 {
			y := b.Op("LeakyRelu", nil, b.bn(x, c))
			x = b.Op("Concat", Attrs{"axis": int64(1)}, x, b.conv(y, c, 3, 3, 1, nil))
		}
		x = b.Op("AveragePool", Attrs{"kernel_shape": []int64{3, 2}, "strides": []int64{2, 1}, "pads": []int64{1, 0, 1, 1}, "count_include_pad": int64(1)}, x)
		x = b.Op("AveragePool", Attrs{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}, "ceil_mode": int64(1)}, x)
		return b.Op("Reshape", nil, x, b.Ints(0, -1))
	},
	"inverted": func(b *netBuilder) string { // inverted residual blocks, normalised, of which one has a gate
		x := b.relu6(b.bn(b.conv(b.Input("x", tensor.Free, 3, 13, 11), 3, 8, 3, 1, nil), 8))
		y := b.Op("HardSwish", nil, b.bn(b.conv(x, 8, 24, 1, 1, nil), 24))
		y = b.Op("HardSwish", nil, b.bn(b.conv(y, 24, 24, 5, 1, Attrs{"group": int64(24)}), 24))
		s := b.Op("Relu", nil, b.conv(b.Op("GlobalAveragePool", nil, y), 24, 4, 1, 1, nil))
		y = b.Op("Mul", nil, y, b.Op("HardSigmoid", nil, b.conv(s, 4, 24, 1, 1, nil)))
		x = b.Op("Add", nil, x, b.bn(b.conv(y, 24, 8, 1, 1, nil), 8))
		y = b.relu6(b.bn(b.conv(x, 8, 24, 1, 1, nil), 24))
		y = b.relu6(b.bn(b.conv(y, 24, 24, 3, 2, Attrs{"group": int64(24)}), 24))
		y = b.bn(b.conv(y, 24, 10, 1, 1, nil), 10)
		y = b.Op("MaxPool", Attrs{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}}, y)
		return b.Op("Flatten", nil, b.Op("GlobalAveragePool", nil, y))
	},
	"transposed": func(b *netBuilder) string { // NHWC input, a ConvNeXt block
		x := b.Op("Transpose", Attrs{"perm": []int64{0, 3, 1, 2}}, b.Input("x", tensor.Free, 6, 7, 3))
		x = b.conv(x, 3, 8, 3, 2, nil)
		y := b.Op("Transpose", Attrs{"perm": []int64{0, 2, 3, 1}}, b.conv(x, 8, 8, 7, 1, Attrs{"group": int64(8)}))
		y = b.Op("LayerNormalization", nil, y, b.random(1, 8), b.random(1, 8))
		y = b.Op("Gelu", nil, b.Op("Add", nil, b.Op("MatMul", nil, y, b.random(0.3, 8, 32)), b.random(0.3, 32)))
		y = b.Op("Mul", nil, b.Op("MatMul", nil, y, b.random(0.3, 32, 8)), b.random(1, 8))
		x = b.Op("Add", nil, x, b.Op("Transpose", Attrs{"perm": []int64{0, 3, 1, 2}}, y))
		return b.Op("ReduceMean", Attrs{"axes": []int64{-2, -1}}, b.conv(x, 8, 4, 3, 1, nil))
	},
	"by-definition": func(b *netBuilder) string {
		x := b.Input("x", tensor.Free, 6, 5, 5)
		x = b.Op("LRN", Attrs{"size": int64(3)}, b.conv(x, 6, 6, 3, 1, nil))
		x = b.Op("PRelu", nil, x, b.positive(6, 1, 1))
		x = b.Op("Pad", nil, x, b.Ints(0, 0, 1, 0, 0, 0, 0, 2))
		x = b.Op("Erf", nil, b.conv(x, 6, 4, 3, 1, nil))
		x = b.Op("Slice", nil, x, b.Ints(1), b.Ints(3), b.Ints(1))
		x = b.Op("Sub", nil, b.scalar(1), b.Op("Tanh", nil, x))
		return b.Op("Dropout", nil, b.Op("Squeeze", nil, b.Op("GlobalAveragePool", nil, x), b.Ints(2, 3)))
	},
}

// build returns the named network and a batch of n inputs.
func build(t testing.TB, name string, n int) (*Graph, []float32) {
	t.Helper()
	b := newNet(name, 1)
	b.Output("y", nets[name](b))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g, randomInput(g, n)
}

func randomInput(g *Graph, n int) []float32 {
	r := rand.New(rand.NewPCG(9, 9))
	x := make([]float32, n*product(g.Inputs[0].Shape[1:]))
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// runPlan runs g on n pictures.
func runPlan(t testing.TB, g *Graph, o PlanOptions, x []float32, n int) []float32 {
	t.Helper()
	p, err := NewPlan(g, o)
	if err != nil {
		t.Fatal(err)
	}
	y := make([]float32, n*product(p.OutputShape(0)))
	if err := p.Run(t.Context(), [][]float32{y}, [][]float32{x}, n); err != nil {
		t.Fatal(err)
	}
	return y
}

func TestPlanAgreesWithEval(t *testing.T) {
	for name := range nets {
		t.Run(name, func(t *testing.T) {
			const n = 3
			g, x := build(t, name, n)
			in := map[string]*tensor.Tensor{"x": tensor.FromFloats(x, append([]int{n}, g.Inputs[0].Shape[1:]...)...)}
			want, err := Eval(t.Context(), g, in, nil)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, runPlan(t, g, PlanOptions{}, x, n), want[0].F)
		})
	}
}

// Winograd's algorithm changes the features of a deep network by rounding errors only.
func TestPlanWinogradFeatures(t *testing.T) {
	const limit = 1e-5 // of the largest; what is promised is 1e-4
	b := newNet("resnet", 3)
	x := b.Input("x", tensor.Free, 16, 28, 28)
	for i := range 16 {
		y := b.Op("Relu", nil, b.bn(b.conv(x, 16, 16, 3, 1, nil), 16))
		y = b.bn(b.conv(y, 16, 16, 3, 1, nil), 16)
		if i%2 == 0 {
			y = b.Op("Add", nil, y, x)
		}
		x = b.Op("Relu", nil, y)
	}
	b.Output("y", b.Op("GlobalAveragePool", nil, x))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	in := randomInput(g, 2)
	got, want := runPlan(t, g, PlanOptions{}, in, 2), runPlan(t, g, PlanOptions{direct: true}, in, 2)
	if slices.Equal(got, want) {
		t.Error("both plans are the same")
	}
	largest := slices.Max(want)
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= limit*float64(largest)) {
			t.Fatalf("feature %d: %v, direct %v (largest %v)", i, got[i], want[i], largest)
		}
	}
}

func compare(t *testing.T, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d elements, want %d", len(got), len(want))
	}
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= planTolerance*largest) {
			t.Fatalf("output %d: %v, want %v (largest %v)", i, got[i], want[i], largest)
		}
	}
}

// The bits of a picture's result do not depend on the threads or on what is computed along with it.
func TestPlanBits(t *testing.T) {
	procs(t, 5)
	for name := range nets {
		t.Run(name, func(t *testing.T) {
			const n = 7
			g, x := build(t, name, n)
			want := runPlan(t, g, PlanOptions{MaxBatch: 1}, x, n)
			for _, threads := range []int{1, 2, 5} {
				for _, batch := range []int{1, 3, 7} {
					pool := NewPool(threads)
					got := runPlan(t, g, PlanOptions{Pool: pool, MaxBatch: batch}, x, n)
					pool.Close()
					if i := firstDifference(got, want); i >= 0 {
						t.Fatalf("%d threads, batch %d: output %d is %v, alone %v", threads, batch, i, got[i], want[i])
					}
				}
			}
		})
	}
}

func firstDifference(a, b []float32) int {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return i
		}
	}
	return -1
}

// Memory that a run leaves behind does not reach the next one.
func TestPlanReuse(t *testing.T) {
	for name := range nets {
		g, x := build(t, name, 2)
		p, err := NewPlan(g, PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		per := product(p.OutputShape(0))
		first, second, nan := make([]float32, 2*per), make([]float32, 2*per), make([]float32, len(x))
		for i := range nan {
			nan[i] = float32(math.NaN())
		}
		for _, r := range []struct{ dst, src []float32 }{{first, x}, {second, nan}, {second, x}} {
			if err := p.Run(t.Context(), [][]float32{r.dst}, [][]float32{r.src}, 2); err != nil {
				t.Fatal(err)
			}
		}
		if i := firstDifference(first, second); i >= 0 {
			t.Errorf("%s: output %d is %v in the third run, %v in the first", name, i, second[i], first[i])
		}
	}
}

func TestPlanConcurrent(t *testing.T) {
	procs(t, 2)
	g, x := build(t, "mobile", 5)
	pool := newTestPool(t, 2)
	p, err := NewPlan(g, PlanOptions{Pool: pool, MaxBatch: 4})
	if err != nil {
		t.Fatal(err)
	}
	want := runPlan(t, g, PlanOptions{}, x, 5)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got := make([]float32, len(want))
			for range 3 {
				if err := p.Run(t.Context(), [][]float32{got}, [][]float32{x}, 5); err != nil {
					t.Error(err)
				}
				if !slices.Equal(got, want) {
					t.Error("results of concurrent runs differ")
				}
			}
		})
	}
	wg.Wait()
}

// A graph of kernels only allocates nothing once its programs are made.
func TestPlanAllocs(t *testing.T) {
	procs(t, 2)
	g, x := build(t, "mobile", 2)
	p, err := NewPlan(g, PlanOptions{Pool: newTestPool(t, 2)})
	if err != nil {
		t.Fatal(err)
	}
	dst, src, ctx := [][]float32{make([]float32, 12)}, [][]float32{x}, t.Context()
	allocs := testing.AllocsPerRun(10, func() {
		if err := p.Run(ctx, dst, src, 2); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a run", allocs)
	}
}

func TestPlanErrors(t *testing.T) {
	g, x := build(t, "mobile", 1)
	p, err := NewPlan(g, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	y := make([]float32, 6)
	for name, f := range map[string]func() error{
		"short input":  func() error { return p.Run(t.Context(), [][]float32{y}, [][]float32{x[1:]}, 1) },
		"short output": func() error { return p.Run(t.Context(), [][]float32{y[1:]}, [][]float32{x}, 1) },
		"no output":    func() error { return p.Run(t.Context(), nil, [][]float32{x}, 1) },
		"negative":     func() error { return p.Run(t.Context(), [][]float32{nil}, [][]float32{nil}, -1) },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Run(ctx, [][]float32{y}, [][]float32{x}, 1); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	if err := p.Run(t.Context(), [][]float32{nil}, [][]float32{nil}, 0); err != nil {
		t.Errorf("no pictures: %v", err)
	}
}

// Graphs that a plan must refuse, with the word that the message must hold.
func TestNewPlanErrors(t *testing.T) {
	ints := Value{Name: "x", DType: tensor.Int64, Shape: tensor.Shape{tensor.Free, 2}}
	floats := Value{Name: "x", DType: tensor.Float32, Shape: tensor.Shape{tensor.Free, 2}}
	four := Value{Name: "x", DType: tensor.Float32, Shape: tensor.Shape{4, 2}}
	for _, c := range []struct {
		in   Value
		node *Node
		word string
	}{
		{ints, &Node{Op: "Identity", Inputs: []string{"x"}, Outputs: []string{"y"}}, "float32"},
		{floats, &Node{Op: "Shape", Inputs: []string{"x"}, Outputs: []string{"y"}}, "float32"},
		{four, &Node{Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}, "batch"},
		{floats, &Node{Op: "Nonsense", Inputs: []string{"x"}, Outputs: []string{"y"}}, "Nonsense"},
	} {
		g := &Graph{Inputs: []Value{c.in}, Outputs: []Value{{Name: "y"}}, Nodes: []*Node{c.node}}
		if _, err := NewPlan(g, PlanOptions{}); err == nil || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s of %v: error %v, want one with %q", c.node.Op, c.in, err, c.word)
		}
	}
}

// A graph whose batch is fixed at one runs picture by picture, whether the input says so or a Reshape inside.
func TestPlanFixedBatch(t *testing.T) {
	for _, batch := range []int{1, tensor.Free} {
		b := newNet("fixed", 3)
		x := b.conv(b.Input("x", batch, 2, 3, 4), 2, 3, 3, 1, nil)
		y := b.Op("MatMul", nil, b.Op("Reshape", nil, x, b.Ints(1, 36)), b.random(1, 36, 2))
		g := b.g
		g.Outputs = []Value{{Name: y}}
		in := randomInput(g, 3)
		got := runPlan(t, g, PlanOptions{}, in, 3)
		for i := range 3 {
			one := map[string]*tensor.Tensor{"x": tensor.FromFloats(in[i*24:(i+1)*24], 1, 2, 3, 4)}
			want, err := Eval(t.Context(), g, one, nil)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got[2*i:2*i+2], want[0].F)
		}
	}
}

// A graph that computes along the batch gives for each picture what it gives for that picture alone.
func TestPlanMixedPictures(t *testing.T) {
	for name, net := range map[string]func(b *netBuilder, x string) string{
		"softmax": func(b *netBuilder, x string) string { return b.Op("Softmax", Attrs{"axis": int64(0)}, x) },
		"mean":    func(b *netBuilder, x string) string { return b.Op("ReduceMean", Attrs{"axes": []int64{0}}, x) },
		"deviation": func(b *netBuilder, x string) string {
			return b.Op("Sub", nil, x, b.Op("ReduceMean", Attrs{"axes": []int64{0}}, x))
		},
		"doubled": func(b *netBuilder, x string) string { return b.Op("Concat", Attrs{"axis": int64(0)}, x, x) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newNet(name, 2)
			y := net(b, b.Op("Exp", nil, b.Input("x", tensor.Free, 3)))
			b.g.Outputs = []Value{{Name: y}}
			x := randomInput(b.g, 2)
			both := runPlan(t, b.g, PlanOptions{}, x, 2)
			apart := append(runPlan(t, b.g, PlanOptions{}, x[:3], 1), runPlan(t, b.g, PlanOptions{}, x[3:], 1)...)
			if !slices.Equal(both, apart) {
				t.Errorf("together %v, apart %v", both, apart)
			}
		})
	}
}

// Outputs that are inputs, constants, the same value, or read by later nodes all arrive.
func TestPlanOutputs(t *testing.T) {
	b := newNet("outputs", 4)
	x := b.Input("x", tensor.Free, 2, 3, 3)
	h := b.conv(x, 2, 4, 3, 1, nil)
	r := b.Op("Relu", nil, h)
	f := b.Op("Flatten", nil, r)
	c := b.conv(r, 4, 2, 3, 1, nil)
	g := b.g
	for _, name := range []string{x, h, r, f, c, f} {
		g.Outputs = append(g.Outputs, Value{Name: name})
	}
	p, err := NewPlan(g, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	in := randomInput(g, 5)
	var dst [][]float32
	for i := range g.Outputs {
		dst = append(dst, make([]float32, 5*product(p.OutputShape(i))))
	}
	if err := p.Run(t.Context(), dst, [][]float32{in}, 5); err != nil {
		t.Fatal(err)
	}
	want, err := Eval(t.Context(), g, map[string]*tensor.Tensor{"x": tensor.FromFloats(in, 5, 2, 3, 3)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range dst {
		t.Run(fmt.Sprint(i), func(t *testing.T) { compare(t, dst[i], want[i].F) })
	}
}
