package asm

// Offsets in bytes of the fields of the struct that a gradient of pooling gets; package kernel's poolGradArgs describes
// them.
const (
	PoolGradDX      = 0   // pointer
	PoolGradDY      = 8   // pointer
	PoolGradX       = 16  // pointer
	PoolGradY       = 24  // pointer
	PoolGradStep    = 32  // [4]int: of dx, dy, x and y
	PoolGradPixels  = 64  // int
	PoolGradRows    = 72  // int
	PoolGradCols    = 80  // int
	PoolGradColStep = 88  // [2]int: of dx and x
	PoolGradRowGap  = 104 // [2]int
	PoolGradBlocks  = 120 // int
	PoolGradTail    = 128 // int
	PoolGradMask    = 136 // pointer
	PoolGradLanes   = 144 // uint16, in 8 bytes
	PoolGradDivisor = 152 // float32, in 8 bytes
	PoolGradSize    = 160
)

// The registers of a gradient of pooling.
const (
	pgArgs   = AX
	pgToDX   = BX // the taps at work
	pgToX    = CX
	pgIndex  = DX // of the first channel at work, in bytes
	pgRows   = SI
	pgCols   = DI
	pgBlocks = R8
	pgDX     = R9 // the window
	pgX      = R10
	pgDY     = R11
	pgY      = R12
	pgPixels = R14
)

type poolGradFunc struct {
	PoolKernel
	*Func
	tail bool
}

// PoolGrad returns the function of the gradient of a pooling. For each of Pixels windows and each channel it adds dy
// to dx at the first of Rows × Cols taps where x is y, or at the first where y is NaN; for the mean, dy/Divisor at all
// taps. Channels are Blocks full vectors and, if Tail is not zero, one of which Lanes and Mask tell what exists.
func PoolGrad(k PoolKernel) *Func {
	p := &poolGradFunc{PoolKernel: k, Func: &Func{Name: k.GradName(), ISA: "AVX2"}}
	if k.AVX512 {
		p.ISA = "AVX512F, AVX512DQ"
	}
	p.emit(MOVQ, Arg{}, pgArgs)
	for i, r := range p.windows() {
		p.emit(MOVQ, p.arg(PoolGradDX+8*i), r)
	}
	if k.AVX512 {
		p.emit(KMOVW, p.arg(PoolGradLanes), K0+1)
	} else {
		p.emit(MOVQ, p.arg(PoolGradMask), pgBlocks)
		p.emit(VMOVUPS, Mem{Base: pgBlocks}, p.mask())
	}
	if !k.Max {
		p.emit(VBROADCASTSS, p.arg(PoolGradDivisor), p.largest())
	}
	p.emit(MOVQ, p.arg(PoolGradPixels), pgPixels)
	p.label("pixel")
	p.emit(XORQ, pgIndex, pgIndex)
	p.emit(MOVQ, p.arg(PoolGradBlocks), pgBlocks)
	p.emit(TESTQ, pgBlocks, pgBlocks)
	p.emit(JEQ, Label("tail"))
	p.label("block")
	p.block("")
	p.emit(ADDQ, Imm(p.bytes()), pgIndex)
	p.emit(DECQ, pgBlocks)
	p.emit(JNE, Label("block"))
	p.label("tail")
	p.emit(MOVQ, p.arg(PoolGradTail), pgBlocks)
	p.emit(TESTQ, pgBlocks, pgBlocks)
	p.emit(JEQ, Label("next"))
	p.tail = true
	p.block("Tail")
	p.label("next")
	for i, r := range p.windows() {
		p.emit(ADDQ, p.arg(PoolGradStep+8*i), r)
	}
	p.emit(DECQ, pgPixels)
	p.emit(JNE, Label("pixel"))
	p.emit(VZEROUPPER)
	p.emit(RET)
	return p.Func
}

// GradName returns the name of PoolGrad's function, as in poolGradMaxAVX2.
func (k PoolKernel) GradName() string {
	if k.Max {
		return "poolGradMax" + ConvTile{AVX512: k.AVX512}.isa()
	}
	return "poolGradMean" + ConvTile{AVX512: k.AVX512}.isa()
}

func (p *poolGradFunc) arg(off int) Mem { return Mem{Base: pgArgs, Disp: off} }
func (p *poolGradFunc) bytes() int      { return 4 * ConvTile{AVX512: p.AVX512}.Lanes() }

// windows are the registers of dx, dy, x and y, of which a mean has no need of the last two.
func (p *poolGradFunc) windows() []Reg {
	all := []Reg{pgDX, pgDY, pgX, pgY}
	if !p.Max {
		return all[:2]
	}
	return all
}

func (p *poolGradFunc) v(n int) Reg {
	if p.AVX512 {
		return Z0 + Reg(n)
	}
	return Y0 + Reg(n)
}

func (p *poolGradFunc) grad() Reg    { return p.v(0) } // what is left to give
func (p *poolGradFunc) largest() Reg { return p.v(1) } // or the divisor
func (p *poolGradFunc) share() Reg   { return p.v(2) }
func (p *poolGradFunc) value() Reg   { return p.v(3) }
func (p *poolGradFunc) mask() Reg {
	if p.AVX512 {
		return K0 + 1
	}
	return p.v(4)
}

// move loads or stores a vector, of a tail what exists.
func (p *poolGradFunc) move(from, to Operand) {
	_, load := from.(Mem)
	switch {
	case !p.tail:
		p.emit(VMOVUPS, from, to)
	case !p.AVX512:
		p.emit(VMASKMOVPS, from, p.mask(), to)
	case load:
		p.emit(VMOVUPSZ, from, p.mask(), to)
	default:
		p.emit(VMOVUPS, from, p.mask(), to)
	}
}

// block distributes the gradient of the channels at pgIndex.
func (p *poolGradFunc) block(suffix Label) {
	at := func(base Reg) Mem { return Mem{base, pgIndex, 1, 0} }
	p.move(at(pgDY), p.grad())
	if p.Max {
		p.move(at(pgY), p.largest())
		p.emit(MOVQ, pgX, pgToX)
	} else {
		p.emit(VDIVPS, p.largest(), p.grad(), p.grad())
	}
	p.emit(MOVQ, pgDX, pgToDX)
	p.emit(MOVQ, p.arg(PoolGradRows), pgRows)
	p.label("row" + suffix)
	p.emit(MOVQ, p.arg(PoolGradCols), pgCols)
	p.label("tap" + suffix)
	share := p.grad()
	if p.Max {
		share = p.share()
		p.move(at(pgToX), p.value())
		if p.AVX512 {
			p.emit(VCMPPS, equalOrNaN, p.largest(), p.value(), K0+2)
			p.emit(VMOVUPSZ, p.grad(), K0+2, share)
		} else {
			p.emit(VCMPPS, equalOrNaN, p.largest(), p.value(), share)
			p.emit(VANDPS, p.grad(), share, share)
		}
		p.emit(VXORPS, share, p.grad(), p.grad())
		p.emit(ADDQ, p.arg(PoolGradColStep+8), pgToX)
	}
	p.move(at(pgToDX), p.value())
	p.emit(VADDPS, share, p.value(), p.value())
	p.move(p.value(), at(pgToDX))
	p.emit(ADDQ, p.arg(PoolGradColStep), pgToDX)
	p.emit(DECQ, pgCols)
	p.emit(JNE, "tap"+suffix)
	p.emit(ADDQ, p.arg(PoolGradRowGap), pgToDX)
	if p.Max {
		p.emit(ADDQ, p.arg(PoolGradRowGap+8), pgToX)
	}
	p.emit(DECQ, pgRows)
	p.emit(JNE, "row"+suffix)
}
