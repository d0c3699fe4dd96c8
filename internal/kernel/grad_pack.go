package kernel

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
	per, size := to.OutC/to.Groups, f.KH*f.KW
	for b := b0; b < b1; b++ {
		g, j := b/to.groupBlocks(), b%to.groupBlocks()
		out, width := to.block(dst, b), to.packedC(j)
		c, n := j*to.blockC(), min(to.blockC(), per-j*to.blockC())
		clear(out[:width])
		out = out[width:]
		for ky := y.taps - 1; ky >= 0; ky-- {
			for kx := x.taps - 1; kx >= 0; kx-- {
				k := (y.tap+ky*y.step)*f.KW + x.tap + kx*x.step
				for oc := range to.InC {
					gather(out[:width], w[((g*to.InC+oc)*f.InC+c)*size+k:], n, size)
					out = out[width:]
				}
			}
		}
	}
}

// gather copies n elements that lie step apart to the front of dst and clears the rest.
func gather(dst, src []float32, n, step int) {
	if step == 1 {
		copy(dst, src[:n])
		clear(dst[n:])
		return
	}
	for i := range dst[:n] {
		dst[i] = src[i*step]
	}
	clear(dst[n:])
}
