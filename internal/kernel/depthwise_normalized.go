package kernel

// NormalizedDepthwise is a depthwise convolution of pictures that are normalised as they are read. The zeros around
// them are behind the normalisation.
type NormalizedDepthwise struct {
	Depthwise // Src is not read
	Norm      *InputNorm
	X         Grid // of the pictures, H×W
	H, W      int
	Top, Left int // zeros before a picture that the first taps meet
}

// window returns what the taps slide over, and the rows of the output that are computed together.
func (d *NormalizedDepthwise) window(x []float32) (win RowWindow, rows int) {
	right := max(0, (d.OutW-1)*d.StrideW+(d.KW-1)*d.DilW-d.Left-(d.W-1))
	win, rows = newRowWindow(d.H, d.W, d.C, d.Left, right, (d.KH-1)*d.DilH+1, d.StrideH)
	win.Fill = func(dst []float32, n, y int) {
		d.Norm.Rows(dst, x[d.X.At(n, y, 0):], 0, Rows{N: d.W, Width: d.C, To: d.C, From: d.X.Pixel})
	}
	return win, rows
}

// ScratchLen returns the number of elements that Run needs for itself.
func (d *NormalizedDepthwise) ScratchLen() int {
	win, _ := d.window(nil)
	return win.Len()
}

// inputs returns the rows of the input that the rows [y0, y1) of the output read.
func (d *NormalizedDepthwise) inputs(y0, y1 int) (lo, hi int) {
	lo = y0*d.StrideH - d.Top
	return lo, lo + (y1-y0-1)*d.StrideH + (d.KH-1)*d.DilH + 1
}

// Run computes, part after part, the rows of the output that part tells for each of [p0, p1), counted over all N·OutH,
// and then calls done for it. packed comes from Pack.
func (d *NormalizedDepthwise) Run(dst, x, packed, scratch []float32, p0, p1 int, part func(p int) (r0, r1 int), done func(p int)) {
	win, most := d.window(x)
	win.Start(scratch)
	k := d.Depthwise
	k.N, k.Src = 1, win.Grid()
	for p := p0; p < p1; p++ {
		for r0, r1 := part(p); r0 < r1; {
			n, y := r0/d.OutH, r0%d.OutH
			k.OutH = min(most, r1-r0, d.OutH-y)
			lo, hi := d.inputs(y, y+k.OutH)
			k.Dst.Start = d.Dst.At(n, y, 0)
			k.Run(dst, win.At(n, lo, hi), nil, packed, 0, k.OutH)
			r0 += k.OutH
		}
		done(p)
	}
}
