package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

// Rows of all lengths, at both ends of their memory and in place, against float64.
func TestNorms(t *testing.T) {
	const most, rows, eps = 101, 3, 1e-3
	src, dst := guarded(t, rows*(most+2)), guarded(t, rows*(most+2))
	scale, shift := guarded(t, most), guarded(t, most)
	check.EachImpl(t, "norm", func(t *testing.T) {
		r := rand.New(rand.NewPCG(6, 7))
		for n := 1; n <= most; n++ {
			for side := range 2 {
				rw := Rows{N: rows, Width: n, To: n + 1, From: n + 2}
				s, d := part(src, side, rw.reach(rw.From)), part(dst, side, rw.reach(rw.To))
				k, b := part(scale, side, n), part(shift, side, n)
				for _, x := range [][]float32{s, d, k, b} {
					copy(x, random(r, len(x)))
				}
				LayerNorm(d, s, k, b, eps, rw)
				for i := range rows {
					checkLayerNorm(t, d[i*rw.To:][:n], s[i*rw.From:][:n], k, b, eps)
				}
				Softmax(d, s, rw)
				for i := range rows {
					checkSoftmax(t, d[i*rw.To:][:n], s[i*rw.From:][:n])
				}
				rw.To = rw.From
				Softmax(s, s, rw)
				for i := range rows {
					if j := firstBits(s[i*rw.From:][:n], d[i*(n+1):][:n]); j >= 0 {
						t.Fatalf("%d elements: row %d differs in place", n, i)
					}
				}
			}
		}
	})
}

func checkLayerNorm(t *testing.T, got, x, scale, shift []float32, eps float64) {
	t.Helper()
	n, mean, variance, size := float64(len(x)), 0.0, 0.0, 0.0
	for _, v := range x {
		mean += float64(v) / n
		size = max(size, math.Abs(float64(v)))
	}
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean) / n
	}
	inverse := 1 / math.Sqrt(variance+eps)
	for i, v := range x {
		want := (float64(v)-mean)*inverse*float64(scale[i]) + float64(shift[i])
		near(t, fmt.Sprintf("layer norm of %d, element %d", len(x), i), got[i], want, math.Abs(want)+math.Abs(float64(shift[i]))+size*inverse*math.Abs(float64(scale[i])), 4*0x1p-23)
	}
}

func checkSoftmax(t *testing.T, got, x []float32) {
	t.Helper()
	most, sum := math.Inf(-1), 0.0
	for _, v := range x {
		most = max(most, float64(v))
	}
	for _, v := range x {
		sum += math.Exp(float64(v) - most)
	}
	for i, v := range x {
		want := math.Exp(float64(v)-most) / sum
		near(t, fmt.Sprintf("softmax of %d, element %d", len(x), i), got[i], want, want, 4*0x1p-23)
	}
}

// Numbers far apart, infinities and NaN.
func TestSoftmaxEdges(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	check.EachImpl(t, "norm", func(t *testing.T) {
		for _, c := range []struct{ x, want []float32 }{
			{[]float32{1000, 1000, -1000}, []float32{0.5, 0.5, 0}},
			{[]float32{-3e38, 3e38}, []float32{0, 1}},
			{[]float32{-inf, 2}, []float32{0, 1}},
			{[]float32{1, nan, 2}, []float32{nan, nan, nan}},
			{[]float32{-inf, -inf}, []float32{nan, nan}},
		} {
			got := make([]float32, len(c.x))
			Softmax(got, c.x, Rows{N: 1, Width: len(c.x)})
			if firstBits(got, c.want) >= 0 {
				t.Errorf("softmax of %v: %v, want %v", c.x, got, c.want)
			}
		}
	})
}
