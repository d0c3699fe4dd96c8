//go:build !purego

package kernel

// tileBF16 returns the channels of a full block, and the least that a block may have.
func tileBF16() (block, vector int) {
	if useConvBF16 {
		return 32, 16
	}
	return genericC, genericC
}

// run computes the pixels [p0, p1) of the blocks [b0, b1).
func (t *bf16Task) run(p0, p1, b0, b1 int) {
	if !useConvBF16 || !t.packed.whole {
		t.runGeneric(p0, p1, b0, b1)
		return
	}
	t.runTiles(p0, p1, b0, b1)
}

func (d *DepthwiseBF16) run(dst, src []uint16, packed []float32, r0, r1 int) {
	d.runGeneric(dst, src, packed, r0, r1)
}
