package kernel

// Repack is Pack for weights that change at each step of training: the transform is a matrix product in float32, of
// the square of each kernel by its nine taps, that writes where Run reads. Where flipped is true, weights [InC, OutC,
// 3, 3] are those of the convolution whose gradient by the input w computes: taps are turned around, channels
// exchanged, and bias must be nil. scratch has RepackLen elements.
func (w *Winograd) Repack(dst, weights, bias, scratch []float32, flipped bool) {
	must("packed weights", len(dst), 0, w.PackedLen())
	must("weights", len(weights), 0, w.OutC*w.InC*9)
	must("winograd scratch", len(scratch), 0, w.RepackLen())
	clear(dst[:w.OutC])
	copy(dst[:w.OutC], bias)
	c := w.products(0)
	lines, out := w.square(), dst[w.OutC:]
	for b := range c.Blocks() {
		width, first := c.packedC(b), b*c.blockC()
		g := Gemm{M: len(lines) / 9, N: w.InC * width, K: 9}
		f := g.filter()
		packed := scratch[:f.PackedLen()]
		w.gatherTaps(packed, weights, &f, first, width, flipped)
		run := Conv{Filter: f, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, N: 1, OutH: 1, OutW: g.M, Src: Grid{Pixel: 9},
			Dst: Grid{Start: b*c.blockLen() + width, Pixel: c.PackedLen()}}
		run.Run(out, lines, nil, packed, 0, g.M, 0, f.Blocks())
		for i := range g.M {
			clear(out[i*c.PackedLen()+b*c.blockLen():][:width])
		}
	}
}

// RepackLen returns the number of elements that Repack needs for itself.
func (w *Winograd) RepackLen() int {
	c := w.products(0)
	f := Filter{OutC: w.InC * c.blockC(), InC: 9, KH: 1, KW: 1, Groups: 1}
	return f.PackedLen()
}

// square returns the matrix that makes the square of a kernel of its taps, [side²][9].
func (w *Winograd) square() []float32 {
	n := w.side()
	m := make([]float32, 0, 9*n*n)
	for i := range n * n {
		for _, v := range w.factors(i/n, i%n) {
			m = append(m, float32(v))
		}
	}
	return m
}

// gatherTaps packs the taps of width output channels from first on as the right side [9, InC·width] of a product: one
// column for each input channel and, within it, output channel.
func (w *Winograd) gatherTaps(packed, weights []float32, f *Filter, first, width int, flipped bool) {
	clear(packed)
	block, outStep, inStep := f.blockC(), 9*w.InC, 9
	if flipped {
		outStep, inStep = 9, 9*w.OutC
	}
	for ic := range w.InC {
		for k := range 9 {
			at := first*outStep + ic*inStep + k
			if flipped {
				at += 8 - 2*k
			}
			n := ic * width
			for j := 0; j < width; {
				q, in := (n+j)/block, (n+j)%block
				step := f.packedC(q)
				row := packed[q*f.blockLen()+(1+k)*step+in:][:min(width-j, step-in)]
				for i := range row {
					row[i] = weights[at+(j+i)*outStep]
				}
				j += len(row)
			}
		}
	}
}
