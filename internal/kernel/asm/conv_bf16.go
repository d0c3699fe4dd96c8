package asm

import "fmt"

// Offsets in bytes of the fields of the struct that a tile of bfloat16 gets on AVX2; package kernel's bf16Args describes
// them.
const (
	BF16Src     = 0   // [4]pointer
	BF16Dst     = 32  // [4]pointer
	BF16Res     = 64  // [4]pointer
	BF16Weights = 96  // pointer
	BF16Offsets = 104 // pointer
	BF16Units   = 112 // int
	BF16Start   = 120 // pointer
	BF16Partial = 128 // int
	BF16Lo      = 136 // float32
	BF16Hi      = 140 // float32
	BF16Mode    = 144 // uint32
	BF16Saved   = 148 // uint32
	BF16Upper   = 152 // uint32
	BF16Mask    = 156 // [16]int32
	BF16Size    = 224
)

// BF16Pixels is the most pixels of a tile of bfloat16 on AVX2.
const BF16Pixels = 4

// BF16Tile is the size of a register tile of bfloat16 on AVX2: pixels × vectors of 8 channels.
type BF16Tile struct{ Pixels, Vectors int }

// BF16Tiles returns all tiles.
func BF16Tiles() []BF16Tile {
	var all []BF16Tile
	for v := 1; v <= 2; v++ {
		for p := 1; p <= BF16Pixels; p++ {
			all = append(all, BF16Tile{p, v})
		}
	}
	return all
}

// Name returns the name of the tile's function, as in conv4x16BF16AVX2.
func (t BF16Tile) Name() string { return fmt.Sprintf("conv%dx%dBF16AVX2", t.Pixels, 8*t.Vectors) }

// VSTMXCSR stores the state of float arithmetic, VLDMXCSR sets it.
const (
	VSTMXCSR Op = "VSTMXCSR"
	VLDMXCSR Op = "VLDMXCSR"
)

// The registers of a tile of bfloat16 on AVX2.
const (
	hArgs    = AX
	hOffsets = DI
	hUnits   = R8
	hWeights = R9
	hAny     = R10

	hUppers = Y0 + 8  // weights of the second elements of a unit, two vectors
	hLowers = Y0 + 10 // and of the first
	hUpper  = Y0 + 12 // the second element of an input
	hLower  = Y0 + 13
	hProd   = Y0 + 14
	hHigh   = Y0 + 15 // what masks the upper half of a lane
)

// hSource are the registers of the pixels' inputs.
var hSource = [BF16Pixels]Reg{BX, CX, DX, SI}

type bf16Func struct {
	BF16Tile
	*Func
}

// ConvBF16AVX2 returns the function of a tile. It computes what ConvLow does of bfloat16, to the bit: two products and
// two sums for what is one instruction there, while Mode has subnormal numbers be zeros. Output and residual are float32.
// Where Partial is not zero, Mask tells which channels exist.
func ConvBF16AVX2(t BF16Tile) *Func {
	f := &bf16Func{t, &Func{Name: t.Name(), ISA: "AVX2"}}
	f.emit(MOVQ, Arg{}, hArgs)
	f.emit(MOVQ, f.arg(BF16Start), hAny)
	f.each(func(p, j int) {
		if p == 0 {
			f.emit(VMOVUPS, Mem{Base: hAny, Disp: 32 * j}, f.sum(0, j))
		} else {
			f.emit(VMOVUPS, f.sum(0, j), f.sum(p, j))
		}
	})
	f.reduce()
	f.residual()
	f.store()
	return f.Func
}

func (f *bf16Func) arg(off int) Mem { return Mem{Base: hArgs, Disp: off} }

func (f *bf16Func) sum(p, j int) Reg { return Y0 + Reg(p*f.Vectors+j) }

func (f *bf16Func) each(do func(p, j int)) {
	for p := range f.Pixels {
		for j := range f.Vectors {
			do(p, j)
		}
	}
}

// reduce adds the products of all units, of which there is at least one.
func (f *bf16Func) reduce() {
	for p := range f.Pixels {
		f.emit(MOVQ, f.arg(BF16Src+8*p), hSource[p])
	}
	f.emit(MOVQ, f.arg(BF16Weights), hWeights)
	f.emit(MOVQ, f.arg(BF16Offsets), hOffsets)
	f.emit(MOVQ, f.arg(BF16Units), hUnits)
	f.emit(VBROADCASTSS, f.arg(BF16Upper), hHigh)
	f.emit(VSTMXCSR, f.arg(BF16Saved))
	f.emit(VLDMXCSR, f.arg(BF16Mode))
	f.label("unit")
	f.emit(MOVLQSX, Mem{Base: hOffsets}, hAny)
	for j := range Reg(f.Vectors) {
		f.emit(VMOVUPS, Mem{Base: hWeights, Disp: 32 * int(j)}, hUppers+j)
		f.emit(VPSLLD, Imm(16), hUppers+j, hLowers+j)
		f.emit(VANDPS, hHigh, hUppers+j, hUppers+j)
	}
	for p := range f.Pixels {
		f.emit(VBROADCASTSS, Mem{hSource[p], hAny, 1, 0}, hUpper)
		f.emit(VPSLLD, Imm(16), hUpper, hLower)
		f.emit(VANDPS, hHigh, hUpper, hUpper)
		for j := range Reg(f.Vectors) {
			s := f.sum(p, int(j))
			f.emit(VMULPS, hUppers+j, hUpper, hProd)
			f.emit(VADDPS, hProd, s, s)
			f.emit(VMULPS, hLowers+j, hLower, hProd)
			f.emit(VADDPS, hProd, s, s)
		}
	}
	f.emit(ADDQ, Imm(4), hOffsets)
	f.emit(ADDQ, Imm(32*f.Vectors), hWeights)
	f.emit(DECQ, hUnits)
	f.emit(JNE, Label("unit"))
	f.emit(VLDMXCSR, f.arg(BF16Saved))
}

// masks loads those of the channels that exist.
func (f *bf16Func) masks() {
	for j := range Reg(f.Vectors) {
		f.emit(VMOVUPS, f.arg(BF16Mask+32*int(j)), hUppers+j)
	}
}

// residual adds what the pointers of the residual tell.
func (f *bf16Func) residual() {
	f.emit(MOVQ, f.arg(BF16Res), hAny)
	f.emit(TESTQ, hAny, hAny)
	f.emit(JEQ, Label("clip"))
	f.masks()
	for p := range f.Pixels {
		if p > 0 {
			f.emit(MOVQ, f.arg(BF16Res+8*p), hAny)
		}
		for j := range Reg(f.Vectors) {
			s := f.sum(p, int(j))
			f.emit(VMASKMOVPS, Mem{Base: hAny, Disp: 32 * int(j)}, hUppers+j, hProd)
			f.emit(VADDPS, hProd, s, s)
		}
	}
	f.label("clip")
}

// store clips the sums, of which a NaN stays one, and writes them. Masked stores are slow on AMD.
func (f *bf16Func) store() {
	f.emit(VBROADCASTSS, f.arg(BF16Lo), hUpper)
	f.emit(VBROADCASTSS, f.arg(BF16Hi), hLower)
	f.each(func(p, j int) {
		s := f.sum(p, j)
		f.emit(VMAXPS, s, hUpper, s)
		f.emit(VMINPS, s, hLower, s)
	})
	for p := range f.Pixels {
		f.emit(MOVQ, f.arg(BF16Dst+8*p), hSource[p])
	}
	f.emit(MOVQ, f.arg(BF16Partial), hAny)
	f.emit(TESTQ, hAny, hAny)
	f.emit(JEQ, Label("full"))
	f.masks()
	f.each(func(p, j int) { f.emit(VMASKMOVPS, f.sum(p, j), hUppers+Reg(j), Mem{Base: hSource[p], Disp: 32 * j}) })
	f.emit(JMP, Label("done"))
	f.label("full")
	f.each(func(p, j int) { f.emit(VMOVUPS, f.sum(p, j), Mem{Base: hSource[p], Disp: 32 * j}) })
	f.label("done")
	f.emit(VZEROUPPER)
	f.emit(RET)
}
