package asm

// PeakLow is which loop of low precision PeakOf returns.
type PeakLow int

// The loops: what a step of each precision's largest tile consists of.
const (
	PeakInt8AVX2 PeakLow = iota // VPMADDUBSW, VPMADDWD and VPADDD
	PeakInt8VNNI
	PeakBF16
)

// PeakLows are all loops by the names of their functions.
var PeakLows = [...]string{PeakInt8AVX2: "peakInt8AVX2", PeakInt8VNNI: "peakInt8VNNI", PeakBF16: "peakBF16"}

// peakInt8Sums is the number of sums on AVX2, which leaves registers for products.
const peakInt8Sums = 10

// Ops returns the operations of one loop.
func (p PeakLow) Ops() int {
	switch p {
	case PeakInt8AVX2:
		return peakInt8Sums * 2 * 32
	case PeakInt8VNNI:
		return 28 * 2 * 64
	}
	return 28 * 2 * 32
}

// PeakOf returns a function that does nothing but multiply and add registers, as Peak does, in a low precision.
func PeakOf(p PeakLow) *Func {
	f := &Func{Name: PeakLows[p], ISA: [...]string{"AVX2", "AVX512_VNNI", "AVX512_BF16"}[p]}
	first, n := Z0, Reg(28)
	if p == PeakInt8AVX2 {
		first, n = Y0, peakInt8Sums
	}
	f.emit(MOVQ, Arg{}, AX)
	f.emit(MOVQ, Mem{Base: AX, Disp: PeakLoops}, CX)
	x := first + n
	for r := first; r <= x; r++ {
		f.emit(VBROADCASTSS, Mem{Base: AX, Disp: PeakValue}, r)
	}
	f.label("loop")
	for i := range n {
		switch p {
		case PeakInt8AVX2:
			product := x + 1 + i%4
			f.emit(VPMADDUBSW, x, x, product)
			f.emit(VPMADDWD, x, product, product)
			f.emit(VPADDD, product, first+i, first+i)
		case PeakInt8VNNI:
			f.emit(VPDPBUSD, x, x, first+i)
		default:
			f.emit(VDPBF16PS, x, x, first+i)
		}
	}
	f.emit(DECQ, CX)
	f.emit(JNE, Label("loop"))
	f.emit(VZEROUPPER)
	f.emit(RET)
	return f
}
