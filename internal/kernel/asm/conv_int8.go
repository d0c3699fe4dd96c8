package asm

// Offsets in bytes of the fields of the struct that the convolution of bytes gets on AVX2; package kernel's
// int8Args describes them.
const (
	Int8Src      = 0    // [Int8Pixels]pointer
	Int8Dst      = 128  // [Int8Pixels]pointer
	Int8Res      = 256  // [Int8Pixels]pointer
	Int8Sums     = 384  // [Int8Pixels][16]int32
	Int8Weights  = 1408 // pointer
	Int8Offsets  = 1416 // pointer
	Int8Groups   = 1424 // [5]int
	Int8Start    = 1464 // pointer
	Int8Scale    = 1472 // pointer
	Int8Bias     = 1480 // pointer
	Int8Next     = 1488 // pointer
	Int8Count    = 1496 // int, minus 8 times the pixels, of which there is an even number
	Int8DstAt    = 1504 // int
	Int8ResAt    = 1512 // int
	Int8HasRes   = 1520 // int
	Int8Float    = 1528 // int
	Int8Lo       = 1536 // float32
	Int8Hi       = 1540 // float32
	Int8Zero     = 1544 // int16, twice
	Int8ResScale = 1548 // float32
	Int8ResZero  = 1552 // int32
	Int8Ones     = 1556 // int16, twice
	Int8Order    = 1560 // [8]int32, as BytesOrder
	Int8Size     = 1592
)

// Int8Pixels is the most pixels of one call on AVX2. The sums lie in memory, so there may be any number: enough that
// weights, which stay in registers for all of them, are seldom loaded, and few enough that inputs stay in the
// first-level cache.
const Int8Pixels = 16

// Int8Group is the most units whose products are added in 16 bits.
const Int8Group = 4

// The registers of a convolution of bytes.
const (
	iArgs    = AX
	iTable   = BX // end of a table of pointers
	iCount   = CX // minus 8 for each pixel that is left
	iSums    = DX // end of the sums
	iWeights = SI
	iOffsets = DI
	iPixel   = R12 // and R13
	iGroups  = R14
	iNext    = R15
	iDstAt   = R8 // while outputs are written
	iResAt   = R9
)

// iUnit are the offsets of a group's units.
var iUnit = [Int8Group]Reg{R8, R9, R10, R11}

// The vector registers while sums are computed, after two of weights for each unit.
const (
	iOnes  = Y0 + 8
	iInput = Y0 + 9
	iSum   = Y0 + 10 // and the one behind it
	iProd  = Y0 + 12 // the same
	iStart = Y0 + 14 // the same
)

type int8Func struct{ *Func }

// ConvInt8AVX2 returns the function that computes some pixels × 16 channels of a convolution of bytes:
//
//	sum[p][c] = start[c] + Σ_k src[p][k]·w[k][c]                                exactly, in 32 bits
//	x         = float32(sum[p][c])·scale[c] + bias[c] + (res[p][c] − ResZero)·ResScale  each step rounded
//	dst[p][c] = min(max(x, lo), hi)                                             as float32, or
//	          = that rounded to the nearest even + Zero                         as a byte
//
// k runs over units of four bytes, whose places in the input Offsets tells, in groups of four, three, two and one
// units. The products of the units of a group are added in 16 bits: the caller has proven that this does not overflow.
// Behind the reads of the weights, lines at Next are asked for.
func ConvInt8AVX2() *Func {
	f := &int8Func{&Func{Name: "convInt8AVX2", ISA: "AVX2"}}
	f.emit(MOVQ, Arg{}, iArgs)
	f.emit(MOVQ, f.arg(Int8Weights), iWeights)
	f.emit(MOVQ, f.arg(Int8Offsets), iOffsets)
	f.emit(MOVQ, f.arg(Int8Next), iNext)
	f.emit(VBROADCASTSS, f.arg(Int8Ones), iOnes)
	f.ends()
	f.reduce()
	f.finish()
	f.emit(VZEROUPPER)
	f.emit(RET)
	return f.Func
}

func (f *int8Func) arg(off int) Mem { return Mem{Base: iArgs, Disp: off} }

// ends makes iTable what an offset of a table of pointers leads to the end of, as far as there are pixels, and iSums
// the end of their sums.
func (f *int8Func) ends() {
	f.emit(MOVQ, f.arg(Int8Count), iCount)
	f.emit(MOVQ, iArgs, iTable)
	f.emit(SUBQ, iCount, iTable)
	f.emit(LEAQ, Mem{Base: iArgs, Disp: Int8Sums}, iSums)
	f.emit(LEAQ, Mem{iCount, iCount, 1, 0}, iPixel) // sums are eight times as long as pointers
	f.emit(LEAQ, Mem{iPixel, iPixel, 1, 0}, iPixel)
	f.emit(LEAQ, Mem{iPixel, iPixel, 1, 0}, iPixel)
	f.emit(SUBQ, iPixel, iSums)
}

// reduce computes the sums. The first group, of the largest size that there is, begins them.
func (f *int8Func) reduce() {
	size := func(s string, n int) Label { return Label(s + string(rune('0'+n))) }
	for n := Int8Group; n > 0; n-- {
		f.emit(MOVQ, f.arg(Int8Groups+8*n), iGroups)
		f.emit(TESTQ, iGroups, iGroups)
		f.emit(JNE, size("first", n))
	}
	f.emit(JMP, Label("sums"))
	for n := Int8Group; n > 0; n-- {
		f.label(size("first", n))
		f.group(n, true)
		f.emit(DECQ, iGroups)
		f.emit(JEQ, size("end", n))
		f.label(size("group", n))
		f.group(n, false)
		f.emit(DECQ, iGroups)
		f.emit(JNE, size("group", n))
		f.emit(JMP, size("end", n))
	}
	for n := Int8Group; n > 0; n-- {
		f.label(size("end", n))
		if n > 1 {
			f.emit(MOVQ, f.arg(Int8Groups+8*(n-1)), iGroups)
			f.emit(TESTQ, iGroups, iGroups)
			f.emit(JNE, size("group", n-1))
		}
	}
	f.label("sums")
}

// group adds the products of a group of n units for all pixels.
func (f *int8Func) group(n int, first bool) {
	for i := range 2 * n {
		f.emit(VMOVUPS, Mem{Base: iWeights, Disp: 32 * i}, Y0+Reg(i))
	}
	for i := range n {
		f.emit(MOVLQSX, Mem{Base: iOffsets, Disp: 4 * i}, iUnit[i])
		f.emit(PREFETCHT1, Mem{Base: iNext, Disp: 64 * i})
	}
	f.emit(ADDQ, Imm(64*n), iWeights)
	if !first {
		f.emit(ADDQ, Imm(64*n), iNext)
	}
	f.emit(ADDQ, Imm(4*n), iOffsets)
	if first {
		f.emit(MOVQ, f.arg(Int8DstAt), iNext)
		f.emit(MOVQ, f.arg(Int8Start), iPixel)
		f.emit(VMOVUPS, Mem{Base: iPixel}, iStart)
		f.emit(VMOVUPS, Mem{Base: iPixel, Disp: 32}, iStart+1)
	}
	if !first { // else it is there
		f.emit(MOVQ, f.arg(Int8Count), iCount)
	}
	loop := Label("pixel" + string(rune('0'+n)))
	if first {
		loop += "first"
	}
	f.label(loop)
	if first { // the lines that will be written come while the sums are computed
		for p := range 2 {
			f.emit(MOVQ, Mem{iTable, iCount, 1, Int8Dst + 8*p}, iPixel+Reg(p))
			f.emit(PREFETCHT0, Mem{iPixel + Reg(p), iNext, 1, 0})
		}
	}
	for p := range 2 {
		f.emit(MOVQ, Mem{iTable, iCount, 1, Int8Src + 8*p}, iPixel+Reg(p))
	}
	for p := range 2 {
		f.pixel(n, p, first)
	}
	f.emit(ADDQ, Imm(16), iCount)
	f.emit(JNE, loop)
	if first {
		f.emit(MOVQ, f.arg(Int8Next), iNext)
		f.emit(ADDQ, Imm(64*n), iNext)
	}
}

// pixel adds the products of n units to the sums of one of two pixels.
func (f *int8Func) pixel(n, p int, first bool) {
	for u := range n {
		f.emit(VBROADCASTSS, Mem{iPixel + Reg(p), iUnit[u], 1, 0}, iInput)
		for j := range Reg(2) {
			if u == 0 {
				f.emit(VPMADDUBSW, Y0+j, iInput, iSum+j)
				continue
			}
			f.emit(VPMADDUBSW, Y0+Reg(2*u)+j, iInput, iProd+j)
			f.emit(VPADDW, iProd+j, iSum+j, iSum+j)
		}
	}
	for j := range Reg(2) {
		at := Mem{iSums, iCount, 8, 64*p + 32*int(j)}
		f.emit(VPMADDWD, iOnes, iSum+j, iSum+j)
		if first {
			f.emit(VPADDD, iStart+j, iSum+j, iSum+j)
		} else {
			f.emit(VPADDD, at, iSum+j, iSum+j)
		}
		f.emit(VMOVUPS, iSum+j, at)
	}
}

// finish is the epilogue of all pixels, of two at a time. An odd last one is there twice and written twice, after what is
// added to it was read twice.
func (f *int8Func) finish() {
	const scale, bias, lo, hi, zero, resScale, resZero, order = Y0 + 4, Y0 + 6, Y0 + 8, Y0 + 9, Y0 + 10, Y0 + 11, Y0 + 12, Y0 + 13
	for i, from := range []int{Int8Scale, Int8Bias} {
		f.emit(MOVQ, f.arg(from), iPixel)
		f.emit(VMOVUPS, Mem{Base: iPixel}, scale+Reg(2*i))
		f.emit(VMOVUPS, Mem{Base: iPixel, Disp: 32}, scale+Reg(2*i+1))
	}
	for i, from := range []int{Int8Lo, Int8Hi, Int8Zero, Int8ResScale, Int8ResZero} {
		f.emit(VBROADCASTSS, f.arg(from), lo+Reg(i))
	}
	f.emit(VMOVUPS, f.arg(Int8Order), order)
	f.emit(MOVQ, f.arg(Int8HasRes), iGroups)
	f.emit(MOVQ, f.arg(Int8Float), iNext)
	f.emit(MOVQ, f.arg(Int8DstAt), iDstAt)
	f.emit(MOVQ, f.arg(Int8ResAt), iResAt)
	f.emit(MOVQ, f.arg(Int8Count), iCount)
	f.label("finish")
	for i := range Reg(4) {
		f.emit(VCVTDQ2PS, Mem{iSums, iCount, 8, 32 * int(i)}, Y0+i)
		f.emit(VMULPS, scale+i%2, Y0+i, Y0+i)
		f.emit(VADDPS, bias+i%2, Y0+i, Y0+i)
	}
	f.emit(TESTQ, iGroups, iGroups)
	f.emit(JEQ, Label("added"))
	f.residual(resScale, resZero, Y0+14)
	f.label("added")
	for p := range 2 {
		f.emit(MOVQ, Mem{iTable, iCount, 1, Int8Dst + 8*p}, iPixel+Reg(p))
	}
	f.emit(TESTQ, iNext, iNext)
	f.emit(JNE, Label("float"))
	f.packBytes(lo, hi, zero)
	f.emit(VPERMD, Y0, order, Y0)
	for p := range 2 {
		f.emit(VEXTRACTI128, Imm(p), Y0, Mem{iPixel + Reg(p), iDstAt, 1, 0})
	}
	f.emit(ADDQ, Imm(16), iCount)
	f.emit(JNE, Label("finish"))
	f.emit(JMP, Label("done"))
	f.label("float")
	for i := range Reg(4) {
		f.emit(VMAXPS, lo, Y0+i, Y0+i)
		f.emit(VMINPS, hi, Y0+i, Y0+i)
		f.emit(VMOVUPS, Y0+i, Mem{iPixel + i/2, iDstAt, 1, 32 * int(i%2)})
	}
	f.emit(ADDQ, Imm(16), iCount)
	f.emit(JNE, Label("finish"))
	f.label("done")
}

// residual adds what the pointers of the residual tell to Y0 to Y3.
func (f *int8Func) residual(scale, zero, add Reg) {
	for p := range 2 {
		f.emit(MOVQ, Mem{iTable, iCount, 1, Int8Res + 8*p}, iPixel+Reg(p))
	}
	for i := range Reg(4) {
		f.emit(VPMOVZXBD, Mem{iPixel + i/2, iResAt, 1, 8 * int(i%2)}, add)
		f.emit(VPSUBD, zero, add, add)
		f.emit(VCVTDQ2PS, add, add)
		f.emit(VMULPS, scale, add, add)
		f.emit(VADDPS, add, Y0+i, Y0+i)
	}
}
