package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

func TestGemmOp(t *testing.T) {
	type list = []*tensor.Tensor
	a, b := f32(sh(2, 3), 1, 2, 3, 4, 5, 6), f32(sh(3, 2), 1, 0, 0, 1, 1, -1)
	at, bt := f32(sh(3, 2), 1, 4, 2, 5, 3, 6), f32(sh(2, 3), 1, 0, 1, 0, 1, -1)
	want := f32(sh(2, 2), 4, -1, 10, -1)
	one := int64(1)
	runCases(t, []opCase{
		{name: "plain", op: "Gemm", in: list{a, b}, want: list{want}},
		{name: "transA", op: "Gemm", at: Attrs{"transA": one}, in: list{at, b}, want: list{want}},
		{name: "transB", op: "Gemm", at: Attrs{"transB": one}, in: list{a, bt}, want: list{want}},
		{name: "both", op: "Gemm", at: Attrs{"transA": one, "transB": one}, in: list{at, bt}, want: list{want}},
		{name: "bias row", op: "Gemm", in: list{a, b, f32(sh(2), 10, 20)}, want: list{f32(sh(2, 2), 14, 19, 20, 19)}},
		{name: "bias column", op: "Gemm", in: list{a, b, f32(sh(2, 1), 10, 20)}, want: list{f32(sh(2, 2), 14, 9, 30, 19)}},
		{name: "bias scalar", op: "Gemm", in: list{a, b, f32(nil, 10)}, want: list{f32(sh(2, 2), 14, 9, 20, 9)}},
		{name: "alpha and beta", op: "Gemm", at: Attrs{"alpha": float32(2), "beta": float32(0.5)}, in: list{a, b, f32(sh(2), 10, 20)},
			want: list{f32(sh(2, 2), 13, 8, 25, 8)}},
		{name: "no terms", op: "Gemm", in: list{seq(2, 0), seq(0, 2), f32(nil, 3)}, want: list{f32(sh(2, 2), 3, 3, 3, 3)}},
		{name: "sizes", op: "Gemm", in: list{a, a}, err: "3 columns, 2 rows"},
		{name: "rank", op: "Gemm", in: list{a, seq(3)}, err: "want two matrices"},
		{name: "bias too large", op: "Gemm", in: list{a, b, seq(3)}, err: "does not stretch to [2 2]"},
		{name: "bias stretches the product", op: "Gemm", in: list{f32(sh(1, 3), 1, 2, 3), b, seq(2, 2)}, err: "does not stretch to [1 2]"},
	})
}

func TestMatMul(t *testing.T) {
	type list = []*tensor.Tensor
	a, b := f32(sh(2, 3), 1, 2, 3, 4, 5, 6), f32(sh(3, 2), 1, 0, 0, 1, 1, -1)
	v := f32(sh(3), 1, 2, 3)
	runCases(t, []opCase{
		{name: "matrices", op: "MatMul", in: list{a, b}, want: list{f32(sh(2, 2), 4, -1, 10, -1)}},
		{name: "row vector", op: "MatMul", in: list{v, b}, want: list{f32(sh(2), 4, -1)}},
		{name: "column vector", op: "MatMul", in: list{a, v}, want: list{f32(sh(2), 14, 32)}},
		{name: "two vectors", op: "MatMul", in: list{v, v}, want: list{f32(nil, 14)}},
		{name: "stack on the left", op: "MatMul", in: list{seq(2, 1, 3), b}, want: list{f32(sh(2, 1, 2), 2, -1, 8, -1)}},
		{name: "stack on the right", op: "MatMul", in: list{f32(sh(1, 2), 1, 10), seq(2, 2, 1)}, want: list{f32(sh(2, 1, 1), 10, 32)}},
		{name: "stacks stretch", op: "MatMul", in: list{f32(sh(2, 1, 1, 1), 1, 10), f32(sh(3, 1, 1), 1, 2, 3)},
			want: list{f32(sh(2, 3, 1, 1), 1, 2, 3, 10, 20, 30)}},
		{name: "stack with a row", op: "MatMul", in: list{v, seq(2, 3, 1)}, want: list{f32(sh(2, 1), 8, 26)}},
		{name: "sizes", op: "MatMul", in: list{a, a}, err: "3 columns, 2 rows"},
		{name: "stacks", op: "MatMul", in: list{seq(2, 1, 1), seq(3, 1, 1)}, err: "do not broadcast"},
		{name: "scalar", op: "MatMul", in: list{f32(nil, 1), a}, err: "at least one axis"},
	})
}

// The product agrees with a float64 loop at every size around the tiles and parts.
func TestGemmSizes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, m := range []int{1, 2, 3, 31, 32, 33} {
		for _, n := range []int{1, 3, 4, 5, 16, 33} {
			for _, k := range []int{0, 1, 2, 7, 64} {
				t.Run(fmt.Sprintf("%dx%dx%d", m, n, k), func(t *testing.T) {
					a, b, dst := randoms(rng, m*k), randoms(rng, k*n), randoms(rng, m*n)
					want := make([]float64, m*n)
					for i := range want {
						want[i] = float64(dst[i])
						for p := range k {
							want[i] += 2 * float64(a[i/n*k+p]) * float64(b[p*n+i%n])
						}
					}
					(&call{}).gemm(dst, dense(a, k), dense(b, n), m, n, k, 2)
					for i, w := range want {
						// k roundings of numbers around 1 at most.
						if math.Abs(float64(dst[i])-w) > 1e-6*float64(k+1) {
							t.Fatalf("element %d: %v, want %v", i, dst[i], w)
						}
					}
				})
			}
		}
	}
}

func randoms(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = 2*rng.Float32() - 1
	}
	return v
}

// BenchmarkGemm is one training step of a linear head: forward and the gradient by the weights.
func BenchmarkGemm(b *testing.B) {
	const m, n, k = 32, 101, 1280
	rng := rand.New(rand.NewPCG(1, 2))
	x, w, dy, y := randoms(rng, m*k), randoms(rng, k*n), randoms(rng, m*n), make([]float32, m*n)
	c := &call{}
	b.Run("forward", func(b *testing.B) {
		for b.Loop() {
			c.gemm(y, dense(x, k), dense(w, n), m, n, k, 1)
		}
		b.ReportMetric(float64(b.N)*m*n*k/b.Elapsed().Seconds()/1e9, "GMAC/s")
	})
	b.Run("weights", func(b *testing.B) {
		for b.Loop() {
			c.gemm(w, dense(x, k).t(), dense(dy, n), k, n, m, 1e-9)
		}
		b.ReportMetric(float64(b.N)*m*n*k/b.Elapsed().Seconds()/1e9, "GMAC/s")
	})
}
