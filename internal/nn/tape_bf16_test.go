package nn

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/tensor"
)

// rounded returns t with its elements rounded to bfloat16.
func rounded(t *tensor.Tensor) *tensor.Tensor {
	if t == nil {
		return nil
	}
	r := tensor.FromFloats(slices.Clone(t.F), t.Shape...)
	for i, x := range r.F {
		r.F[i] = kernel.FromBF16(kernel.ToBF16(x))
	}
	return r
}

// roundConvs replaces the definition of Conv for the duration of a test: its products are those of numbers rounded to
// bfloat16 where a tape rounds them.
func roundConvs(t *testing.T) {
	whole := ops["Conv"]
	low := func(c *call) bool {
		x, w := c.in[0].Shape, c.in[1].Shape
		return len(x) == 4 && w[1] >= lowChannels && x[2]*x[3] > 1
	}
	with := func(c *call) *call {
		d := *c
		d.in = slices.Clone(c.in)
		d.in[0], d.in[1] = rounded(c.in[0]), rounded(c.in[1])
		return &d
	}
	def := *whole
	def.forward = func(c *call) error {
		if low(c) {
			c = with(c)
		}
		return whole.forward(c)
	}
	def.backward = func(c *call, dOut, dIn []*tensor.Tensor) error {
		if low(c) {
			c, dOut = with(c), []*tensor.Tensor{rounded(dOut[0])}
		}
		return whole.backward(c, dOut, dIn)
	}
	ops["Conv"] = &def
	t.Cleanup(func() { ops["Conv"] = whole })
}

// What a tape computes in bfloat16 is what definitions give of rounded inputs, weights and gradients of convolutions, but
// for the order of sums.
func TestTapeBF16(t *testing.T) {
	roundConvs(t)
	for name := range nets {
		t.Run(name, func(t *testing.T) {
			g := buildNet(t, name)
			o := TapeOptions{Params: weightsOf(g), BatchStats: true}
			plain := o
			plain.byDefinition, o.Precision = true, BF16
			tapeOf(t, g, o, 3, 2).close(t, tapeOf(t, g, plain, 3, 2), bf16Tolerance(name))
		})
	}
}

// bf16Tolerance is the difference allowed of sums in another order, which may be rounded to another bfloat16 where they
// are read: some, before many corners.
func bf16Tolerance(net string) float64 {
	if net == "inverted" {
		return 0.1
	}
	return 2e-3
}

// bf16Error is how far the output and the gradients by a parameter may be from those in float32, relative to the length
// of the latter: each number that a convolution reads is off by up to 2^-9, on average by less than half of that, and
// errors add up from layer to layer.
const bf16Error = 0.03

// distance returns the length of the difference of two vectors relative to that of want, or to least.
func distance(got, want []float32, least float64) float64 {
	var d, w float64
	for i, x := range want {
		d += math.Pow(float64(got[i])-float64(x), 2)
		w += float64(x) * float64(x)
	}
	return math.Sqrt(d) / max(math.Sqrt(w), least, 1e-30)
}

// smoothNet is a network without corners, which would make more of small differences: a residual and an inverted
// residual block.
func smoothNet(t *testing.T) *Graph {
	t.Helper()
	b := newNet("smooth", 5)
	act := func(x string) string { return b.Op("Sigmoid", nil, x) }
	x := act(b.bn(b.conv(b.Input("x", tensor.Free, 3, 12, 11), 3, 8, 3, 1, nil), 8))
	y := act(b.bn(b.conv(x, 8, 12, 3, 2, nil), 12))
	y = b.bn(b.conv(y, 12, 12, 3, 1, nil), 12)
	x = act(b.Op("Add", nil, y, b.bn(b.conv(x, 8, 12, 1, 2, nil), 12)))
	y = act(b.bn(b.conv(x, 12, 40, 1, 1, nil), 40))
	y = act(b.bn(b.conv(y, 40, 40, 3, 1, Attrs{"group": int64(40)}), 40))
	x = b.Op("Add", nil, b.bn(b.conv(y, 40, 12, 1, 1, nil), 12), x)
	b.Output("y", b.linear(b.pooled(act(b.conv(x, 12, 24, 3, 1, Attrs{"group": int64(2)}))), 24, 4))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// The gradients in bfloat16 are near those in float32, and not the same.
func TestTapeBF16Error(t *testing.T) {
	g := smoothNet(t)
	for _, stats := range []bool{false, true} {
		t.Run(fmt.Sprint("batch=", stats), func(t *testing.T) {
			o := TapeOptions{Params: weightsOf(g), BatchStats: stats}
			want := tapeOf(t, g, o, 3, 1)
			o.Precision = BF16
			got := tapeOf(t, g, o, 3, 1)
			if d := distance(got.out, want.out, 0); !(d <= bf16Error) || d == 0 {
				t.Errorf("output: off by %.2g", d)
			}
			least := 0.0
			for _, g := range want.grads {
				least = max(least, distance(g, make([]float32, len(g)), 1)/100)
			}
			for p, g := range want.grads {
				if d := distance(got.grads[p], g, least); !(d <= bf16Error) {
					t.Errorf("gradient by %s: off by %.2g", p, d)
				}
			}
		})
	}
}

// Any number of workers and of segments gives the same bits.
func TestTapeBF16Workers(t *testing.T) {
	for _, name := range []string{"residual", "inverted", "dense", "squeeze-excite"} {
		t.Run(name, func(t *testing.T) {
			g := buildNet(t, name)
			o := TapeOptions{Params: weightsOf(g), BatchStats: name != "inverted", Precision: BF16}
			want := tapeOf(t, g, o, 5, 2)
			for _, threads := range []int{2, 5} {
				pool := NewPool(threads)
				o.Pool = pool
				tapeOf(t, g, o, 5, 2).close(t, want, 0)
				pool.Close()
			}
		})
	}
}
