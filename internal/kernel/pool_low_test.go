package kernel

import (
	"math/rand/v2"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

// Poolings of bytes and of bfloat16 are those of the numbers that they stand for.
func TestPoolLowPrecision(t *testing.T) {
	check.EachImpl(t, "poolint8", func(t *testing.T) {
		for c := 1; c < 140; c += 1 + c/2 {
			w := Window{C: c, KH: 3, KW: 2, StrideH: 2, StrideW: 1, DilH: 1, DilW: 2, Top: 1, Left: 1, N: 2, InH: 7, InW: 6, OutH: 4, OutW: 6}
			var ns, nd int
			w.Src, ns = dense(w.N, w.InH, w.InW, c, 1, 0)
			w.Dst, nd = dense(w.N, w.OutH, w.OutW, c, 0, 3)
			r := rand.New(rand.NewPCG(1, uint64(c)))
			q := Quant{0.5, 3}
			src, dst := randomBytes(r, ns), make([]uint8, nd)
			half, halfDst := make([]uint16, ns), make([]uint16, nd)
			floats, want := make([]float32, ns), make([]float32, nd)
			DequantiseRows(floats, src, q, Rows{N: 1, Width: ns})
			ToBF16Rows(half, floats, Rows{N: 1, Width: ns})
			w.MaxPool(want, floats, 0, w.N*w.OutH)
			w.MaxPoolInt8(dst, src, 0, w.N*w.OutH)
			w.MaxPoolBF16(halfDst, half, 0, w.N*w.OutH)
			for i := range w.N * w.OutH * w.OutW * c {
				at := w.Dst.At(i/c/w.OutW/w.OutH, i/c/w.OutW%w.OutH, i/c%w.OutW) + i%c
				if got := float32(int(dst[at])-3) * q.Scale; got != want[at] {
					t.Fatalf("%d channels: byte %d stands for %v, want %v", c, at, got, want[at])
				}
				if got := FromBF16(halfDst[at]); got != want[at] {
					t.Fatalf("%d channels: element %d is %v, want %v", c, at, got, want[at])
				}
			}
			a, b, d := make([]float32, c), make([]float32, c), make([]float32, c)
			GlobalAvgPool(a, floats, w.Src, 1, w.InH, w.InW, 0, c)
			GlobalAvgPoolInt8(b, src, q, w.Src, 1, w.InH, w.InW, 0, c)
			GlobalAvgPoolBF16(d, half, w.Src, 1, w.InH, w.InW, 0, c)
			for i := range a {
				near(t, "mean of bytes", b[i], float64(a[i]), 128, 1e-6)
				near(t, "mean of bf16", d[i], float64(a[i]), 128, 1e-6)
			}
		}
	})
}
