package asm

import "fmt"

// Offsets in bytes of the fields of the struct that a tile of low precision gets on AVX-512; package kernel's lowArgs
// describes them.
const (
	LowSrc      = 0   // [2]pointer
	LowDst      = 16  // [2]pointer
	LowRes      = 32  // [2]pointer
	LowSrcStep  = 48  // int
	LowDstStep  = 56  // int
	LowResStep  = 64  // int
	LowWeights  = 72  // pointer
	LowOffsets  = 80  // pointer
	LowUnits    = 88  // int
	LowStart    = 96  // pointer
	LowScale    = 104 // pointer
	LowBias     = 112 // pointer
	LowFloat    = 120 // int
	LowLo       = 128 // float32
	LowHi       = 132 // float32
	LowResScale = 136 // float32
	LowZero     = 140 // int32
	LowResZero  = 144 // int32
	LowLanes    = 148 // [2]uint16
	LowResFloat = 152 // int
	LowSize     = 160
)

// LowTile is the size of the register tile of a convolution of low precision on AVX-512, of bytes or of bfloat16.
type LowTile struct {
	BF16            bool
	Pixels, Vectors int
}

// Name returns the name of the tile's function, as in conv14x32VNNI.
func (t LowTile) Name() string {
	return fmt.Sprintf("conv%dx%d%s", t.Pixels, 16*t.Vectors, map[bool]string{false: "VNNI", true: "BF16"}[t.BF16])
}

// LowTiles returns all tiles of a precision.
func LowTiles(bf16 bool) []LowTile {
	var all []LowTile
	for v := 1; v <= 2; v++ {
		for p := 1; p <= 2*GroupPixels; p++ {
			all = append(all, LowTile{bf16, p, v})
		}
	}
	return all
}

// The registers of a tile of low precision, besides a group's distances.
const (
	loArgs    = AX
	loBaseA   = BX
	loBaseB   = CX
	loOffsets = R8
	loUnits   = R9
	loWeights = R10
	loAtA     = R11
	loAtB     = R12
	loAny     = R13
)

type lowFunc struct {
	LowTile
	*Func
}

// ConvLow returns the function of a tile. Of bytes it computes what ConvInt8AVX2 does, a unit after the other; of
// bfloat16
//
//	dst[p][c] = min(max(start[c] + Σ_k src[p][k]·w[k][c] + res[p][c], lo), hi)
//
// where a unit adds two products, that of the second elements first. The result is rounded to bfloat16, or stays
// float32 where Float is not zero; res is bfloat16, or float32 where ResFloat is not zero. Pixels are in two groups, as
// in Conv.
func ConvLow(t LowTile) *Func {
	l := &lowFunc{t, &Func{Name: t.Name(), ISA: "AVX512F, AVX512BW, AVX512VL, " + map[bool]string{false: "AVX512_VNNI", true: "AVX512_BF16"}[t.BF16]}}
	l.emit(MOVQ, Arg{}, loArgs)
	l.emit(MOVQ, l.arg(LowStart), loAny)
	l.each(func(p, j int) {
		if p == 0 {
			l.emit(VMOVUPS, Mem{Base: loAny, Disp: 64 * j}, l.sum(0, j))
		} else {
			l.emit(VMOVUPS, l.sum(0, j), l.sum(p, j))
		}
	})
	l.reduce()
	for j := range l.Vectors {
		l.emit(KMOVW, l.arg(LowLanes+2*j), K0+Reg(1+j))
	}
	if !l.BF16 {
		l.scale()
	}
	l.residual()
	l.store()
	return l.Func
}

func (l *lowFunc) arg(off int) Mem { return Mem{Base: loArgs, Disp: off} }

func (l *lowFunc) sum(p, j int) Reg { return Z0 + Reg(p*l.Vectors+j) }

// spare returns one of four registers that are not sums.
func (l *lowFunc) spare(i int) Reg { return Z0 + Reg(28+i) }

func (l *lowFunc) twoGroups() bool { return l.Pixels > GroupPixels }

func (l *lowFunc) each(f func(p, j int)) {
	for p := range l.Pixels {
		for j := range l.Vectors {
			f(p, j)
		}
	}
}

// point loads the addresses of the pixels that the pointers at offset ptr and the step at offset step tell.
func (l *lowFunc) point(ptr, step int) {
	l.emit(MOVQ, l.arg(ptr), loBaseA)
	if l.twoGroups() {
		l.emit(MOVQ, l.arg(ptr+8), loBaseB)
	}
	l.loadSteps(l.arg(step), min(l.Pixels, GroupPixels))
}

// pixel returns the address of a pixel of the groups that start at a and b.
func (l *lowFunc) pixel(p int, a, b Reg) Mem {
	if p >= GroupPixels {
		return inGroup(b, p-GroupPixels)
	}
	return inGroup(a, p)
}

// reduce adds the products of all units, of which there is at least one.
func (l *lowFunc) reduce() {
	dot := VPDPBUSD
	if l.BF16 {
		dot = VDPBF16PS
	}
	l.point(LowSrc, LowSrcStep)
	l.emit(MOVQ, l.arg(LowWeights), loWeights)
	l.emit(MOVQ, l.arg(LowOffsets), loOffsets)
	l.emit(MOVQ, l.arg(LowUnits), loUnits)
	l.label("unit")
	l.emit(MOVLQSX, Mem{Base: loOffsets}, loAny)
	l.emit(LEAQ, Mem{loBaseA, loAny, 1, 0}, loAtA)
	if l.twoGroups() {
		l.emit(LEAQ, Mem{loBaseB, loAny, 1, 0}, loAtB)
	}
	for j := range l.Vectors {
		l.emit(VMOVUPS, Mem{Base: loWeights, Disp: 64 * j}, l.spare(j))
	}
	for p := range l.Pixels {
		input := l.spare(2 + p%2)
		l.emit(VBROADCASTSS, l.pixel(p, loAtA, loAtB), input)
		for j := range l.Vectors {
			l.emit(dot, l.spare(j), input, l.sum(p, j))
		}
	}
	l.emit(ADDQ, Imm(4), loOffsets)
	l.emit(ADDQ, Imm(64*l.Vectors), loWeights)
	l.emit(DECQ, loUnits)
	l.emit(JNE, Label("unit"))
}

// scale makes the sums numbers in units of the output's scale.
func (l *lowFunc) scale() {
	l.emit(MOVQ, l.arg(LowScale), loAny)
	l.emit(MOVQ, l.arg(LowBias), loUnits)
	l.each(func(p, j int) {
		s := l.sum(p, j)
		l.emit(VCVTDQ2PS, s, s)
		l.emit(VMULPS, Mem{Base: loAny, Disp: 64 * j}, s, s)
		l.emit(VADDPS, Mem{Base: loUnits, Disp: 64 * j}, s, s)
	})
}

// residual adds what the pointers of the residual tell.
func (l *lowFunc) residual() {
	l.emit(MOVQ, l.arg(LowRes), loAny)
	l.emit(TESTQ, loAny, loAny)
	l.emit(JEQ, Label("clip"))
	l.point(LowRes, LowResStep)
	if l.BF16 {
		l.emit(MOVQ, l.arg(LowResFloat), loAny)
		l.emit(TESTQ, loAny, loAny)
		l.emit(JNE, Label("floats"))
	} else {
		l.emit(VBROADCASTSS, l.arg(LowResZero), l.spare(0))
		l.emit(VBROADCASTSS, l.arg(LowResScale), l.spare(1))
	}
	l.each(func(p, j int) {
		at, mask, x := l.pixel(p, loBaseA, loBaseB), K0+Reg(1+j), l.spare(2+j)
		if l.BF16 {
			l.emit(VPMOVZXWDZ, at.at(32*j), mask, x)
			l.emit(VPSLLD, Imm(16), x, x)
		} else {
			l.emit(VPMOVZXBDZ, at.at(16*j), mask, x)
			l.emit(VPSUBD, l.spare(0), x, x)
			l.emit(VCVTDQ2PS, x, x)
			l.emit(VMULPS, l.spare(1), x, x)
		}
		l.emit(VADDPS, x, l.sum(p, j), l.sum(p, j))
	})
	if l.BF16 {
		l.emit(JMP, Label("clip"))
		l.label("floats")
		l.each(func(p, j int) {
			x := l.spare(2 + j)
			l.emit(VMOVUPSZ, l.pixel(p, loBaseA, loBaseB).at(64*j), K0+Reg(1+j), x)
			l.emit(VADDPS, x, l.sum(p, j), l.sum(p, j))
		})
	}
	l.label("clip")
}

// store clips the sums and writes them, as float32 or as what the precision has.
func (l *lowFunc) store() {
	lo, hi, zero := l.spare(0), l.spare(1), l.spare(2)
	l.emit(VBROADCASTSS, l.arg(LowLo), lo)
	l.emit(VBROADCASTSS, l.arg(LowHi), hi)
	l.each(func(p, j int) {
		s := l.sum(p, j)
		if l.BF16 { // a NaN stays one
			l.emit(VMAXPS, s, lo, s)
			l.emit(VMINPS, s, hi, s)
		} else {
			l.emit(VMAXPS, lo, s, s)
			l.emit(VMINPS, hi, s, s)
		}
	})
	l.point(LowDst, LowDstStep)
	l.emit(MOVQ, l.arg(LowFloat), loAny)
	l.emit(TESTQ, loAny, loAny)
	l.emit(JNE, Label("float"))
	if !l.BF16 {
		l.emit(VBROADCASTSS, l.arg(LowZero), zero)
	}
	l.each(func(p, j int) {
		s, at, mask := l.sum(p, j), l.pixel(p, loBaseA, loBaseB), K0+Reg(1+j)
		if l.BF16 {
			l.emit(VCVTNEPS2BF16, s, Y0) // the first sum is stored before the second comes
			l.emit(VMOVDQU16, Y0, mask, at.at(32*j))
			return
		}
		l.emit(VCVTPS2DQ, s, s)
		l.emit(VPADDD, zero, s, s)
		l.emit(VPMOVDB, s, mask, at.at(16*j))
	})
	l.emit(JMP, Label("done"))
	l.label("float")
	l.each(func(p, j int) {
		l.emit(VMOVUPS, l.sum(p, j), K0+Reg(1+j), l.pixel(p, loBaseA, loBaseB).at(64*j))
	})
	l.label("done")
	l.emit(VZEROUPPER)
	l.emit(RET)
}
