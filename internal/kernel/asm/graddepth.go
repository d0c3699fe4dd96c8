package asm

import "fmt"

// Offsets in bytes of the fields of the struct that the weight gradient of a depthwise convolution gets; package
// kernel's depthGradArgs describes them.
const (
	DepthGradSrc     = 0   // [3]pointer
	DepthGradDY      = 24  // pointer
	DepthGradSum     = 32  // pointer
	DepthGradSumStep = 40  // int
	DepthGradColStep = 48  // int
	DepthGradRows    = 56  // int
	DepthGradCols    = 64  // int
	DepthGradSrcStep = 72  // int
	DepthGradDYStep  = 80  // int
	DepthGradSrcGap  = 88  // int
	DepthGradDYGap   = 96  // int
	DepthGradBlocks  = 104 // int
	DepthGradTail    = 112 // int
	DepthGradMask    = 120 // pointer
	DepthGradLanes   = 128 // uint16, in 8 bytes
	DepthGradSize    = 136
)

// DepthGradTile is the size of the register tile of a depthwise convolution's weight gradient: the sums of Rows × Cols
// taps for one vector of channels stay in registers while pixels go by.
type DepthGradTile struct {
	AVX512     bool
	Rows, Cols int
}

// DepthGradRowsMax returns the rows of the largest tile with so many columns: twelve sums fit AVX2's registers.
func DepthGradRowsMax(cols int) int { return min(3, 12/cols) }

// DepthGradTiles returns all tiles of an instruction set.
func DepthGradTiles(avx512 bool) []DepthGradTile {
	var all []DepthGradTile
	for cols := 1; cols <= GroupPixels; cols++ {
		for rows := 1; rows <= DepthGradRowsMax(cols); rows++ {
			all = append(all, DepthGradTile{avx512, rows, cols})
		}
	}
	return all
}

// Name returns the name of the tile's function, as in depthGrad3x3AVX2.
func (t DepthGradTile) Name() string {
	return fmt.Sprintf("depthGrad%dx%d%s", t.Rows, t.Cols, ConvTile{AVX512: t.AVX512}.isa())
}

// The registers of a depthwise weight gradient, besides a group's distances.
const (
	dgArgs   = AX
	dgSum    = BX
	dgDY     = R11
	dgRows   = R12
	dgCols   = R14
	dgOffset = R15 // of the channels at work, in bytes
	dgBlocks = CX
)

var dgSrc = [3]Reg{R8, R9, R10} // a tap lower each

type depthGradFunc struct {
	DepthGradTile
	*Func
	tail bool
}

// DepthGrad returns the function of a tile. For each channel c it computes
//
//	sum[t][c] += Σ_p src[p + tap t][c]·dy[p][c]
//
// as a chain over the Rows × Cols pixels p, each step one fused multiply-add. The taps of a row are ColStep bytes
// apart from where the row's pointer is; their sums follow one another, SumStep bytes apart. Channels are Blocks full
// vectors and, if Tail is not zero, one of which Lanes and Mask tell what exists.
func DepthGrad(t DepthGradTile) *Func {
	d := &depthGradFunc{DepthGradTile: t, Func: &Func{Name: t.Name(), ISA: "AVX2, FMA"}}
	if t.AVX512 {
		d.ISA = "AVX512F"
	}
	d.emit(MOVQ, Arg{}, dgArgs)
	if t.AVX512 {
		d.emit(KMOVW, d.arg(DepthGradLanes), K0+1)
	} else {
		d.emit(MOVQ, d.arg(DepthGradMask), dgBlocks)
		d.emit(VMOVUPS, Mem{Base: dgBlocks}, d.mask())
	}
	d.emit(XORQ, dgOffset, dgOffset)
	d.emit(MOVQ, d.arg(DepthGradBlocks), dgBlocks)
	d.emit(TESTQ, dgBlocks, dgBlocks)
	d.emit(JEQ, Label("tail"))
	d.label("block")
	d.block("")
	d.emit(ADDQ, Imm(4*ConvTile{AVX512: t.AVX512}.Lanes()), dgOffset)
	d.emit(DECQ, dgBlocks)
	d.emit(JNE, Label("block"))
	d.label("tail")
	d.emit(MOVQ, d.arg(DepthGradTail), dgBlocks)
	d.emit(TESTQ, dgBlocks, dgBlocks)
	d.emit(JEQ, Label("done"))
	d.tail = true
	d.block("Tail")
	d.label("done")
	d.emit(VZEROUPPER)
	d.emit(RET)
	return d.Func
}

func (d *depthGradFunc) arg(off int) Mem { return Mem{Base: dgArgs, Disp: off} }

func (d *depthGradFunc) v(n int) Reg {
	if d.AVX512 {
		return Z0 + Reg(n)
	}
	return Y0 + Reg(n)
}

func (d *depthGradFunc) sum(r, c int) Reg { return d.v(r*d.Cols + c) }
func (d *depthGradFunc) grad() Reg        { return d.v(12) }
func (d *depthGradFunc) input() Reg       { return d.v(13) }
func (d *depthGradFunc) mask() Reg {
	if d.AVX512 {
		return K0 + 1
	}
	return d.v(14)
}

// move loads or stores a vector, of a tail what exists.
func (d *depthGradFunc) move(from, to Operand) {
	_, load := from.(Mem)
	switch {
	case !d.tail:
		d.emit(VMOVUPS, from, to)
	case !d.AVX512:
		d.emit(VMASKMOVPS, from, d.mask(), to)
	case load:
		d.emit(VMOVUPSZ, from, d.mask(), to)
	default:
		d.emit(VMOVUPS, from, d.mask(), to)
	}
}

// sums calls f for each sum and where it lies.
func (d *depthGradFunc) sums(f func(reg Reg, at Mem)) {
	d.emit(MOVQ, d.arg(DepthGradSum), dgSum)
	d.emit(ADDQ, dgOffset, dgSum)
	for r := range d.Rows {
		for c := range d.Cols {
			if r+c > 0 {
				d.emit(ADDQ, d.arg(DepthGradSumStep), dgSum)
			}
			f(d.sum(r, c), Mem{Base: dgSum})
		}
	}
}

// block computes the channels at dgOffset.
func (d *depthGradFunc) block(suffix Label) {
	d.sums(func(reg Reg, at Mem) { d.move(at, reg) })
	for r := range d.Rows {
		d.emit(MOVQ, d.arg(DepthGradSrc+8*r), dgSrc[r])
		d.emit(ADDQ, dgOffset, dgSrc[r])
	}
	d.loadSteps(d.arg(DepthGradColStep), d.Cols)
	d.emit(MOVQ, d.arg(DepthGradDY), dgDY)
	d.emit(ADDQ, dgOffset, dgDY)
	d.emit(MOVQ, d.arg(DepthGradRows), dgRows)
	d.label("row" + suffix)
	d.emit(MOVQ, d.arg(DepthGradCols), dgCols)
	d.label("pixel" + suffix)
	d.move(Mem{Base: dgDY}, d.grad())
	for r := range d.Rows {
		for c := range d.Cols {
			from := Operand(inGroup(dgSrc[r], c))
			if d.tail {
				d.move(from, d.input())
				from = d.input()
			}
			d.emit(VFMADD231PS, from, d.grad(), d.sum(r, c))
		}
	}
	d.advance(DepthGradSrcStep, DepthGradDYStep)
	d.emit(DECQ, dgCols)
	d.emit(JNE, "pixel"+suffix)
	d.advance(DepthGradSrcGap, DepthGradDYGap)
	d.emit(DECQ, dgRows)
	d.emit(JNE, "row"+suffix)
	d.sums(func(reg Reg, at Mem) { d.move(reg, at) })
}

// advance moves the inputs and dy by what two arguments tell.
func (d *depthGradFunc) advance(src, dy int) {
	for r := range d.Rows {
		d.emit(ADDQ, d.arg(src), dgSrc[r])
	}
	d.emit(ADDQ, d.arg(dy), dgDY)
}
