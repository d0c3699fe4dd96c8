package kernel

// MaxPoolInt8 computes the output rows [r0, r1) of bytes, counted over all N·OutH: the order of bytes is that of what
// they stand for. A window that meets no pixel is 0.
func (w *Window) MaxPoolInt8(dst, src []uint8, r0, r1 int) {
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
			if ky0 == ky1 || kx0 == kx1 {
				clear(out)
				continue
			}
			at := w.Src.At(n, y+ky0*w.DilH, x+kx0*w.DilW)
			maxBytes(out, src[at:], ky1-ky0, kx1-kx0, w.DilH*w.Src.Row, w.DilW*w.Src.Pixel)
		}
	}
}

// maxBytesGeneric sets out[c] to the largest of the bytes c of rows×cols taps, of which there is at least one.
func maxBytesGeneric(out, src []uint8, rows, cols, rowStep, colStep int) {
	copy(out, src)
	for y := range rows {
		for x := range cols {
			for c, v := range src[y*rowStep+x*colStep:][:len(out)] {
				out[c] = max(out[c], v)
			}
		}
	}
}

// GlobalAvgPoolInt8 sets dst[i] to the mean over the h×w pixels of picture n of what the bytes of channel c0+i stand
// for, for the channels [c0, c1). The sum is exact up to 2²³ pixels; it is multiplied by q.Scale/(h·w), rounded to
// float32.
func GlobalAvgPoolInt8(dst []float32, src []uint8, q Quant, g Grid, n, h, w, c0, c1 int) {
	must("global pool", len(dst), 0, c1-c0)
	must("global pool input", len(src), g.At(n, 0, 0), g.At(n, h-1, w-1)+c1)
	factor := float32(float64(q.Scale) / float64(h*w))
	var sums [64]int32
	for c := c0; c < c1; c += len(sums) {
		part := sums[:min(len(sums), c1-c)]
		for i := range part {
			part[i] = -int32(q.Zero) * int32(h*w)
		}
		for y := range h {
			for x := range w {
				for i, v := range src[g.At(n, y, x)+c:][:len(part)] {
					part[i] += int32(v)
				}
			}
		}
		for i, s := range part {
			dst[c-c0+i] = float32(s) * factor
		}
	}
}
