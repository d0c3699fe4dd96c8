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

// MaxPool computes the output rows [r0, r1), counted over all N·OutH. A window that meets no pixel is −∞, one that
// meets a NaN is NaN.
func (w *Window) MaxPool(dst, src []float32, r0, r1 int) {
	w.run(dst, src, r0, r1, true)
}

// AvgPool computes the output rows [r0, r1), counted over all N·OutH. A window that meets nothing is NaN. The rows
// of a window are summed first, then their sums.
func (w *Window) AvgPool(dst, src []float32, r0, r1 int) {
	w.run(dst, src, r0, r1, false)
}

// run computes rows, in each all windows at once that have the same taps within the picture.
func (w *Window) run(dst, src []float32, r0, r1 int, largest bool) {
	if r0 >= r1 || w.OutW == 0 {
		return
	}
	w.check(dst, src, r1)
	p := pooling{max: largest, channels: w.C, from: w.StrideW * w.Src.Pixel, to: w.Dst.Pixel, colStep: w.DilW * w.Src.Pixel, rowStep: w.DilH * w.Src.Row}
	for r := r0; r < r1; r++ {
		n, oy := r/w.OutH, r%w.OutH
		y := oy*w.StrideH - w.Top
		ky0, ky1 := span(y, w.DilH, w.KH, w.InH)
		p.rows = ky1 - ky0
		for ox := 0; ox < w.OutW; ox += p.pixels {
			x := ox*w.StrideW - w.Left
			kx0, kx1 := span(x, w.DilW, w.KW, w.InW)
			p.cols, p.pixels = kx1-kx0, 1
			p.divisor = w.divisor(y, x, p.rows*p.cols)
			for ox+p.pixels < w.OutW && p.cols == w.KW && w.whole(x+p.pixels*w.StrideW) {
				p.pixels++
			}
			at := 0
			if p.rows > 0 && p.cols > 0 {
				at = w.Src.At(n, y+ky0*w.DilH, x+kx0*w.DilW)
			}
			p.run(dst[w.Dst.At(n, oy, ox):], src[at:])
		}
	}
}

// whole reports whether all columns of a window that starts at x lie in the picture.
func (w *Window) whole(x int) bool { return x >= 0 && x+(w.KW-1)*w.DilW < w.InW }

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
// [c0, c1). The rows of the picture are summed first, then their sums, so that errors stay small.
func GlobalAvgPool(dst, src []float32, g Grid, n, h, w, c0, c1 int) {
	global(dst, src, g, n, h, w, c0, c1, false)
}

// GlobalMaxPool is GlobalAvgPool with the largest in place of the mean.
func GlobalMaxPool(dst, src []float32, g Grid, n, h, w, c0, c1 int) {
	global(dst, src, g, n, h, w, c0, c1, true)
}

func global(dst, src []float32, g Grid, n, h, w, c0, c1 int, largest bool) {
	must("global pool", len(dst), 0, c1-c0)
	must("global pool input", len(src), g.At(n, 0, 0), g.At(n, h-1, w-1)+c1)
	p := pooling{max: largest, channels: c1 - c0, pixels: 1, rows: h, cols: w, colStep: g.Pixel, rowStep: g.Row, divisor: float32(h * w)}
	p.run(dst, src[g.At(n, 0, 0)+c0:])
}

// pooling is windows of rows×cols taps, for pixels that lie from elements apart in the source and to in the result.
type pooling struct {
	max                        bool // else the mean
	channels, pixels, from, to int
	rows, cols                 int
	colStep, rowStep           int
	divisor                    float32 // of a mean
}

// start returns what the taps are joined to.
func (p *pooling) start() float32 {
	if p.max {
		return float32(math.Inf(-1))
	}
	return 0
}

// runGeneric is run in plain Go, for any number of taps, 0 among them.
func (p *pooling) runGeneric(dst, src []float32) {
	var sums [64]float32
	for i := range p.pixels {
		for c := 0; c < p.channels; c += len(sums) {
			k := min(len(sums), p.channels-c)
			p.pixel(dst[i*p.to+c:][:k], src[min(i*p.from+c, len(src)):], sums[:k])
		}
	}
}

// pixel computes the channels of one window.
func (p *pooling) pixel(out, src, sum []float32) {
	for c := range out {
		out[c] = p.start()
	}
	for y := range p.rows {
		clear(sum)
		for x := range p.cols {
			tap := src[y*p.rowStep+x*p.colStep:][:len(out)]
			if p.max {
				binaryRow(Max, out, out, tap)
			} else {
				binaryRow(Add, sum, sum, tap)
			}
		}
		if !p.max {
			binaryRow(Add, out, out, sum)
		}
	}
	if !p.max {
		for c := range out {
			out[c] /= p.divisor
		}
	}
}
