package kernel

// MaxPoolBF16 is MaxPool of bfloat16: it computes the output rows [r0, r1), counted over all N·OutH. A window that
// meets no pixel is −∞, one that meets a NaN is NaN.
func (w *Window) MaxPoolBF16(dst, src []uint16, r0, r1 int) {
	if r0 >= r1 || w.OutW == 0 {
		return
	}
	must("pool rows", w.N*w.OutH, 0, r1)
	must("pool input", len(src), w.Src.Start, w.Src.At(w.N-1, w.InH-1, w.InW-1)+w.C)
	must("pool output", len(dst), w.Dst.Start, w.Dst.At(w.N-1, w.OutH-1, w.OutW-1)+w.C)
	for r := r0; r < r1; r++ {
		n, oy := r/w.OutH, r%w.OutH
		y := oy*w.StrideH - w.Top
		ky0, ky1 := span(y, w.DilH, w.KH, w.InH)
		for ox := range w.OutW {
			x := ox*w.StrideW - w.Left
			kx0, kx1 := span(x, w.DilW, w.KW, w.InW)
			out := dst[w.Dst.At(n, oy, ox):][:w.C]
			for c := range out {
				largest := inf(-1)
				for ky := ky0; ky < ky1; ky++ {
					for kx := kx0; kx < kx1; kx++ {
						largest = max(largest, FromBF16(src[w.Src.At(n, y+ky*w.DilH, x+kx*w.DilW)+c]))
					}
				}
				out[c] = ToBF16(largest)
			}
		}
	}
}

// GlobalAvgPoolBF16 sets dst[i] to the mean over the h×w pixels of picture n of channel c0+i, for the channels
// [c0, c1): the rows of the picture are summed first, then their sums.
func GlobalAvgPoolBF16(dst []float32, src []uint16, g Grid, n, h, w, c0, c1 int) {
	must("global pool", len(dst), 0, c1-c0)
	must("global pool input", len(src), g.At(n, 0, 0), g.At(n, h-1, w-1)+c1)
	var row [64]float32
	for c := c0; c < c1; c += len(row) {
		out := dst[c-c0:][:min(len(row), c1-c)]
		clear(out)
		for y := range h {
			sums := row[:len(out)]
			clear(sums)
			for x := range w {
				for i, v := range src[g.At(n, y, x)+c:][:len(out)] {
					sums[i] += FromBF16(v)
				}
			}
			for i, s := range sums {
				out[i] += s
			}
		}
		for i := range out {
			out[i] /= float32(h * w)
		}
	}
}
