package asm

// The vector registers of ConvInt8FewAVX2, for two pixels of 16 channels: the sums, the products of a group, of which
// two pixels have two vectors each, and what is read and multiplied.
const (
	fSum     = Y0      // four
	fProd    = Y0 + 4  // four
	fWeights = Y0 + 8  // two
	fInput   = Y0 + 10 // two
	fMore    = Y0 + 12 // two
	fOnes    = Y0 + 14
	fOrder   = Y0 + 15
	fUnit    = R8 // offset of a unit
	fDstAt   = R9
	fVector  = R10 // and R11
)

// ConvInt8FewAVX2 returns ConvInt8AVX2 for convolutions of few units, without a residual and with bytes as their
// output. The weights of few units stay in the first-level cache, so that it is the sums which stay in registers: each
// two pixels go through all groups and are finished at once.
func ConvInt8FewAVX2() *Func {
	f := &int8Func{&Func{Name: "convInt8FewAVX2", ISA: "AVX2"}}
	f.emit(MOVQ, Arg{}, iArgs)
	f.emit(MOVQ, f.arg(Int8DstAt), fDstAt)
	f.emit(VBROADCASTSS, f.arg(Int8Ones), fOnes)
	f.emit(VMOVUPS, f.arg(Int8Order), fOrder)
	f.emit(MOVQ, f.arg(Int8Count), iCount)
	f.emit(MOVQ, iArgs, iTable)
	f.emit(SUBQ, iCount, iTable)
	f.label("pixels")
	f.begin()
	for n := Int8Group; n > 0; n-- {
		suffix := Label(rune('0' + n))
		f.emit(MOVQ, f.arg(Int8Groups+8*n), iGroups)
		f.emit(TESTQ, iGroups, iGroups)
		f.emit(JEQ, "end"+suffix)
		f.label("group" + suffix)
		f.few(n)
		f.emit(DECQ, iGroups)
		f.emit(JNE, "group"+suffix)
		f.label("end" + suffix)
	}
	f.finishFew()
	f.emit(ADDQ, Imm(16), iCount)
	f.emit(JNE, Label("pixels"))
	f.emit(VZEROUPPER)
	f.emit(RET)
	return f.Func
}

// begin asks for the lines of two outputs, sets the sums to their start and goes to the first unit.
func (f *int8Func) begin() {
	for p := range 2 {
		f.emit(MOVQ, Mem{iTable, iCount, 1, Int8Dst + 8*p}, iPixel+Reg(p))
		f.emit(PREFETCHT0, Mem{iPixel + Reg(p), fDstAt, 1, 0})
	}
	for p := range 2 {
		f.emit(MOVQ, Mem{iTable, iCount, 1, Int8Src + 8*p}, iPixel+Reg(p))
	}
	f.emit(MOVQ, f.arg(Int8Start), fVector)
	for i := range Reg(4) {
		f.emit(VMOVUPS, Mem{Base: fVector, Disp: 32 * int(i%2)}, fSum+i)
	}
	f.emit(MOVQ, f.arg(Int8Weights), iWeights)
	f.emit(MOVQ, f.arg(Int8Offsets), iOffsets)
}

// few adds the products of a group of n units to the sums of two pixels.
func (f *int8Func) few(n int) {
	for u := range n {
		f.emit(MOVLQSX, Mem{Base: iOffsets, Disp: 4 * u}, fUnit)
		for i := range Reg(2) {
			f.emit(VMOVUPS, Mem{Base: iWeights, Disp: 64*u + 32*int(i)}, fWeights+i)
			f.emit(VBROADCASTSS, Mem{iPixel + i, fUnit, 1, 0}, fInput+i)
		}
		for i := range Reg(4) {
			if u == 0 {
				f.emit(VPMADDUBSW, fWeights+i%2, fInput+i/2, fProd+i)
				continue
			}
			f.emit(VPMADDUBSW, fWeights+i%2, fInput+i/2, fMore+i%2)
			f.emit(VPADDW, fMore+i%2, fProd+i, fProd+i)
		}
	}
	for i := range Reg(4) {
		f.emit(VPMADDWD, fOnes, fProd+i, fProd+i)
		f.emit(VPADDD, fProd+i, fSum+i, fSum+i)
	}
	f.emit(ADDQ, Imm(64*n), iWeights)
	f.emit(ADDQ, Imm(4*n), iOffsets)
}

// finishFew is the epilogue of two pixels.
func (f *int8Func) finishFew() {
	const lo, hi, zero = fProd, fProd + 1, fProd + 2
	f.emit(MOVQ, f.arg(Int8Scale), fVector)
	f.emit(MOVQ, f.arg(Int8Bias), fVector+1)
	for i, from := range []int{Int8Lo, Int8Hi, Int8Zero} {
		f.emit(VBROADCASTSS, f.arg(from), lo+Reg(i))
	}
	for i := range Reg(4) {
		f.emit(VCVTDQ2PS, fSum+i, fSum+i)
		f.emit(VMULPS, Mem{Base: fVector, Disp: 32 * int(i%2)}, fSum+i, fSum+i)
		f.emit(VADDPS, Mem{Base: fVector + 1, Disp: 32 * int(i%2)}, fSum+i, fSum+i)
	}
	for p := range 2 {
		f.emit(MOVQ, Mem{iTable, iCount, 1, Int8Dst + 8*p}, iPixel+Reg(p))
	}
	f.packBytes(lo, hi, zero)
	f.emit(VPERMD, fSum, fOrder, fSum)
	for p := range 2 {
		f.emit(VEXTRACTI128, Imm(p), fSum, Mem{iPixel + Reg(p), fDstAt, 1, 0})
	}
}
