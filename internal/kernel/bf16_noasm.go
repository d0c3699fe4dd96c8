//go:build !amd64 || purego

package kernel

func toBF16(dst []uint16, src []float32) { toBF16Generic(dst, src) }

// tileBF16 returns the channels of a full block, and the least that a block may have.
func tileBF16() (block, vector int) { return genericC, genericC }

// run computes the pixels [p0, p1) of the blocks [b0, b1).
func (t *bf16Task) run(p0, p1, b0, b1 int) { t.runGeneric(p0, p1, b0, b1) }

func (d *DepthwiseBF16) run(dst, src []uint16, packed []float32, r0, r1 int) {
	d.runGeneric(dst, src, packed, r0, r1)
}
