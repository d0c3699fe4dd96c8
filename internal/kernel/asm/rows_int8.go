package asm

// Offsets in bytes of the fields of the struct that a kernel over bytes gets; package kernel's bytesArgs describes
// them.
const (
	BytesSrc     = 0  // [2]pointer
	BytesDst     = 16 // pointer
	BytesBlocks  = 24 // int
	BytesScale   = 32 // [2]float32
	BytesSrcZero = 40 // [2]int32
	BytesLo      = 48 // float32
	BytesHi      = 52 // float32
	BytesZero    = 56 // int16, twice
	BytesOrder   = 64 // [8]int32, what brings packed bytes into order: 0, 4, 1, 5, 2, 6, 3, 7
	BytesRows    = 96 // int
	BytesCols    = 104
	BytesColStep = 112
	BytesRowGap  = 120
	BytesSize    = 128
)

// The registers of kernels over bytes.
const (
	bArgs   = AX
	bDst    = CX
	bBlocks = DX
	bScale  = Y0 + 8  // and that of the second source
	bZero   = Y0 + 10 // the same
	bLo     = Y0 + 12
	bHi     = Y0 + 13
	bOut    = Y0 + 14
	bOrder  = Y0 + 15
)

var bSrc = [2]Reg{BX, SI}

// bytesFunc builds a kernel that computes Blocks times 32 elements from so many sources.
func bytesFunc(name string, sources int, body func(f *Func), srcSize, dstSize int) *Func {
	f := &Func{Name: name, ISA: "AVX2"}
	f.emit(MOVQ, Arg{}, bArgs)
	f.emit(MOVQ, Mem{Base: bArgs, Disp: BytesDst}, bDst)
	f.emit(MOVQ, Mem{Base: bArgs, Disp: BytesBlocks}, bBlocks)
	for i := range sources {
		f.emit(MOVQ, Mem{Base: bArgs, Disp: BytesSrc + 8*i}, bSrc[i])
		f.emit(VBROADCASTSS, Mem{Base: bArgs, Disp: BytesScale + 4*i}, bScale+Reg(i))
		if srcSize == 1 {
			f.emit(VBROADCASTSS, Mem{Base: bArgs, Disp: BytesSrcZero + 4*i}, bZero+Reg(i))
		}
	}
	if dstSize == 1 {
		for i, off := range []int{BytesLo, BytesHi, BytesZero} {
			f.emit(VBROADCASTSS, Mem{Base: bArgs, Disp: off}, bLo+Reg(i))
		}
		f.emit(VMOVUPS, Mem{Base: bArgs, Disp: BytesOrder}, bOrder)
	}
	f.label("block")
	body(f)
	for i := range sources {
		f.emit(ADDQ, Imm(32*srcSize), bSrc[i])
	}
	f.emit(ADDQ, Imm(32*dstSize), bDst)
	f.emit(DECQ, bBlocks)
	f.emit(JNE, Label("block"))
	f.emit(VZEROUPPER)
	f.emit(RET)
	return f
}

// number makes reg the numbers that the eight bytes i of a source stand for.
func (f *Func) number(source, i int, reg Reg) {
	f.emit(VPMOVZXBD, Mem{Base: bSrc[source], Disp: 8 * i}, reg)
	f.emit(VPSUBD, bZero+Reg(source), reg, reg)
	f.emit(VCVTDQ2PS, reg, reg)
	f.emit(VMULPS, bScale+Reg(source), reg, reg)
}

// storeBytes clips, rounds and stores Y0 to Y3.
func (f *Func) storeBytes() {
	f.packBytes(bLo, bHi, bOut)
	f.emit(VPERMD, Y0, bOrder, Y0)
	f.emit(VMOVUPS, Y0, Mem{Base: bDst})
}

// Quantise returns the function that makes float32 bytes: dst = min(max(src·Scale, Lo), Hi) rounded to the nearest
// even, plus Zero. NaN counts as Lo.
func Quantise() *Func {
	return bytesFunc("quantiseAVX2", 1, func(f *Func) {
		for i := range 4 {
			f.emit(VMULPS, Mem{Base: bSrc[0], Disp: 32 * i}, bScale, Y0+Reg(i))
		}
		f.storeBytes()
	}, 4, 1)
}

// Dequantise returns the function that makes bytes float32: dst = (src − SrcZero)·Scale.
func Dequantise() *Func {
	return bytesFunc("dequantiseAVX2", 1, func(f *Func) {
		for i := range 4 {
			f.number(0, i, Y0+Reg(i))
			f.emit(VMOVUPS, Y0+Reg(i), Mem{Base: bDst, Disp: 32 * i})
		}
	}, 1, 4)
}

// AddInt8 returns the function that adds what the bytes of two sources stand for, and makes that bytes as Quantise does.
func AddInt8() *Func {
	return bytesFunc("addInt8AVX2", 2, func(f *Func) {
		for i := range 4 {
			f.number(0, i, Y0+Reg(i))
			f.number(1, i, Y0+4)
			f.emit(VADDPS, Y0+4, Y0+Reg(i), Y0+Reg(i))
		}
		f.storeBytes()
	}, 1, 1)
}

// MaxInt8 returns the function that computes the largest bytes of Rows × Cols taps, for Blocks times 32 channels.
func MaxInt8() *Func {
	const at, rows, cols, offset = BX, SI, DI, R8
	f := &Func{Name: "maxInt8AVX2", ISA: "AVX2"}
	arg := func(off int) Mem { return Mem{Base: bArgs, Disp: off} }
	f.emit(MOVQ, Arg{}, bArgs)
	f.emit(MOVQ, arg(BytesDst), bDst)
	f.emit(MOVQ, arg(BytesBlocks), bBlocks)
	f.emit(XORQ, offset, offset)
	f.label("block")
	f.emit(MOVQ, arg(BytesSrc), at)
	f.emit(ADDQ, offset, at)
	f.emit(VMOVUPS, Mem{Base: at}, Y0)
	f.emit(MOVQ, arg(BytesRows), rows)
	f.label("row")
	f.emit(MOVQ, arg(BytesCols), cols)
	f.label("tap")
	f.emit(VPMAXUB, Mem{Base: at}, Y0, Y0)
	f.emit(ADDQ, arg(BytesColStep), at)
	f.emit(DECQ, cols)
	f.emit(JNE, Label("tap"))
	f.emit(ADDQ, arg(BytesRowGap), at)
	f.emit(DECQ, rows)
	f.emit(JNE, Label("row"))
	f.emit(VMOVUPS, Y0, Mem{bDst, offset, 1, 0})
	f.emit(ADDQ, Imm(32), offset)
	f.emit(DECQ, bBlocks)
	f.emit(JNE, Label("block"))
	f.emit(VZEROUPPER)
	f.emit(RET)
	return f
}
