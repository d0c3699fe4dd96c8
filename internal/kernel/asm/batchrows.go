package asm

import "fmt"

// BatchGroup is a kernel of batch normalisation over Rows rows at a time, whose parameters are loaded once for all of
// them: Normalize or NormGrad as Batch computes them.
type BatchGroup struct {
	AVX512 bool
	Name   string
	Rows   int
}

// batchAhead is how many bytes ahead pictures are asked for, in the order of memory where their rows are dense: what
// comes in that order comes from memory twice as fast as two rows side by side.
const batchAhead = 4096

// BatchGroups returns the kernels of an instruction set.
func BatchGroups(avx512 bool) []BatchGroup {
	return []BatchGroup{{avx512, "Normalize", 2}, {avx512, "NormGrad", 2}}
}

// FuncName returns the name of the kernel's function, as in batchNormalize4AVX2.
func (k BatchGroup) FuncName() string {
	return fmt.Sprintf("batch%s%d%s", k.Name, k.Rows, ConvTile{AVX512: k.AVX512}.isa())
}

// Batch returns the kernel that computes the same row by row.
func (k BatchGroup) Batch() BatchKernel { return BatchKernel{k.AVX512, k.Name} }

// A picture is where some rows are that are read or written: the first, the distance of two, and three times that.
type picture struct{ base, step, step3 Reg }

// row returns the vector of row i.
func (p picture) row(i int) Mem {
	return []Mem{{Base: p.base}, {p.base, p.step, 1, 0}, {p.base, p.step, 2, 0}, {p.base, p.step3, 1, 0}}[i]
}

type batchGroup struct {
	BatchGroup
	*Func
	tail    bool
	x, dst  picture
	dy      picture // NormGrad
	params  []Reg   // of sources that repeat a row
	sources []int   // which those are
}

// BatchRows returns the function of a kernel: Batch's, for a multiple of Rows rows whose parameters repeat a row.
func BatchRows(k BatchGroup) *Func {
	b := &batchGroup{BatchGroup: k, Func: &Func{Name: k.FuncName(), ISA: "AVX2, FMA"}, dst: picture{DI, R13, R15}}
	if k.AVX512 {
		b.ISA = "AVX512F"
	}
	if b.grad() {
		b.dy, b.x = picture{base: BX, step: R11}, picture{base: CX, step: R14}
		b.dst.step3 = None
		b.params, b.sources = []Reg{SI, R10, R12, R15}, []int{1, 2, 4, 5}
	} else {
		b.x = picture{BX, R11, R14}
		b.params, b.sources = []Reg{SI, R10, R12}, []int{1, 2, 3}
	}
	b.start()
	b.label("rows")
	b.emit(XORQ, rIndex, rIndex)
	b.emit(MOVQ, b.arg(RowsBlocks), rBlocks)
	b.emit(TESTQ, rBlocks, rBlocks)
	b.emit(JEQ, Label("tail"))
	b.label("block")
	b.vector()
	b.emit(ADDQ, Imm(b.bytes()), rIndex)
	b.pictures(func(p picture) { b.emit(ADDQ, Imm(b.bytes()), p.base) })
	b.emit(DECQ, rBlocks)
	b.emit(JNE, Label("block"))
	b.label("tail")
	b.emit(MOVQ, b.arg(RowsTail), rBlocks)
	b.emit(TESTQ, rBlocks, rBlocks)
	b.emit(JEQ, Label("next"))
	b.tail = true
	b.vector()
	b.label("next")
	b.pictures(func(p picture) {
		b.emit(SUBQ, rIndex, p.base)
		b.emit(LEAQ, Mem{p.base, p.step, k.Rows, 0}, p.base)
	})
	b.emit(SUBQ, Imm(k.Rows), rRows)
	b.emit(JNE, Label("rows"))
	b.emit(VZEROUPPER)
	b.emit(RET)
	return b.Func
}

func (b *batchGroup) grad() bool      { return b.BatchGroup.Name == "NormGrad" }
func (b *batchGroup) arg(off int) Mem { return Mem{Base: rArgs, Disp: off} }
func (b *batchGroup) bytes() int      { return 4 * ConvTile{AVX512: b.AVX512}.Lanes() }

func (b *batchGroup) v(n int) Reg {
	if b.AVX512 {
		return Z0 + Reg(n)
	}
	return Y0 + Reg(n)
}

func (b *batchGroup) param(i int) Reg { return b.v(i) }
func (b *batchGroup) a(row int) Reg   { return b.v(4 + row) }
func (b *batchGroup) sum(row int) Reg { return b.v(8 + row) }
func (b *batchGroup) lo() Reg         { return b.v(12) }
func (b *batchGroup) hi() Reg         { return b.v(13) }

func (b *batchGroup) mask() Reg {
	if b.AVX512 {
		return K0 + 1
	}
	return b.v(14)
}

// pictures calls f for all that is not a parameter.
func (b *batchGroup) pictures(f func(p picture)) {
	if b.grad() {
		f(b.dy)
	}
	f(b.x)
	f(b.dst)
}

// start loads the arguments.
func (b *batchGroup) start() {
	b.emit(MOVQ, Arg{}, rArgs)
	if b.AVX512 {
		b.emit(KMOVW, b.arg(RowsLanes), b.mask())
	} else {
		b.emit(MOVQ, b.arg(RowsMask), rBlocks)
		b.emit(VMOVUPS, Mem{Base: rBlocks}, b.mask())
	}
	b.place(b.dst, RowsDst, RowsTo)
	if b.grad() {
		b.place(b.dy, RowsSrc, RowsStep)
		b.place(b.x, RowsSrc+8*3, RowsStep+8*3)
	} else {
		b.place(b.x, RowsSrc, RowsStep)
		b.emit(VBROADCASTSS, b.arg(RowsA), b.lo())
		b.emit(VBROADCASTSS, b.arg(RowsB), b.hi())
	}
	for i, s := range b.sources {
		b.emit(MOVQ, b.arg(RowsSrc+8*s), b.params[i])
	}
	b.emit(MOVQ, b.arg(RowsRows), rRows)
}

// place loads where a picture is.
func (b *batchGroup) place(p picture, at, step int) {
	b.emit(MOVQ, b.arg(at), p.base)
	b.emit(MOVQ, b.arg(step), p.step)
	if b.Rows > 2 {
		b.emit(LEAQ, Mem{p.step, p.step, 2, 0}, p.step3)
	}
}

// move loads or stores a vector, of a tail what exists.
func (b *batchGroup) move(from, to Operand) {
	_, load := from.(Mem)
	switch {
	case !b.tail:
		b.emit(VMOVUPS, from, to)
	case !b.AVX512:
		b.emit(VMASKMOVPS, from, b.mask(), to)
	case load:
		b.emit(VMOVUPSZ, from, b.mask(), to)
	default:
		b.emit(VMOVUPS, from, b.mask(), to)
	}
}

// vector computes the vectors of all rows at the index.
func (b *batchGroup) vector() {
	if !b.tail {
		b.pictures(func(p picture) {
			if p != b.dst {
				b.emit(PREFETCHT0, Mem{p.base, rIndex, 1, batchAhead})
			}
		})
	}
	for i, p := range b.params {
		b.move(Mem{p, rIndex, 1, 0}, b.param(i))
	}
	for r := range b.Rows {
		if b.grad() {
			b.move(b.dy.row(r), b.sum(r))
			b.emit(VSUBPS, b.param(0), b.sum(r), b.sum(r))
			b.emit(VMULPS, b.param(1), b.sum(r), b.sum(r))
			b.move(b.x.row(r), b.a(r))
			b.emit(VSUBPS, b.param(2), b.a(r), b.a(r))
			b.emit(VFMADD231PS, b.param(3), b.a(r), b.sum(r))
		} else {
			b.move(b.x.row(r), b.a(r))
			b.emit(VSUBPS, b.param(0), b.a(r), b.a(r))
			b.emit(VMOVUPS, b.param(2), b.sum(r))
			b.emit(VFMADD231PS, b.param(1), b.a(r), b.sum(r))
			b.emit(VMAXPS, b.sum(r), b.lo(), b.sum(r))
			b.emit(VMINPS, b.sum(r), b.hi(), b.sum(r))
		}
	}
	for r := range b.Rows {
		b.move(b.sum(r), b.dst.row(r))
	}
}
