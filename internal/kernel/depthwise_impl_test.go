package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

// Every implementation computes the promised chain: the bias, the taps in the order [ky][kx], the residual,
// the clip; for all channels and widths up to more than two tiles, in slices beside which no memory is.
func TestDepthwiseChain(t *testing.T) {
	const most = 40 * 40 * 40
	src, dst, res := guarded(t, most), guarded(t, most), guarded(t, most)
	check.EachImpl(t, "depthwise", func(t *testing.T) {
		for c := 1; c <= 37; c++ {
			for _, w := range []int{3 + c%5, 8 + c%11} {
				kw, dw := []int{1, 2, 3, 4, 5, 7}[c/2%6], 1
				if kw < 4 {
					dw = 1 + c%2
				}
				k := convCase{1 + c%2, 3, w, c, c, 1 + c%3, kw, 1 + c%2, 1 + c%3, 1, dw, c, 2, 0}
				v, ns, nd, _ := k.conv()
				v.Act = Act{Func: Clip, A: -1, B: 2}
				v.Dst, nd = dense(k.n, v.OutH, v.OutW, c, 0, 0)
				v.Res = v.Dst
				d := Depthwise{C: c, KH: k.kh, KW: k.kw, StrideH: k.sh, StrideW: k.sw, DilH: k.dh, DilW: k.dw, N: k.n, OutH: v.OutH, OutW: v.OutW,
					Src: v.Src, Dst: v.Dst, Res: v.Res, Act: v.Act}
				r := rand.New(rand.NewPCG(uint64(c), uint64(w)))
				weights, bias, packed := random(r, c*v.taps()), random(r, c), make([]float32, d.PackedLen())
				d.Pack(packed, weights, bias)
				// The last pixel that is read ends the slice.
				ns = min(ns, d.Src.At(k.n-1, (d.OutH-1)*k.sh+(k.kh-1)*k.dh, (d.OutW-1)*k.sw+(k.kw-1)*k.dw)+c)
				for i := range 2 {
					s, o, a := part(src, i, ns), part(dst, i, nd), part(res, i, nd)
					copy(s, random(r, ns))
					copy(a, random(r, nd))
					if c%3 == 0 {
						a = nil
					}
					d.Run(o, s, a, packed, 0, d.N*d.OutH)
					checkChain(t, &v, o, s, weights, bias, a)
				}
			}
		}
	})
}

// Rows together, which go some channels at a time, give the bits of rows alone, and of rows that replace the residual.
func TestDepthwiseRows(t *testing.T) {
	check.EachImpl(t, "depthwise", func(t *testing.T) {
		const rows, width, c = 5, 28, 150
		for _, act := range []Act{{Func: Relu}, {Func: HardSwish}} {
			d := Depthwise{C: c, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, N: 1, OutH: rows, OutW: width, Act: act}
			var ns, nd int
			d.Src, ns = dense(1, rows, width, c, 1, 0)
			d.Src.Start = 0
			d.Dst, nd = dense(1, rows, width, c, 0, 0)
			d.Res = d.Dst
			r := rand.New(rand.NewPCG(8, 9))
			src, res, packed := random(r, ns), random(r, nd), random(r, d.PackedLen())
			together, alone := make([]float32, nd), make([]float32, nd)
			d.Run(together, src, res, packed, 0, rows)
			inPlace := slices.Clone(res)
			d.Run(inPlace, src, inPlace, packed, 0, rows)
			if !slices.Equal(together, inPlace) {
				t.Errorf("%v: rows in the place of the residual have other bits", act)
			}
			for y := range rows {
				d.Run(alone, src, res, packed, y, y+1)
			}
			if !slices.Equal(together, alone) {
				t.Errorf("%v: rows alone give other bits", act)
			}
		}
	})
}

// A run allocates nothing.
func TestDepthwiseAllocates(t *testing.T) {
	check.EachImpl(t, "depthwise", func(t *testing.T) {
		d := Depthwise{C: 20, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, N: 1, OutH: 4, OutW: 9}
		var ns, nd int
		d.Src, ns = dense(1, 4, 9, d.C, 1, 0)
		d.Src.Start = 0
		d.Dst, nd = dense(1, 4, 9, d.C, 0, 0)
		src, dst, packed := make([]float32, ns), make([]float32, nd), make([]float32, d.PackedLen())
		if n := testing.AllocsPerRun(10, func() { d.Run(dst, src, nil, packed, 0, 4) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
