package asm

// Offsets in bytes of the fields of the struct that the depthwise convolution of bytes gets; package kernel's
// depthInt8Args describes them.
const (
	DepthInt8Src        = 0  // pointer
	DepthInt8Dst        = 8  // pointer
	DepthInt8SrcStep    = 16 // int
	DepthInt8DstStep    = 24 // int
	DepthInt8Pixels     = 32 // int
	DepthInt8Quads      = 40 // int
	DepthInt8Offsets    = 48 // pointer
	DepthInt8Weights    = 56 // pointer
	DepthInt8WeightStep = 64 // int
	DepthInt8Start      = 72 // pointer
	DepthInt8Scale      = 80 // pointer
	DepthInt8Bias       = 88 // pointer
	DepthInt8Lo         = 96 // float32
	DepthInt8Hi         = 100
	DepthInt8Zero       = 104 // int16, twice
	DepthInt8Ones       = 108 // int16, twice
	DepthInt8Single     = 112 // int, not zero: one more tap after the fours
	DepthInt8Size       = 120
)

// DepthwiseInt8AVX2 returns the function that computes 32 channels of some pixels of a depthwise convolution of bytes,
// with ConvInt8AVX2's epilogue. Four taps are interleaved, so that each channel has four bytes beside one another, for
// which two instructions multiply and add. That leaves channels in an order in which weights, start, scale and bias are
// and which packing them undoes. A last tap by itself, as kernels of odd sizes have one, is widened in place of that; its
// weights are 16 bits wide. There is at least one four.
func DepthwiseInt8AVX2() *Func {
	f := &Func{Name: "depthwiseInt8AVX2", ISA: "AVX2"}
	const (
		args, src, dst, weights, offsets, quads, pixels, vector = AX, BX, CX, SI, DI, DX, R12, R14
		ones, lo, hi, zero                                      = Y0 + 12, Y0 + 13, Y0 + 14, Y0 + 15
	)
	arg := func(off int) Mem { return Mem{Base: args, Disp: off} }
	f.emit(MOVQ, Arg{}, args)
	f.emit(MOVQ, arg(DepthInt8Src), src)
	f.emit(MOVQ, arg(DepthInt8Dst), dst)
	f.emit(MOVQ, arg(DepthInt8Pixels), pixels)
	for i, off := range []int{DepthInt8Ones, DepthInt8Lo, DepthInt8Hi, DepthInt8Zero} {
		f.emit(VBROADCASTSS, arg(off), ones+Reg(i))
	}
	f.label("pixel")
	f.emit(MOVQ, arg(DepthInt8Weights), weights)
	f.emit(MOVQ, arg(DepthInt8Offsets), offsets)
	f.emit(MOVQ, arg(DepthInt8Quads), quads)
	f.emit(MOVQ, arg(DepthInt8Start), vector)
	for i := range 4 {
		f.emit(VMOVUPS, Mem{Base: vector, Disp: 32 * i}, Y0+Reg(i))
	}
	f.label("taps")
	f.fourTaps(src, offsets, weights, ones)
	f.emit(ADDQ, Imm(32), offsets)
	f.emit(ADDQ, arg(DepthInt8WeightStep), weights)
	f.emit(DECQ, quads)
	f.emit(JNE, Label("taps"))
	f.emit(MOVQ, arg(DepthInt8Single), vector)
	f.emit(TESTQ, vector, vector)
	f.emit(JEQ, Label("summed"))
	f.oneTap(src, offsets, weights)
	f.label("summed")
	f.emit(MOVQ, arg(DepthInt8Scale), vector)
	f.emit(MOVQ, arg(DepthInt8Bias), weights)
	for i := range Reg(4) {
		f.emit(VCVTDQ2PS, Y0+i, Y0+i)
		f.emit(VMULPS, Mem{Base: vector, Disp: 32 * int(i)}, Y0+i, Y0+i)
		f.emit(VADDPS, Mem{Base: weights, Disp: 32 * int(i)}, Y0+i, Y0+i)
	}
	f.packBytes(lo, hi, zero)
	f.emit(VMOVUPS, Y0, Mem{Base: dst})
	f.emit(ADDQ, arg(DepthInt8SrcStep), src)
	f.emit(ADDQ, arg(DepthInt8DstStep), dst)
	f.emit(DECQ, pixels)
	f.emit(JNE, Label("pixel"))
	f.emit(VZEROUPPER)
	f.emit(RET)
	return f
}

// fourTaps adds the products of four taps of 32 channels to Y0 to Y3.
func (f *Func) fourTaps(src, offsets, weights, ones Reg) {
	const tap, wide = Y0 + 4, Y0 + 8 // four each
	for i := range 4 {
		f.emit(MOVQ, Mem{Base: offsets, Disp: 8 * i}, R8+Reg(i))
	}
	for i := range Reg(4) {
		f.emit(VMOVUPS, Mem{src, R8 + i, 1, 0}, tap+i)
	}
	for i := range Reg(2) {
		f.emit(VPUNPCKLBW, tap+2*i+1, tap+2*i, wide+2*i)
		f.emit(VPUNPCKHBW, tap+2*i+1, tap+2*i, wide+2*i+1)
	}
	for i := range Reg(2) {
		f.emit(VPUNPCKLWD, wide+2+i, wide+i, tap+2*i)
		f.emit(VPUNPCKHWD, wide+2+i, wide+i, tap+2*i+1)
	}
	for i := range Reg(4) {
		f.emit(VPMADDUBSW, Mem{Base: weights, Disp: 32 * int(i)}, tap+i, tap+i)
		f.emit(VPMADDWD, ones, tap+i, tap+i)
		f.emit(VPADDD, tap+i, Y0+i, Y0+i)
	}
}

// oneTap adds the products of one tap of 32 channels to Y0 to Y3.
func (f *Func) oneTap(src, offsets, weights Reg) {
	const tap, wide, nothing = Y0 + 4, Y0 + 8, Y0 + 10 // four taps, two wide
	f.emit(MOVQ, Mem{Base: offsets}, R8)
	f.emit(VXORPS, nothing, nothing, nothing)
	f.emit(VMOVUPS, Mem{src, R8, 1, 0}, tap)
	f.emit(VPUNPCKLBW, nothing, tap, wide)
	f.emit(VPUNPCKHBW, nothing, tap, wide+1)
	for i := range Reg(2) {
		f.emit(VPUNPCKLWD, nothing, wide+i, tap+2*i)
		f.emit(VPUNPCKHWD, nothing, wide+i, tap+2*i+1)
	}
	for i := range Reg(4) {
		f.emit(VPMADDWD, Mem{Base: weights, Disp: 32 * int(i)}, tap+i, tap+i)
		f.emit(VPADDD, tap+i, Y0+i, Y0+i)
	}
}

// packBytes clips Y0 to Y3 to [lo, hi], rounds them, adds zero, and packs them to the bytes of Y0: in each half four of
// each.
func (f *Func) packBytes(lo, hi, zero Reg) {
	for i := range Reg(4) {
		f.emit(VMAXPS, lo, Y0+i, Y0+i)
		f.emit(VMINPS, hi, Y0+i, Y0+i)
		f.emit(VCVTPS2DQ, Y0+i, Y0+i)
	}
	for i := Reg(0); i < 4; i += 2 {
		f.emit(VPACKSSDW, Y0+i+1, Y0+i, Y0+i)
		f.emit(VPADDW, zero, Y0+i, Y0+i)
	}
	f.emit(VPACKUSWB, Y0+2, Y0, Y0)
}
