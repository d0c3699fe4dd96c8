package kernel

// WindowGrad is the gradient of a pooling by its input: a Window, and where dX and dY lie. A task is some channels of
// one picture: windows overlap within a picture. What lies around the pictures in dx is not touched.
type WindowGrad struct {
	Window
	DX, DY Grid
}

// MaxPool computes dX, for the channels [c0, c1) of picture n, from dY and the input and the output of Window.MaxPool.
// The gradient of a window goes to the first of its pixels that is the largest, where that is NaN to the first.
func (w *WindowGrad) MaxPool(dx, dy, x, y []float32, n, c0, c1 int) {
	must("pool gradient input", len(x), w.Src.Start, w.Src.At(w.N-1, w.InH-1, w.InW-1)+w.C)
	must("pool gradient output", len(y), w.Dst.Start, w.Dst.At(w.N-1, w.OutH-1, w.OutW-1)+w.C)
	w.run(dx, dy, x, y, n, c0, c1)
}

// AvgPool computes dX, for the channels [c0, c1) of picture n, from dY.
func (w *WindowGrad) AvgPool(dx, dy []float32, n, c0, c1 int) { w.run(dx, dy, nil, nil, n, c0, c1) }

// run distributes the gradients of all windows of a picture, whose taps within the picture are alike in a row of them.
func (w *WindowGrad) run(dx, dy, x, y []float32, n, c0, c1 int) {
	must("pool gradient pictures", w.N, 0, n+1)
	must("pool gradient channels", w.C, c0, c1)
	must("pool gradient", len(dx), w.DX.Start, w.DX.At(w.N-1, w.InH-1, w.InW-1)+w.C)
	must("pool gradient", len(dy), w.DY.Start, w.DY.At(w.N-1, w.OutH-1, w.OutW-1)+w.C)
	cleared := 0
	p := poolingGrad{max: x != nil, channels: c1 - c0, colStep: [2]int{w.DilW * w.DX.Pixel, w.DilW * w.Src.Pixel},
		rowStep: [2]int{w.DilH * w.DX.Row, w.DilH * w.Src.Row}, step: [4]int{w.StrideW * w.DX.Pixel, w.DY.Pixel, w.StrideW * w.Src.Pixel, w.Dst.Pixel}}
	for oy := range w.OutH {
		iy := oy*w.StrideH - w.Top
		ky0, ky1 := span(iy, w.DilH, w.KH, w.InH)
		cleared = w.clearRows(dx, n, cleared, min(iy+(ky1-1)*w.DilH+1, w.InH), c0, c1)
		p.rows = ky1 - ky0
		for ox := 0; ox < w.OutW; ox += p.pixels {
			ix := ox*w.StrideW - w.Left
			kx0, kx1 := span(ix, w.DilW, w.KW, w.InW)
			p.cols, p.pixels = kx1-kx0, 1
			p.divisor = w.divisor(iy, ix, p.rows*p.cols)
			for ox+p.pixels < w.OutW && p.cols == w.KW && w.whole(ix+p.pixels*w.StrideW) {
				p.pixels++
			}
			if p.rows*p.cols == 0 {
				continue
			}
			ty, tx := iy+ky0*w.DilH, ix+kx0*w.DilW
			out := [4][]float32{dx[w.DX.At(n, ty, tx)+c0:], dy[w.DY.At(n, oy, ox)+c0:]}
			if p.max {
				out[2], out[3] = x[w.Src.At(n, ty, tx)+c0:], y[w.Dst.At(n, oy, ox)+c0:]
			}
			p.run(out[0], out[1], out[2], out[3])
		}
	}
	w.clearRows(dx, n, cleared, w.InH, c0, c1)
}

// clearRows sets some channels of the rows [y0, y1) to zero, just before something is added to them, and returns up to
// where rows are.
func (w *WindowGrad) clearRows(dx []float32, n, y0, y1, c0, c1 int) int {
	for ; y0 < y1; y0++ {
		if row := dx[w.DX.At(n, y0, 0):]; c1-c0 == w.DX.Pixel {
			clear(row[:w.InW*w.DX.Pixel])
			continue
		}
		for x := range w.InW {
			clear(dx[w.DX.At(n, y0, x):][c0:c1])
		}
	}
	return y0
}

// poolingGrad is windows of rows×cols taps, which are the same for all pixels.
type poolingGrad struct {
	max              bool // else the mean
	channels, pixels int
	rows, cols       int
	colStep, rowStep [2]int // between the taps in dx and x
	step             [4]int // between the windows in dx, dy, x and y
	divisor          float32
}

func (p *poolingGrad) runGeneric(dx, dy, x, y []float32) {
	for i := range p.pixels {
		for c := range p.channels {
			g, out := dy[i*p.step[1]+c], float32(0)
			if p.max {
				out = y[i*p.step[3]+c]
			} else {
				g /= p.divisor
			}
			p.window(dx[i*p.step[0]+c:], x[min(len(x), i*p.step[2]+c):], g, out)
		}
	}
}

// window adds g to the taps of one channel of a window: to all, or to the first that is largest.
func (p *poolingGrad) window(dx, x []float32, g, largest float32) {
	for ky := range p.rows {
		for kx := range p.cols {
			to := &dx[ky*p.rowStep[0]+kx*p.colStep[0]]
			if !p.max {
				*to += g
				continue
			}
			if v := x[ky*p.rowStep[1]+kx*p.colStep[1]]; v == largest || largest != largest {
				*to += g
				return
			}
		}
	}
}

// GlobalAvgPoolGrad sets the pixels of the rows [y0, y1) of picture n, of h×w, in the grid of dx, to dy[c]/(h·w),
// which has all channels of a pixel.
func GlobalAvgPoolGrad(dx, dy []float32, g Grid, n, h, w, y0, y1 int) {
	if y0 >= y1 || w == 0 || len(dy) == 0 {
		return
	}
	must("global pool gradient", len(dx), g.At(n, y0, 0), g.At(n, y1-1, w-1)+len(dy))
	pixels := [1]float32{float32(h * w)}
	first := dx[g.At(n, y0, 0):][:len(dy)]
	Binary(Div, first, dy, pixels[:])
	for y := y0; y < y1; y++ {
		for x := range w {
			if y > y0 || x > 0 {
				copy(dx[g.At(n, y, x):][:len(dy)], first)
			}
		}
	}
}
