package kernel

import "math"

// Window is a pooling over the pixels of NHWC pictures. Padding is not read: a window is cut at the
// border of the picture.
type Window struct {
	C, KH, KW        int
	StrideH, StrideW int
	DilH, DilW       int
	Top, Left        int // padding in front
	Bottom, Right    int // padding behind; it matters only where CountPad
	N, InH, InW      int
	OutH, OutW       int
	Src, Dst         Grid
	CountPad         bool // AvgPool divides by the window within the padded picture, not within the picture
}

// span returns the taps [lo, hi) of a window that starts at from which lie in [0, size).
func span(from, dil, taps, size int) (lo, hi int) {
	if from < 0 {
		lo = min((-from+dil-1)/dil, taps)
	}
	return lo, max(lo, min((size-from+dil-1)/dil, taps))
}

// MaxPool computes the output rows [r0, r1), counted over all N·OutH. A window that meets no pixel is −∞.
func (w *Window) MaxPool(dst, src []float32, r0, r1 int) {
	w.run(dst, src, r0, r1, Max)
}

// AvgPool computes the output rows [r0, r1), counted over all N·OutH. A window that meets nothing is NaN.
func (w *Window) AvgPool(dst, src []float32, r0, r1 int) {
	w.run(dst, src, r0, r1, Add)
}

// run joins the pixels of each window by op, and divides a sum by their number.
func (w *Window) run(dst, src []float32, r0, r1 int, op Op) {
	if r0 >= r1 || w.OutW == 0 {
		return
	}
	w.check(dst, src, r1)
	for r := r0; r < r1; r++ {
		n, oy := r/w.OutH, r%w.OutH
		y := oy*w.StrideH - w.Top
		ky0, ky1 := span(y, w.DilH, w.KH, w.InH)
		for ox := range w.OutW {
			x := ox*w.StrideW - w.Left
			kx0, kx1 := span(x, w.DilW, w.KW, w.InW)
			out := dst[w.Dst.At(n, oy, ox):][:w.C]
			fill(out, op)
			for ky := ky0; ky < ky1; ky++ {
				for kx := kx0; kx < kx1; kx++ {
					binary(op, out, out, src[w.Src.At(n, y+ky*w.DilH, x+kx*w.DilW):][:w.C])
				}
			}
			if op == Add {
				binaryRight(Div, out, out, w.divisor(y, x, (ky1-ky0)*(kx1-kx0)))
			}
		}
	}
}

// fill sets out to what leaves the other operand of op as it is.
func fill(out []float32, op Op) {
	if op == Add {
		clear(out)
		return
	}
	for i := range out {
		out[i] = float32(math.Inf(-1))
	}
}

// divisor returns what the sum of the window at (y, x) is divided by; met is the number of its pixels.
func (w *Window) divisor(y, x, met int) float32 {
	if w.CountPad {
		y0, y1 := span(y+w.Top, w.DilH, w.KH, w.Top+w.InH+w.Bottom)
		x0, x1 := span(x+w.Left, w.DilW, w.KW, w.Left+w.InW+w.Right)
		met = (y1 - y0) * (x1 - x0)
	}
	return float32(met)
}

func (w *Window) check(dst, src []float32, r1 int) {
	must("pool rows", w.N*w.OutH, 0, r1)
	must("pool input", len(src), w.Src.Start, w.Src.At(w.N-1, w.InH-1, w.InW-1)+w.C)
	must("pool output", len(dst), w.Dst.Start, w.Dst.At(w.N-1, w.OutH-1, w.OutW-1)+w.C)
}

// GlobalAvgPool sets dst[i] to the mean over the h×w pixels of picture n of channel c0+i, for the channels
// [c0, c1). Sums are kept in float64: a picture has many pixels.
func GlobalAvgPool(dst, src []float32, g Grid, n, h, w, c0, c1 int) {
	must("global pool", len(dst), 0, c1-c0)
	must("global pool input", len(src), g.At(n, 0, 0), g.At(n, h-1, w-1)+c1)
	for c := c0; c < c1; c += 8 {
		var sum [8]float64
		k := min(8, c1-c)
		for y := range h {
			for x := range w {
				for i, v := range src[g.At(n, y, x)+c:][:k] {
					sum[i] += float64(v)
				}
			}
		}
		for i := range k {
			dst[c-c0+i] = float32(sum[i] / float64(h*w))
		}
	}
}

// GlobalMaxPool is GlobalAvgPool with the largest in place of the mean.
func GlobalMaxPool(dst, src []float32, g Grid, n, h, w, c0, c1 int) {
	must("global pool", len(dst), 0, c1-c0)
	must("global pool input", len(src), g.At(n, 0, 0), g.At(n, h-1, w-1)+c1)
	dst = dst[:c1-c0]
	for i := range dst {
		dst[i] = float32(math.Inf(-1))
	}
	for y := range h {
		for x := range w {
			for i, v := range src[g.At(n, y, x)+c0:][:len(dst)] {
				dst[i] = max(dst[i], v)
			}
		}
	}
}
