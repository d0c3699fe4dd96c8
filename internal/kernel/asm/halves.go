package asm

// Offsets in bytes of the fields of the struct that ToBF16 gets; package kernel's halvesArgs describes them.
const (
	HalvesSrc    = 0  // pointer
	HalvesDst    = 8  // pointer
	HalvesBlocks = 16 // int
	HalvesOne    = 24 // uint32
	HalvesRound  = 28 // uint32: half of the last place that stays, less one
	HalvesQuiet  = 32 // uint32: what a NaN stays one by
	HalvesAbs    = 36 // uint32: all bits but the sign
	HalvesLeast  = 40 // float32: the least normal number
	HalvesSign   = 44 // uint32: the sign of a bfloat16, extended
	HalvesOrder  = 48 // [8]int32, what brings packed halves into order: 0, 1, 4, 5, 2, 3, 6, 7
	HalvesSize   = 80
)

// ToBF16 returns the function that rounds Blocks times 16 elements of src to bfloat16, as VCVTNEPS2BF16 does: to the
// nearest even, subnormal numbers to zeros of their sign, NaN to NaN.
func ToBF16() *Func {
	const args, src, dst, blocks = AX, BX, CX, DX
	const upper, odd, mask, other, constant = Y0 + 2, Y0 + 3, Y0 + 4, Y0 + 5, Y0 + 8
	const one, round, quiet, abs, least, sign, order, x = constant, constant + 1, constant + 2, constant + 3, constant + 4, constant + 5, constant + 6, Y0 + 15
	f := &Func{Name: "toBF16AVX2", ISA: "AVX2"}
	f.emit(MOVQ, Arg{}, args)
	f.emit(MOVQ, Mem{Base: args, Disp: HalvesSrc}, src)
	f.emit(MOVQ, Mem{Base: args, Disp: HalvesDst}, dst)
	f.emit(MOVQ, Mem{Base: args, Disp: HalvesBlocks}, blocks)
	for i := range Reg(6) {
		f.emit(VBROADCASTSS, Mem{Base: args, Disp: HalvesOne + 4*int(i)}, constant+i)
	}
	f.emit(VMOVUPS, Mem{Base: args, Disp: HalvesOrder}, order)
	f.label("block")
	for i := range Reg(2) {
		r := Y0 + i
		f.emit(VMOVUPS, Mem{Base: src, Disp: 32 * int(i)}, x)
		f.emit(VPSRAD, Imm(16), x, upper)
		f.emit(VANDPS, one, upper, odd)
		f.emit(VPADDD, round, x, r)
		f.emit(VPADDD, odd, r, r)
		f.emit(VPSRAD, Imm(16), r, r)
		f.emit(VCMPPS, unordered, x, x, mask)
		f.emit(VORPS, quiet, upper, other)
		f.emit(VBLENDVPS, mask, other, r, r)
		f.emit(VANDPS, abs, x, x)
		f.emit(VCMPPS, less, least, x, mask)
		f.emit(VANDPS, sign, upper, other)
		f.emit(VBLENDVPS, mask, other, r, r)
	}
	f.emit(VPACKSSDW, Y0+1, Y0, Y0)
	f.emit(VPERMD, Y0, order, Y0)
	f.emit(VMOVUPS, Y0, Mem{Base: dst})
	f.emit(ADDQ, Imm(64), src)
	f.emit(ADDQ, Imm(32), dst)
	f.emit(DECQ, blocks)
	f.emit(JNE, Label("block"))
	f.emit(VZEROUPPER)
	f.emit(RET)
	return f
}
