package nn

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/tensor"
)

// poolings is a network in which values stay low through poolings.
func poolings(b *netBuilder) string {
	x := b.Op("Relu", nil, b.conv(b.Input("x", tensor.Free, 3, 23, 19), 3, 12, 3, 1, nil))
	x = b.Op("Relu", nil, b.conv(x, 12, 20, 3, 1, nil))
	x = b.Op("MaxPool", Attrs{"kernel_shape": []int64{3, 3}, "strides": []int64{2, 2}, "pads": []int64{1, 1, 1, 1}}, x)
	x = b.Op("Relu", nil, b.conv(x, 20, 18, 3, 1, Attrs{"group": int64(2), "dilations": []int64{2, 2}, "pads": []int64{2, 2, 2, 2}}))
	x = b.Op("MaxPool", Attrs{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}}, x)
	y := b.relu6(b.conv(x, 18, 18, 3, 1, Attrs{"group": int64(18)}))
	return b.Op("Add", nil, b.Op("GlobalAveragePool", nil, b.conv(y, 18, 7, 1, 1, nil)), b.Op("GlobalAveragePool", nil, b.conv(x, 18, 7, 1, 1, nil)))
}

func buildLow(t testing.TB, name string, n int) (*Graph, []float32) {
	if name != "poolings" {
		return build(t, name, n)
	}
	b := newNet(name, 2)
	b.Output("y", poolings(b))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g, randomInput(g, n)
}

// quantsOf returns for each low value the range that it has for the pictures x.
func quantsOf(t testing.TB, g *Graph, x []float32, n int) map[string]Quant {
	t.Helper()
	names, err := LowValues(g)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(g, PlanOptions{Apart: true})
	if err != nil {
		t.Fatal(err)
	}
	lo, hi := map[string]float32{}, map[string]float32{}
	err = p.Observe(t.Context(), x, n, func(name string, _ int, row []float32) {
		lo[name], hi[name] = min(lo[name], slices.Min(row)), max(hi[name], slices.Max(row))
	})
	if err != nil {
		t.Fatal(err)
	}
	quants := map[string]Quant{}
	for _, name := range names {
		scale := max(hi[name]-lo[name], 1e-6) / 255
		quants[name] = Quant{Scale: scale, Zero: uint8(math.RoundToEven(float64(-lo[name] / scale)))}
	}
	return quants
}

// lowNets are networks with low convolutions, how many, and how far features may be from those of float32, relative to
// the largest: some layers of rounding to 1/255 of a range, and to 1/256 of each number.
var lowNets = map[string]struct {
	convs      int
	int8, bf16 float64
}{
	"residual": {4, 0.04, 0.02}, "mobile": {3, 0.06, 0.03}, "winograd": {2, 0.06, 0.02}, "dense": {3, 0.03, 0.02}, "poolings": {5, 0.05, 0.02},
}

func TestPlanLow(t *testing.T) {
	const n = 3
	for name, limits := range lowNets {
		g, x := buildLow(t, name, n)
		quants := quantsOf(t, g, x, n)
		want := runPlan(t, g, PlanOptions{}, x, n)
		for precision, limit := range map[Precision]float64{Int8: limits.int8, BF16: limits.bf16} {
			t.Run(name+" "+precision.String(), func(t *testing.T) {
				p, err := NewPlan(g, PlanOptions{Precision: precision, Quants: quants})
				if err != nil {
					t.Fatal(err)
				}
				if len(p.low.nodes) < limits.convs {
					t.Errorf("%d convolutions are low, want %d", len(p.low.nodes), limits.convs)
				}
				got := runPlan(t, g, PlanOptions{Precision: precision, Quants: quants}, x, n)
				if slices.Equal(got, want) {
					t.Error("the same as in float32")
				}
				largest := max(slices.Max(want), -slices.Min(want))
				for i := range want {
					if d := math.Abs(float64(got[i] - want[i])); !(d <= limit*float64(largest)) {
						t.Fatalf("output %d: %v, in float32 %v (largest %v)", i, got[i], want[i], largest)
					}
				}
			})
		}
	}
}

// The bits of a picture's result depend neither on the threads nor on what is computed along with it, and the integers
// not on the processor.
func TestPlanLowBits(t *testing.T) {
	procs(t, 5)
	const n = 5
	for name := range lowNets {
		g, x := buildLow(t, name, n)
		quants := quantsOf(t, g, x, n)
		for _, precision := range []Precision{Int8, BF16} {
			t.Run(name+" "+precision.String(), func(t *testing.T) {
				want := runPlan(t, g, PlanOptions{Precision: precision, Quants: quants, MaxBatch: 1}, x, n)
				for _, threads := range []int{1, 2, 5} {
					for _, batch := range []int{2, 5} {
						pool := NewPool(threads)
						got := runPlan(t, g, PlanOptions{Precision: precision, Quants: quants, Pool: pool, MaxBatch: batch}, x, n)
						pool.Close()
						if i := firstDifference(got, want); i >= 0 {
							t.Fatalf("%d threads, batch %d: output %d is %v, alone %v", threads, batch, i, got[i], want[i])
						}
					}
				}
			})
		}
	}
}

// Integers are the same on every instruction set: a network whose first convolution reads what is exact.
func TestPlanInt8OnEveryProcessor(t *testing.T) {
	b := newNet("exact", 3)
	x := b.Op("Relu", nil, b.Input("x", tensor.Free, 16, 9, 7))
	y := b.relu6(b.conv(b.Op("Relu", nil, b.conv(x, 16, 40, 1, 1, nil)), 40, 40, 3, 2, Attrs{"group": int64(40)}))
	b.Output("y", b.conv(y, 40, 12, 3, 1, nil))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	in := randomInput(g, 2)
	o := PlanOptions{Precision: Int8, Quants: quantsOf(t, g, in, 2)}
	var want []float32
	for _, kernel := range []string{"convint8", "depthwiseint8", "quantise"} {
		check.EachImpl(t, kernel, func(t *testing.T) {
			got := runPlan(t, g, o, in, 2)
			if want == nil {
				want = got
			}
			if i := firstDifference(got, want); i >= 0 {
				t.Errorf("output %d is %v, want %v", i, got[i], want[i])
			}
		})
	}
}

func TestPlanLowAllocs(t *testing.T) {
	procs(t, 2)
	for _, precision := range []Precision{Int8, BF16} {
		g, x := buildLow(t, "poolings", 2)
		p, err := NewPlan(g, PlanOptions{Pool: newTestPool(t, 2), Precision: precision, Quants: quantsOf(t, g, x, 2)})
		if err != nil {
			t.Fatal(err)
		}
		dst, src, ctx := [][]float32{make([]float32, 14)}, [][]float32{x}, t.Context()
		if allocs := testing.AllocsPerRun(10, func() {
			if err := p.Run(ctx, dst, src, 2); err != nil {
				t.Error(err)
			}
		}); allocs > 0 {
			t.Errorf("%v: %v allocations a run", precision, allocs)
		}
	}
}

func TestPlanRefusesBadQuants(t *testing.T) {
	g, _ := build(t, "residual", 1)
	for _, scale := range []float32{0, -1, float32(math.NaN()), float32(math.Inf(1))} {
		_, err := NewPlan(g, PlanOptions{Precision: Int8, Quants: map[string]Quant{"relu_9": {Scale: scale}}})
		if err == nil || !strings.Contains(err.Error(), `"relu_9"`) {
			t.Errorf("scale %v: error %v", scale, err)
		}
	}
}

// A profile names the conversions, and counts what is done in low precision as it does otherwise.
func TestProfileLow(t *testing.T) {
	g, x := buildLow(t, "poolings", 1)
	dst := [][]float32{make([]float32, 7)}
	macs := func(o PlanOptions) (total, bytes int64, ops []string) {
		p, err := NewPlan(g, o)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := p.Profile(t.Context(), dst, [][]float32{x}, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			total += s.MACs
			bytes += s.Bytes
			ops = append(ops, s.Op)
		}
		return total, bytes, ops
	}
	want, exact, _ := macs(PlanOptions{})
	got, bytes, ops := macs(PlanOptions{Precision: Int8, Quants: quantsOf(t, g, x, 1)})
	if got != want || !slices.Contains(ops, "Quantise") || slices.Contains(ops, "Dequantise") {
		t.Errorf("%d multiply-adds in %v, want %d", got, ops, want)
	}
	if bytes >= exact {
		t.Errorf("%d bytes are moved, %d in float32", bytes, exact)
	}
}
