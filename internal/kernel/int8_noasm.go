//go:build !amd64 || purego

package kernel

// tileInt8 returns the channels of a full block, and the least that a block may have.
func tileInt8() (block, vector int) { return genericC, genericC }

// groupsInt8 reports whether the kernel adds products of several units in 16 bits.
func groupsInt8() bool { return false }

// run computes the pixels [p0, p1) of the blocks [b0, b1).
func (t *int8Task) run(p0, p1, b0, b1 int) { t.runGeneric(p0, p1, b0, b1) }

func quantiseRows(dst []uint8, src []float32, q Quant, r Rows) { quantiseRowsGeneric(dst, src, q, r) }

func dequantiseRows(dst []float32, src []uint8, q Quant, r Rows) {
	dequantiseRowsGeneric(dst, src, q, r)
}

func (d *DepthwiseInt8) run(dst, src []uint8, packed *PackedDepthwiseInt8, r0, r1 int) {
	d.runGeneric(dst, src, packed, r0, r1)
}

func maxBytes(out, src []uint8, rows, cols, rowStep, colStep int) {
	maxBytesGeneric(out, src, rows, cols, rowStep, colStep)
}

func (s *AddInt8) run(dst, a, b []uint8, r Rows) { s.runGeneric(dst, a, b, r) }

func peakInt8(int) (ops int) { return 0 }

func peakBFloat16(int) (ops int) { return 0 }

// int8Block is what assembly gets of a block.
type int8Block struct{}

func (p *PackedInt8) point(int) {}
