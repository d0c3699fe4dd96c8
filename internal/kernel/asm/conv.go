package asm

import "fmt"

// Offsets in bytes of the fields of the struct that a convolution tile gets; package kernel's convArgs
// describes them.
const (
	ConvSrc     = 0   // [6]pointer
	ConvDst     = 48  // [6]pointer
	ConvRes     = 96  // [6]pointer
	ConvSrcStep = 144 // int
	ConvDstStep = 152 // int
	ConvResStep = 160 // int
	ConvWeights = 168 // pointer
	ConvRows    = 176 // int
	ConvCols    = 184 // int
	ConvLen     = 192 // int
	ConvColGap  = 200 // int
	ConvRowGap  = 208 // int
	ConvLo      = 216 // float32
	ConvHi      = 220 // float32
	ConvPartial = 224 // int
	ConvLanes   = 232 // [2]uint16, at an offset of 8 bytes
	ConvMask    = 240 // [16]int32
	ConvNext    = 304 // pointer
	ConvSpan    = 312 // int, a multiple of the tile's channels
	ConvSize    = 320
)

// ConvTile is the size of a convolution's register tile: the sums of Pixels × Vectors·16 channels on
// AVX-512, Vectors·8 on AVX2, stay in registers while the reduction runs.
type ConvTile struct {
	AVX512          bool
	Pixels, Vectors int
}

// MaxPixels returns the pixels of the largest tile: sums, weights and one input leave no register free.
func MaxPixels(avx512 bool) int {
	if avx512 {
		return 2 * GroupPixels
	}
	return 6
}

// Lanes returns the channels of one vector.
func (t ConvTile) Lanes() int {
	if t.AVX512 {
		return 16
	}
	return 8
}

// Name returns the name of the tile's function, as in conv6x16AVX2.
func (t ConvTile) Name() string {
	return fmt.Sprintf("conv%dx%d%s", t.Pixels, t.Vectors*t.Lanes(), t.isa())
}

func (t ConvTile) isa() string {
	if t.AVX512 {
		return "AVX512"
	}
	return "AVX2"
}

// ConvTiles returns all tiles of an instruction set: every number of pixels with one and two vectors.
func ConvTiles(avx512 bool) []ConvTile {
	var all []ConvTile
	for v := 1; v <= 2; v++ {
		for p := 1; p <= MaxPixels(avx512); p++ {
			all = append(all, ConvTile{avx512, p, v})
		}
	}
	return all
}

// Conv returns the function of a tile. It computes
//
//	dst[p][c] = min(max(bias[c] + Σ_k src[p][k]·w[k][c] + res[p][c], lo), hi)
//
// in this order, each step of the sum one fused multiply-add, so that an element does not depend on the size
// of the tile. k runs over Rows × Cols segments of Len elements. Weights are the bias, then w, densely. A
// residual whose first pointer is nil is not added. A NaN stays a NaN. Half as many bytes as it reads of the weights
// are asked for at Next: what will be read after these weights. The tile is computed for one block of channels after
// the other, whose weights follow one another, until they span Span bytes.
func Conv(t ConvTile) *Func {
	c := &convFunc{ConvTile: t, Func: &Func{Name: t.Name(), ISA: "AVX2, FMA"}}
	if t.AVX512 {
		c.ISA = "AVX512F"
	}
	c.emit(MOVQ, Arg{}, cArgs)
	c.emit(MOVQ, c.arg(ConvWeights), cWeights)
	c.emit(XORQ, cOffset, cOffset)
	c.label("block")
	c.start()
	c.prefetch()
	c.reduce()
	c.residual()
	c.clip()
	c.store()
	c.emit(ADDQ, Imm(c.Vectors*c.bytes()), cOffset)
	c.emit(MOVQ, cOffset, cIndex)
	c.emit(SUBQ, c.arg(ConvSpan), cIndex)
	c.emit(JNE, Label("block"))
	c.emit(VZEROUPPER)
	c.emit(RET)
	return c.Func
}

// The registers of a convolution. Pixels are addressed from the first ones: on AVX2 each has its own, on
// AVX-512 two groups have a base each and the step between pixels.
const (
	cArgs    = AX
	cBaseA   = BX // AVX-512
	cBaseB   = CX
	cIndex   = R9 // AVX2: what is added to all six
	cWeights = R10
	cLen     = R11
	cCols    = R12
	cRows    = R13
	cNext    = R14
	cOffset  = R15 // of the channels at work, in bytes
)

var cPixel = [...]Reg{BX, CX, DX, SI, DI, R8}

type convFunc struct {
	ConvTile
	*Func
}

func (c *convFunc) arg(off int) Mem { return Mem{Base: cArgs, Disp: off} }

// v returns a vector register, sum those of the tile; the ones after the sums hold two weights and inputs.
func (c *convFunc) v(n int) Reg {
	if c.AVX512 {
		return Z0 + Reg(n)
	}
	return Y0 + Reg(n)
}

func (c *convFunc) sum(p, j int) Reg { return c.v(p*c.Vectors + j) }

func (c *convFunc) spare(i int) Reg {
	if c.AVX512 {
		return c.v(28 + i)
	}
	return c.v(12 + i)
}

func (c *convFunc) weight(j int) Reg { return c.spare(j) }
func (c *convFunc) input(p int) Reg  { return c.spare(2 + p%2) }
func (c *convFunc) bytes() int       { return 4 * c.Lanes() }
func (c *convFunc) twoGroups() bool  { return c.AVX512 && c.Pixels > GroupPixels }
func (c *convFunc) each(f func(p, j int)) {
	for p := range c.Pixels {
		for j := range c.Vectors {
			f(p, j)
		}
	}
}

// point loads the addresses of the pixels that the pointers at offset ptr and the step at offset step tell.
func (c *convFunc) point(ptr, step int) {
	if !c.AVX512 {
		for p := range c.Pixels {
			c.emit(MOVQ, c.arg(ptr+8*p), cPixel[p])
		}
		return
	}
	c.emit(MOVQ, c.arg(ptr), cBaseA)
	if c.twoGroups() {
		c.emit(MOVQ, c.arg(ptr+8), cBaseB)
	}
	c.loadSteps(c.arg(step), min(c.Pixels, GroupPixels))
}

// pixel returns the address of a pixel, after point.
func (c *convFunc) pixel(p int) Mem {
	if !c.AVX512 {
		return Mem{Base: cPixel[p]}
	}
	base := cBaseA
	if p >= GroupPixels {
		base, p = cBaseB, p-GroupPixels
	}
	return inGroup(base, p)
}

// pointOut is point for what has the channels of the output, of which some are done.
func (c *convFunc) pointOut(ptr, step int) {
	c.point(ptr, step)
	if c.AVX512 {
		c.emit(ADDQ, cOffset, cBaseA)
	}
	if c.twoGroups() {
		c.emit(ADDQ, cOffset, cBaseB)
	}
}

// pixelOut returns the address of vector j of a pixel, after pointOut.
func (c *convFunc) pixelOut(p, j int) Mem {
	at := c.pixel(p).at(j * c.bytes())
	if !c.AVX512 {
		at.Index, at.Scale = cOffset, 1
	}
	return at
}

// start sets the sums to the bias.
func (c *convFunc) start() {
	c.each(func(p, j int) {
		if p == 0 {
			c.emit(VMOVUPS, Mem{Base: cWeights, Disp: j * c.bytes()}, c.sum(0, j))
		} else {
			c.emit(VMOVUPS, c.sum(0, j), c.sum(p, j))
		}
	})
	c.emit(ADDQ, Imm(c.Vectors*c.bytes()), cWeights)
}

// prefetch asks for the lines that store will write and residual read, which then come while the sums are computed.
func (c *convFunc) prefetch() {
	lines := func(p, j int) {
		if j*c.bytes()%64 == 0 {
			c.emit(PREFETCHT0, c.pixelOut(p, j))
		}
	}
	c.pointOut(ConvDst, ConvDstStep)
	c.each(lines)
	c.emit(MOVQ, c.arg(ConvRes), cIndex)
	c.emit(TESTQ, cIndex, cIndex)
	c.emit(JEQ, Label("reduce"))
	c.pointOut(ConvRes, ConvResStep)
	c.each(lines)
	c.label("reduce")
}

// reduce adds the products of all segments.
func (c *convFunc) reduce() {
	const unroll = 4
	c.point(ConvSrc, ConvSrcStep)
	if !c.AVX512 {
		c.emit(XORQ, cIndex, cIndex)
	}
	c.emit(MOVQ, c.arg(ConvNext), cNext)
	c.emit(MOVQ, c.arg(ConvRows), cRows)
	c.label("row")
	c.emit(MOVQ, c.arg(ConvCols), cCols)
	c.label("segment")
	c.emit(MOVQ, c.arg(ConvLen), cLen)
	c.emit(SUBQ, Imm(unroll), cLen)
	c.emit(JLT, Label("rest"))
	c.label("four")
	lines := unroll * c.Vectors * c.bytes() / 2 / 64
	for u := range unroll {
		c.multiply(u)
		if u < lines {
			c.emit(PREFETCHT1, Mem{Base: cNext, Disp: 64 * u})
		}
	}
	c.emit(ADDQ, Imm(64*lines), cNext)
	c.advance(Imm(4 * unroll))
	c.emit(ADDQ, Imm(unroll*c.Vectors*c.bytes()), cWeights)
	c.emit(SUBQ, Imm(unroll), cLen)
	c.emit(JGE, Label("four"))
	c.label("rest")
	c.emit(ADDQ, Imm(unroll), cLen)
	c.emit(JEQ, Label("end"))
	c.label("one")
	c.multiply(0)
	c.advance(Imm(4))
	c.emit(ADDQ, Imm(c.Vectors*c.bytes()), cWeights)
	c.emit(DECQ, cLen)
	c.emit(JNE, Label("one"))
	c.label("end")
	c.advance(c.arg(ConvColGap))
	c.emit(DECQ, cCols)
	c.emit(JNE, Label("segment"))
	c.advance(c.arg(ConvRowGap))
	c.emit(DECQ, cRows)
	c.emit(JNE, Label("row"))
}

// multiply adds the products of element u from where the registers stand.
func (c *convFunc) multiply(u int) {
	for j := range c.Vectors {
		c.emit(VMOVUPS, Mem{Base: cWeights, Disp: (u*c.Vectors + j) * c.bytes()}, c.weight(j))
	}
	for p := range c.Pixels {
		at := c.pixel(p).at(4 * u)
		if !c.AVX512 {
			at.Index, at.Scale = cIndex, 1
		}
		c.emit(VBROADCASTSS, at, c.input(p))
		for j := range c.Vectors {
			c.emit(VFMADD231PS, c.weight(j), c.input(p), c.sum(p, j))
		}
	}
}

// advance moves the input by n bytes.
func (c *convFunc) advance(n Operand) {
	if !c.AVX512 {
		c.emit(ADDQ, n, cIndex)
		return
	}
	c.emit(ADDQ, n, cBaseA)
	if c.twoGroups() {
		c.emit(ADDQ, n, cBaseB)
	}
}

// residual adds what the pointers of the residual tell.
func (c *convFunc) residual() {
	if c.AVX512 {
		for j := range c.Vectors {
			c.emit(KMOVW, c.arg(ConvLanes+2*j), K0+Reg(1+j))
		}
	}
	c.emit(MOVQ, c.arg(ConvRes), cIndex)
	c.emit(TESTQ, cIndex, cIndex)
	c.emit(JEQ, Label("clip"))
	c.pointOut(ConvRes, ConvResStep)
	if c.AVX512 {
		c.each(func(p, j int) {
			c.emit(VADDPS, c.pixelOut(p, j), c.sum(p, j), K0+Reg(1+j), c.sum(p, j))
		})
		c.label("clip")
		return
	}
	c.loadMasks()
	c.each(func(p, j int) {
		c.emit(VMASKMOVPS, c.pixelOut(p, j), c.spare(j), c.spare(2+j))
		c.emit(VADDPS, c.spare(2+j), c.sum(p, j), c.sum(p, j))
	})
	c.label("clip")
}

// loadMasks loads AVX2's masks of channels to the first spare registers.
func (c *convFunc) loadMasks() {
	for j := range c.Vectors {
		c.emit(VMOVUPS, c.arg(ConvMask+j*c.bytes()), c.spare(j))
	}
}

// clip bounds the sums. The sum is the source that maximum and minimum return where one is NaN.
func (c *convFunc) clip() {
	lo, hi := c.spare(0), c.spare(1)
	c.emit(VBROADCASTSS, c.arg(ConvLo), lo)
	c.emit(VBROADCASTSS, c.arg(ConvHi), hi)
	c.each(func(p, j int) { c.emit(VMAXPS, c.sum(p, j), lo, c.sum(p, j)) })
	c.each(func(p, j int) { c.emit(VMINPS, c.sum(p, j), hi, c.sum(p, j)) })
}

// store writes the sums. AVX2 does not mask a whole tile's stores, because masked ones are slow on AMD.
func (c *convFunc) store() {
	c.pointOut(ConvDst, ConvDstStep)
	if c.AVX512 {
		c.each(func(p, j int) { c.emit(VMOVUPS, c.sum(p, j), K0+Reg(1+j), c.pixelOut(p, j)) })
		return
	}
	c.emit(MOVQ, c.arg(ConvPartial), cIndex)
	c.emit(TESTQ, cIndex, cIndex)
	c.emit(JNE, Label("partial"))
	c.each(func(p, j int) { c.emit(VMOVUPS, c.sum(p, j), c.pixelOut(p, j)) })
	c.emit(JMP, Label("stored"))
	c.label("partial")
	c.loadMasks()
	c.each(func(p, j int) { c.emit(VMASKMOVPS, c.sum(p, j), c.spare(j), c.pixelOut(p, j)) })
	c.label("stored")
}
