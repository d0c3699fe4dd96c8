package kernel

// PackBlocks is Pack for the blocks [b0, b1) alone: weights that training changes are packed by many tasks.
func (f *Filter) PackBlocks(dst, w, bias []float32, b0, b1 int) {
	must("packed weights", len(dst), 0, f.PackedLen())
	must("weights", len(w), 0, f.OutC*f.taps())
	must("weight blocks", f.Blocks(), b0, b1)
	for b := b0; b < b1; b++ {
		block := f.block(dst, b)
		oc, n, width := f.blockChannels(b)
		if n < f.blockC() {
			clear(block)
		}
		clear(block[:width])
		if bias != nil {
			copy(block, bias[oc:oc+n])
		}
		f.transpose(block[width:], w[oc*f.taps():(oc+n)*f.taps()], n, width)
	}
}

// blockChannels returns the first channel of block b, how many there are, and for how many it has weights.
func (f *Filter) blockChannels(b int) (oc, n, width int) {
	j, per := b%f.groupBlocks(), f.OutC/f.Groups
	return f.firstC(b), min(f.blockC(), per-j*f.blockC()), f.packedC(j)
}

// packChunk is the number of weights of a channel that are transposed together: a cache line of them.
const packChunk = 16

// transpose writes the weights of n channels, row-major, to dst as [KH·KW][InC][width].
func (f *Filter) transpose(dst, w []float32, n, width int) {
	var tile packTile
	taps, size := f.taps(), f.KH*f.KW
	c, k := 0, 0
	for e := 0; e < taps; e += packChunk {
		m := min(packChunk, taps-e)
		for j := range n {
			if m == packChunk {
				tile.spread((*[packChunk]float32)(w[j*taps+e:]), j, width)
				continue
			}
			row := w[j*taps+e:][:m]
			to := tile[j:]
			for _, v := range row {
				to[0] = v
				to = to[min(width, len(to)):]
			}
		}
		for i := range m {
			copyVectors(dst[(k*f.InC+c)*width:][:width], tile[i*width:][:width])
			if k++; k == size {
				c, k = c+1, 0
			}
		}
	}
}

// packTile is some weights of the channels of a block, in rows that are as wide as the block.
type packTile [packChunk * 32]float32 // no block is wider

// spread writes row to column j of a tile of the given width: eight at a time, at indices that are masked, so that no
// bound is checked.
func (t *packTile) spread(row *[packChunk]float32, j, width int) {
	const mask = len(t) - 1
	for i := 0; i < packChunk; i += 8 {
		r := (*[8]float32)(row[i:])
		t[j&mask] = r[0]
		t[(j+width)&mask] = r[1]
		t[(j+2*width)&mask] = r[2]
		t[(j+3*width)&mask] = r[3]
		t[(j+4*width)&mask] = r[4]
		t[(j+5*width)&mask] = r[5]
		t[(j+6*width)&mask] = r[6]
		t[(j+7*width)&mask] = r[7]
		j += 8 * width
	}
}

// collect is spread the other way.
func (t *packTile) collect(row *[packChunk]float32, j, width int) {
	const mask = len(t) - 1
	for i := 0; i < packChunk; i += 8 {
		r := (*[8]float32)(row[i:])
		r[0] = t[j&mask]
		r[1] = t[(j+width)&mask]
		r[2] = t[(j+2*width)&mask]
		r[3] = t[(j+3*width)&mask]
		r[4] = t[(j+4*width)&mask]
		r[5] = t[(j+5*width)&mask]
		r[6] = t[(j+6*width)&mask]
		r[7] = t[(j+7*width)&mask]
		j += 8 * width
	}
}

// copyVectors copies src to dst, which is as long: 8, 16 and 32 are the usual lengths.
func copyVectors(dst, src []float32) {
	switch len(src) {
	case 8:
		*(*[8]float32)(dst) = *(*[8]float32)(src)
	case 16:
		*(*[16]float32)(dst) = *(*[16]float32)(src)
	case 32:
		*(*[32]float32)(dst) = *(*[32]float32)(src)
	default:
		copy(dst, src)
	}
}

// Flipped returns the filter of the gradient by the input of a convolution of stride 1: taps turned around, input
// and output channels exchanged.
func (f *Filter) Flipped() Filter {
	return Filter{OutC: f.Groups * f.InC, InC: f.OutC / f.Groups, KH: f.KH, KW: f.KW, Groups: f.Groups}
}

// PackFlipped writes w [OutC, InC, KH, KW] to dst as the weights of the filter that Flipped returns, which tells how
// long they are, without a bias.
func (f *Filter) PackFlipped(dst, w []float32) {
	to := f.Flipped()
	all := func(taps int) phaseAxis { return phaseAxis{step: 1, taps: taps} }
	f.packFlipped(dst, w, to, all(f.KH), all(f.KW), 0, to.Blocks())
}

// packFlipped writes the blocks [b0, b1) of filter to, whose taps are some of f's: those of two axes, the last first.
func (f *Filter) packFlipped(dst, w []float32, to Filter, y, x phaseAxis, b0, b1 int) {
	must("packed weights", len(dst), 0, to.PackedLen())
	must("weights", len(w), 0, f.OutC*f.taps())
	must("weight blocks", to.Blocks(), b0, b1)
	size := f.KH * f.KW
	for b := b0; b < b1; b++ {
		block, g := to.block(dst, b), b/to.groupBlocks()
		ic, n, width := to.blockChannels(b)
		if n < to.blockC() {
			clear(block)
		}
		clear(block[:width])
		for oc := range to.InC {
			from := w[((g*to.InC+oc)*f.InC+ic-g*f.InC)*size:][:n*size]
			out := block[(1+oc)*width:]
			for ky := y.taps - 1; ky >= 0; ky-- {
				for kx := x.taps - 1; kx >= 0; kx-- {
					gather(out[:n], from[(y.tap+ky*y.step)*f.KW+x.tap+kx*x.step:], size)
					out = out[min(to.InC*width, len(out)):]
				}
			}
		}
	}
}

// gather copies elements that lie step apart to dst.
func gather(dst, src []float32, step int) {
	if step == 1 {
		copyVectors(dst, src[:len(dst)])
		return
	}
	for i := range dst {
		dst[i] = src[0]
		src = src[min(step, len(src)):]
	}
}
