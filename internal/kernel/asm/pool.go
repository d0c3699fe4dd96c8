package asm

// Offsets in bytes of the fields of the struct that a pooling gets; package kernel's poolArgs describes them.
const (
	PoolSrc     = 0   // pointer
	PoolDst     = 8   // pointer
	PoolPixels  = 16  // int
	PoolSrcStep = 24  // int
	PoolDstStep = 32  // int
	PoolRows    = 40  // int
	PoolCols    = 48  // int
	PoolColStep = 56  // int
	PoolRowGap  = 64  // int
	PoolRounds  = 72  // int
	PoolBlocks  = 80  // int
	PoolTail    = 88  // int
	PoolMask    = 96  // pointer
	PoolLanes   = 104 // uint16, in 8 bytes
	PoolStart   = 112 // float32
	PoolDivisor = 116 // float32
	PoolSize    = 120
)

// PoolVectors is the number of vectors of channels in one round of a pooling.
const PoolVectors = 4

// PoolKernel joins the pixels of windows: by their maximum, or their mean.
type PoolKernel struct{ AVX512, Max bool }

// FuncName returns the name of the kernel's function, as in poolMaxAVX2.
func (k PoolKernel) FuncName() string {
	return map[bool]string{false: "poolAvg", true: "poolMax"}[k.Max] + ConvTile{AVX512: k.AVX512}.isa()
}

// The registers of a pooling.
const (
	pArgs   = AX
	pPixel  = BX // the window's first tap
	pSrc    = CX
	pIndex  = rIndex
	pRows   = SI
	pDst    = rDst
	pCount  = R8 // vectors left
	pPixels = R9
	pCols   = R10
	pStep   = R11
	pGap    = R12
)

// The working registers of a pooling: the result, the sum of a row, and, on AVX2, what is NaN or a tail.
const (
	sAll slot = iota
	sRow
	sTap
)

type poolFunc struct {
	rowsFunc
	max bool
}

// Pool returns the function of a kernel. For each of Pixels windows and each channel it computes, from Start on,
//
//	the maximum over Rows × Cols taps, NaN if one of them is, or
//	(Σ over rows of (Σ over columns of the taps)) / Divisor, every sum in order.
//
// Channels are Rounds times PoolVectors full vectors, then Blocks single ones, then a tail.
func Pool(k PoolKernel) *Func {
	p := &poolFunc{rowsFunc{Func: &Func{Name: k.FuncName(), ISA: "AVX2, FMA"}, avx512: k.AVX512, slots: 3, unroll: PoolVectors, home: map[konst]Reg{}}, k.Max}
	if p.avx512 {
		p.ISA = "AVX512F"
	}
	p.emit(MOVQ, Arg{}, pArgs)
	p.emit(MOVQ, p.arg(PoolSrc), pPixel)
	p.emit(MOVQ, p.arg(PoolDst), pDst)
	p.emit(MOVQ, p.arg(PoolColStep), pStep)
	p.emit(MOVQ, p.arg(PoolRowGap), pGap)
	p.emit(MOVQ, p.arg(PoolPixels), pPixels)
	p.emit(VBROADCASTSS, p.arg(PoolStart), p.param(0))
	if !p.max {
		p.emit(VBROADCASTSS, p.arg(PoolDivisor), p.param(1))
	}
	if p.avx512 {
		p.emit(KMOVW, p.arg(PoolLanes), p.mask())
	} else {
		p.emit(MOVQ, p.arg(PoolMask), pSrc)
		p.emit(VMOVUPS, Mem{Base: pSrc}, p.mask())
	}
	p.label("pixel")
	p.emit(XORQ, pIndex, pIndex)
	p.channels("round", PoolRounds, PoolVectors, false)
	p.channels("block", PoolBlocks, 1, false)
	p.channels("tail", PoolTail, 1, true)
	p.emit(ADDQ, p.arg(PoolSrcStep), pPixel)
	p.emit(ADDQ, p.arg(PoolDstStep), pDst)
	p.emit(DECQ, pPixels)
	p.emit(JNE, Label("pixel"))
	p.emit(VZEROUPPER)
	p.emit(RET)
	return p.Func
}

// channels computes as many times vectors channels as the argument at count tells; of a tail once if any.
func (p *poolFunc) channels(name Label, count, vectors int, tail bool) {
	p.vectors, p.tail = vectors, tail
	p.emit(MOVQ, p.arg(count), pCount)
	p.emit(TESTQ, pCount, pCount)
	p.emit(JEQ, name+"End")
	p.label(name)
	p.emit(MOVQ, pPixel, pSrc)
	p.emit(ADDQ, pIndex, pSrc)
	p.do(VMOVUPS, slotA, sAll)
	p.emit(MOVQ, p.arg(PoolRows), pRows)
	p.label(name + "Row")
	if !p.max {
		p.do(VMOVUPS, slotA, sRow)
	}
	p.emit(MOVQ, p.arg(PoolCols), pCols)
	p.label(name + "Tap")
	for u := range p.vectors {
		p.tap(u)
	}
	p.emit(ADDQ, pStep, pSrc)
	p.emit(DECQ, pCols)
	p.emit(JNE, name+"Tap")
	if !p.max {
		p.do(VADDPS, sRow, sAll, sAll)
	}
	p.emit(ADDQ, pGap, pSrc)
	p.emit(DECQ, pRows)
	p.emit(JNE, name+"Row")
	if !p.max {
		p.do(VDIVPS, slotB, sAll, sAll)
	}
	p.store(sAll)
	if !tail {
		p.emit(ADDQ, Imm(4*p.lanes()*vectors), pIndex)
		p.emit(DECQ, pCount)
		p.emit(JNE, name)
	}
	p.label(name + "End")
}

// tap joins one tap to vector u.
func (p *poolFunc) tap(u int) {
	all, row, spare := p.operand(sAll, u), p.operand(sRow, u), p.operand(sTap, u)
	from := Operand(Mem{Base: pSrc, Disp: 4 * p.lanes() * u})
	if p.tail {
		to := spare
		if p.max {
			to = row // which is free
		}
		p.loadTail(from, to)
		from = to
	}
	switch {
	case !p.max:
		p.emit(VADDPS, from, row, row)
	case p.avx512: // what is NaN already stays as it is
		p.emit(VCMPPS, ordered, all, all, signs(u))
		p.emit(VMAXPS, from, all, signs(u), all)
	default:
		p.emit(VCMPPS, unordered, all, all, spare)
		p.emit(VMAXPS, from, all, all)
		p.emit(VORPS, spare, all, all)
	}
}

func (p *poolFunc) loadTail(from, to Operand) {
	if p.avx512 {
		p.emit(VMOVUPSZ, from, p.mask(), to)
	} else {
		p.emit(VMASKMOVPS, from, p.mask(), to)
	}
}
