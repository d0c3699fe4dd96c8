package asm

import "fmt"

// Offsets in bytes of the fields of the struct that a depthwise tile gets; package kernel's depthwiseArgs
// describes them.
const (
	DepthSrc        = 0   // pointer
	DepthDst        = 8   // pointer
	DepthRes        = 16  // pointer
	DepthSrcStep    = 24  // int
	DepthDstStep    = 32  // int
	DepthResStep    = 40  // int
	DepthWeights    = 48  // pointer
	DepthWeightStep = 56  // int
	DepthRows       = 64  // int
	DepthCols       = 72  // int
	DepthColStep    = 80  // int
	DepthRowGap     = 88  // int
	DepthBlocks     = 96  // int
	DepthTail       = 104 // int
	DepthLo         = 112 // float32
	DepthHi         = 116 // float32
	DepthLanes      = 120 // uint16, in 8 bytes
	DepthMask       = 128 // [8]int32
	DepthSize       = 160
)

// DepthwiseTile is the size of a depthwise convolution's tile: a group of pixels, at most GroupPixels, one
// vector of channels at a time. If Cols is not zero, it is a tile that slides: its windows are Cols pixels wide and
// Stride pixels apart.
type DepthwiseTile struct {
	AVX512       bool
	Pixels       int
	Cols, Stride int
}

// Name returns the name of the tile's function, as in depthwise7AVX2, or depthwise7x3s1AVX2 for one that slides.
func (t DepthwiseTile) Name() string {
	if t.Cols > 0 {
		return fmt.Sprintf("depthwise%dx%ds%d%s", t.Pixels, t.Cols, t.Stride, t.isa())
	}
	return fmt.Sprintf("depthwise%d%s", t.Pixels, t.isa())
}

func (t DepthwiseTile) isa() string { return ConvTile{AVX512: t.AVX512}.isa() }
func (t DepthwiseTile) lanes() int  { return ConvTile{AVX512: t.AVX512}.Lanes() }

// DepthwiseTiles returns all tiles of an instruction set.
func DepthwiseTiles(avx512 bool) []DepthwiseTile {
	var all []DepthwiseTile
	for p := 1; p <= GroupPixels; p++ {
		all = append(all, DepthwiseTile{AVX512: avx512, Pixels: p})
		for cols := 3; cols <= maxSlide; cols += 2 {
			all = append(all, DepthwiseTile{avx512, p, cols, 1}, DepthwiseTile{avx512, p, cols, 2})
		}
	}
	return all
}

// The registers of a depthwise convolution, besides a group's distances.
const (
	dArgs    = AX
	dBase    = BX
	dWeights = R8
	dCols    = R9
	dRows    = R10
	dOffset  = R11 // of the channels at work, in bytes
	dBlocks  = R12
	dTap     = R13 // weights from one tap to the next, in bytes
)

type depthwiseFunc struct {
	DepthwiseTile
	*Func
}

// Depthwise returns the function of a tile. For each channel c it computes
//
//	dst[p][c] = min(max(w[0][c] + Σ_k src[p][k][c]·w[1+k][c] + res[p][c], lo), hi)
//
// in this order, each step of the sum one fused multiply-add. k runs over Rows × Cols taps. Channels are
// Blocks full vectors and, if Tail is not zero, one of which Lanes and Mask tell what exists. A nil residual
// is not added. A NaN stays a NaN. A tile that slides takes its Cols and Stride for granted: SrcStep must be Stride
// times ColStep.
func Depthwise(t DepthwiseTile) *Func {
	d := &depthwiseFunc{t, &Func{Name: t.Name(), ISA: "AVX2, FMA"}}
	if t.AVX512 {
		d.ISA = "AVX512F"
	}
	d.emit(MOVQ, Arg{}, dArgs)
	d.emit(MOVQ, d.arg(DepthWeightStep), dTap)
	if t.Cols == 0 {
		d.loadBounds()
	}
	d.emit(XORQ, dOffset, dOffset)
	d.emit(MOVQ, d.arg(DepthBlocks), dBlocks)
	d.emit(TESTQ, dBlocks, dBlocks)
	d.emit(JEQ, Label("tail"))
	d.label("block")
	d.block(false)
	d.emit(ADDQ, Imm(4*d.lanes()), dOffset)
	d.emit(DECQ, dBlocks)
	d.emit(JNE, Label("block"))
	d.label("tail")
	d.emit(MOVQ, d.arg(DepthTail), dBlocks)
	d.emit(TESTQ, dBlocks, dBlocks)
	d.emit(JEQ, Label("done"))
	if t.AVX512 {
		d.emit(KMOVW, d.arg(DepthLanes), K0+1)
	} else {
		d.emit(VMOVUPS, d.arg(DepthMask), d.mask())
	}
	d.block(true)
	d.label("done")
	d.emit(VZEROUPPER)
	d.emit(RET)
	return d.Func
}

func (d *depthwiseFunc) arg(off int) Mem { return Mem{Base: dArgs, Disp: off} }

// The vector registers: a sum for each pixel, then these.
func (d *depthwiseFunc) v(n int) Reg {
	if d.AVX512 {
		return Z0 + Reg(n)
	}
	return Y0 + Reg(n)
}
func (d *depthwiseFunc) weight() Reg { return d.v(10) }
func (d *depthwiseFunc) lo() Reg     { return d.v(12) }
func (d *depthwiseFunc) hi() Reg     { return d.v(13) }
func (d *depthwiseFunc) input() Reg  { return d.v(14) }

// loadBounds loads what the result is clipped to.
func (d *depthwiseFunc) loadBounds() {
	d.emit(VBROADCASTSS, d.arg(DepthLo), d.lo())
	d.emit(VBROADCASTSS, d.arg(DepthHi), d.hi())
}

// mask returns what says which channels of the tail exist.
func (d *depthwiseFunc) mask() Reg {
	if d.AVX512 {
		return K0 + 1
	}
	return d.v(15)
}

// load loads a vector, of the tail only the channels that exist.
func (d *depthwiseFunc) load(from Mem, to Reg, tail bool) {
	switch {
	case !tail:
		d.emit(VMOVUPS, from, to)
	case d.AVX512:
		d.emit(VMOVUPSZ, from, d.mask(), to)
	default:
		d.emit(VMASKMOVPS, from, d.mask(), to)
	}
}

// combine applies op to a vector of memory and, as they stand, the registers.
func (d *depthwiseFunc) combine(op Op, from Mem, tail bool, regs ...Operand) {
	src := Operand(from)
	if tail {
		d.load(from, d.input(), true)
		src = d.input()
	}
	d.emit(op, append([]Operand{src}, regs...)...)
}

// point makes dBase the address of the channels at work behind a pointer that is at hand in dBase.
func (d *depthwiseFunc) point(step int) {
	d.emit(ADDQ, dOffset, dBase)
	d.loadSteps(d.arg(step), d.Pixels)
}

// block computes the channels at dOffset.
func (d *depthwiseFunc) block(tail bool) {
	l := func(s string) Label {
		if tail {
			return Label(s + "Tail")
		}
		return Label(s)
	}
	d.emit(MOVQ, d.arg(DepthWeights), dWeights)
	d.emit(ADDQ, dOffset, dWeights)
	d.load(Mem{Base: dWeights}, d.v(0), tail)
	for p := 1; p < d.Pixels; p++ {
		d.emit(VMOVUPS, d.v(0), d.v(p))
	}
	d.emit(MOVQ, d.arg(DepthSrc), dBase)
	d.emit(MOVQ, d.arg(DepthRows), dRows)
	if d.Cols > 0 {
		d.slide(l("row"), tail)
	} else {
		d.taps(l("row"), l("tap"), tail)
	}
	d.finish(l("clip"), tail)
}

// taps adds the products of all taps, one after another.
func (d *depthwiseFunc) taps(row, tap Label, tail bool) {
	d.point(DepthSrcStep)
	d.label(row)
	d.emit(MOVQ, d.arg(DepthCols), dCols)
	d.label(tap)
	d.emit(ADDQ, dTap, dWeights)
	d.load(Mem{Base: dWeights}, d.weight(), tail)
	for p := range d.Pixels {
		d.combine(VFMADD231PS, inGroup(dBase, p), tail, d.weight(), d.v(p))
	}
	d.emit(ADDQ, d.arg(DepthColStep), dBase)
	d.emit(DECQ, dCols)
	d.emit(JNE, tap)
	d.emit(ADDQ, d.arg(DepthRowGap), dBase)
	d.emit(DECQ, dRows)
	d.emit(JNE, row)
}

// finish adds the residual, clips and stores.
func (d *depthwiseFunc) finish(clip Label, tail bool) {
	d.emit(MOVQ, d.arg(DepthRes), dBase)
	d.emit(TESTQ, dBase, dBase)
	d.emit(JEQ, clip)
	d.point(DepthResStep)
	for p := range d.Pixels {
		d.combine(VADDPS, inGroup(dBase, p), tail, d.v(p), d.v(p))
	}
	d.label(clip)
	if d.Cols > 0 {
		d.loadBounds() // where weights were
	}
	for p := range d.Pixels {
		d.emit(VMAXPS, d.v(p), d.lo(), d.v(p))
		d.emit(VMINPS, d.v(p), d.hi(), d.v(p))
	}
	d.emit(MOVQ, d.arg(DepthDst), dBase)
	d.point(DepthDstStep)
	for p := range d.Pixels {
		switch to := inGroup(dBase, p); {
		case !tail:
			d.emit(VMOVUPS, d.v(p), to)
		case d.AVX512:
			d.emit(VMOVUPS, d.v(p), d.mask(), to)
		default:
			d.emit(VMASKMOVPS, d.v(p), d.mask(), to)
		}
	}
}
