package kernel

// BF16 returns a phase that is not empty as a convolution of bfloat16 with an output of float32, and a place for its
// weights, which Repack fills from the forward ones [OutC, InC, KH, KW].
func (p *GradPhase) BF16() (*ConvBF16, *PackedBF16) {
	f, size := &p.forward, p.forward.KH*p.forward.KW
	c := &ConvBF16{Conv: p.Conv, Float: true}
	packed := c.place(size, func(tap int) int {
		oc, k := tap%p.InC, tap/p.InC
		ky, kx := p.y.taps-1-k/p.KW, p.x.taps-1-k%p.KW
		return oc*f.InC*size + (p.y.tap+ky*p.y.step)*f.KW + p.x.tap + kx*p.x.step
	})
	packed.group = p.InC * f.InC * size
	return c, packed
}

// Empty reports whether the pixels of the phase meet no output: Run needs neither dY nor weights.
func (p *GradPhase) Empty() bool { return p.empty() }
