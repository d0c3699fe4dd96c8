package asm

// Offsets in bytes of what Peak gets.
const (
	PeakLoops = 0 // int, at least 1
	PeakValue = 8 // float32
	PeakSize  = 16
)

// PeakOps returns the floating-point operations of one loop of Peak.
func PeakOps(avx512 bool) int {
	n, lanes := peakSums(avx512)
	return 2 * n * lanes
}

func peakSums(avx512 bool) (n, lanes int) {
	if avx512 {
		return 28, 16
	}
	return 12, 8
}

// Peak returns a function that does nothing but multiply and add registers, as many at a time as the largest
// tile of a convolution: the speed that no kernel exceeds.
func Peak(avx512 bool) *Func {
	f, first := &Func{Name: "peakAVX2", ISA: "AVX2, FMA"}, Y0
	if avx512 {
		f, first = &Func{Name: "peakAVX512", ISA: "AVX512F"}, Z0
	}
	n, _ := peakSums(avx512)
	f.emit(MOVQ, Arg{}, AX)
	f.emit(MOVQ, Mem{Base: AX, Disp: PeakLoops}, CX)
	for i := range n + 1 {
		f.emit(VBROADCASTSS, Mem{Base: AX, Disp: PeakValue}, first+Reg(i))
	}
	x := first + Reg(n)
	f.label("loop")
	for i := range n {
		f.emit(VFMADD231PS, x, x, first+Reg(i))
	}
	f.emit(DECQ, CX)
	f.emit(JNE, Label("loop"))
	f.emit(VZEROUPPER)
	f.emit(RET)
	return f
}
