package asm

// Offsets in bytes of the fields of the struct that a kernel over rows gets; package kernel's rowsArgs
// describes them.
const (
	RowsSrc    = 0   // [6]pointer
	RowsDst    = 48  // pointer
	RowsStep   = 56  // [6]int
	RowsTo     = 104 // int
	RowsRows   = 112 // int
	RowsBlocks = 120 // int
	RowsTail   = 128 // int
	RowsTable  = 136 // pointer
	RowsMask   = 144 // pointer
	RowsLanes  = 152 // uint16, in 8 bytes
	RowsA      = 160 // float32
	RowsB      = 164 // float32
	RowsSize   = 168
)

// The registers of a kernel over rows.
const (
	rArgs   = AX
	rTable  = CX
	rIndex  = DX // bytes into the row
	rDst    = DI
	rBlocks = R8
	rRows   = R9
)

var rSrc = [...]Reg{BX, SI, R10, R12, R14, R15}

// slot is a working register of each of the vectors at work.
type slot int

func (slot) text() string  { panic("asm: a slot is no register yet") }
func (konst) text() string { panic("asm: a constant has no place yet") }

// rowsFunc builds a kernel that computes rows of elements, each from the elements in the same place of up to
// six sources. Constants stay in registers as long as some are left, else they are read from the table.
type rowsFunc struct {
	*Func
	avx512  bool
	sources int
	slots   int // working registers of a vector
	unroll  int // vectors in one round
	vectors int // at work: unroll, or 1
	tail    bool
	home    map[konst]Reg // AVX-512: constants in registers
	uses    [2]bool       // A and B
	table   bool          // constants are read
}

// slotA and slotB are the parameters of the kernel, the same for all vectors.
const slotA, slotB slot = 100, 101

func (v *rowsFunc) lanes() int { return ConvTile{AVX512: v.avx512}.Lanes() }

func (v *rowsFunc) first() Reg {
	if v.avx512 {
		return Z0
	}
	return Y0
}

func (v *rowsFunc) arg(off int) Mem { return Mem{Base: rArgs, Disp: off} }

// The registers after the working ones: A, B, AVX2's mask or AVX-512's constants.
func (v *rowsFunc) param(i int) Reg { return v.first() + Reg(v.slots*v.unroll+i) }

// mask says which elements of a tail exist.
func (v *rowsFunc) mask() Reg {
	if v.avx512 {
		return K0 + 1
	}
	return v.param(2)
}

// signs is the mask register that vector u may use.
func signs(u int) Reg { return K0 + 2 + Reg(u) }

// konst returns where a constant is.
func (v *rowsFunc) konst(c konst) Operand {
	v.table = true
	inTable := Mem{Base: rTable, Disp: 4 * ConstantLanes * int(c)}
	if !v.avx512 {
		return inTable
	}
	r, ok := v.home[c]
	if !ok {
		if r = v.param(2 + len(v.home)); r >= None {
			return inTable
		}
		v.home[c] = r
	}
	return r
}

// operand returns what o is for vector u.
func (v *rowsFunc) operand(o Operand, u int) Operand {
	switch o := o.(type) {
	case slot:
		if o >= slotA {
			v.uses[o-slotA] = true
			return v.param(int(o - slotA))
		}
		return v.first() + Reg(u*v.slots+int(o))
	case konst:
		return v.konst(o)
	}
	return o
}

// do emits an instruction for each vector at work.
func (v *rowsFunc) do(op Op, args ...Operand) {
	for u := range v.vectors {
		var out []Operand
		for _, o := range args {
			out = append(out, v.operand(o, u))
		}
		v.emit(op, out...)
	}
}

// register returns a constant as an operand that must be a register, if need be the slot spare.
func (v *rowsFunc) register(c konst, spare slot) Operand {
	if r, ok := v.konst(c).(Reg); ok {
		return r
	}
	v.do(VMOVUPS, c, spare)
	return spare
}

// load reads the elements of source i.
func (v *rowsFunc) load(i int, to slot) {
	for u := range v.vectors {
		from, reg := Mem{rSrc[i], rIndex, 1, 4 * v.lanes() * u}, v.operand(to, u)
		switch {
		case !v.tail:
			v.emit(VMOVUPS, from, reg)
		case v.avx512:
			v.emit(VMOVUPSZ, from, v.mask(), reg)
		default:
			v.emit(VMASKMOVPS, from, v.mask(), reg)
		}
	}
}

// store writes the elements of the destination.
func (v *rowsFunc) store(from slot) {
	for u := range v.vectors {
		to, reg := Mem{rDst, rIndex, 1, 4 * v.lanes() * u}, v.operand(from, u)
		switch {
		case !v.tail:
			v.emit(VMOVUPS, reg, to)
		case v.avx512:
			v.emit(VMOVUPS, reg, v.mask(), to)
		default:
			v.emit(VMASKMOVPS, reg, v.mask(), to)
		}
	}
}

// newRows returns the function whose body computes the vectors at work.
func newRows(name string, avx512 bool, sources, slots, unroll int, body func(v *rowsFunc)) *Func {
	v := &rowsFunc{Func: &Func{Name: name, ISA: "AVX2, FMA"}, avx512: avx512, sources: sources, slots: slots, unroll: unroll, home: map[konst]Reg{}}
	if avx512 {
		v.ISA = "AVX512F, AVX512DQ"
	}
	v.loop(body)
	code := v.Insts
	v.Insts = nil
	v.startShared()
	if v.avx512 {
		v.emit(KMOVW, v.arg(RowsLanes), v.mask())
	} else {
		v.emit(MOVQ, v.arg(RowsMask), rBlocks)
		v.emit(VMOVUPS, Mem{Base: rBlocks}, v.mask())
	}
	v.Insts = append(v.Insts, code...)
	return v.Func
}

// startShared loads what all rows share; the code has been emitted, so it is known what that is.
func (v *rowsFunc) startShared() {
	v.emit(MOVQ, Arg{}, rArgs)
	v.emit(MOVQ, v.arg(RowsDst), rDst)
	for i := range v.sources {
		v.emit(MOVQ, v.arg(RowsSrc+8*i), rSrc[i])
	}
	v.emit(MOVQ, v.arg(RowsRows), rRows)
	if v.table {
		v.emit(MOVQ, v.arg(RowsTable), rTable)
	}
	for i, used := range v.uses {
		if used {
			v.emit(VBROADCASTSS, v.arg(RowsA+4*i), v.param(i))
		}
	}
	for c := range konsts {
		if r, ok := v.home[c]; ok {
			v.emit(VMOVUPS, Mem{Base: rTable, Disp: 4 * ConstantLanes * int(c)}, r)
		}
	}
}

// nextRow goes on to the next row, or ends the function.
func (v *rowsFunc) nextRow() {
	for i := range v.sources {
		v.emit(ADDQ, v.arg(RowsStep+8*i), rSrc[i])
	}
	v.emit(ADDQ, v.arg(RowsTo), rDst)
	v.emit(DECQ, rRows)
	v.emit(JNE, Label("row"))
	v.emit(VZEROUPPER)
	v.emit(RET)
}

// loop computes row after row: rounds of unroll vectors, single ones, and the tail.
func (v *rowsFunc) loop(body func(v *rowsFunc)) {
	run := func(vectors int, tail bool) {
		v.vectors, v.tail = vectors, tail
		body(v)
	}
	size := 4 * v.lanes()
	v.label("row")
	v.emit(XORQ, rIndex, rIndex)
	v.emit(MOVQ, v.arg(RowsBlocks), rBlocks)
	v.emit(SUBQ, Imm(v.unroll), rBlocks)
	v.emit(JLT, Label("rest"))
	v.label("round")
	run(v.unroll, false)
	v.emit(ADDQ, Imm(v.unroll*size), rIndex)
	v.emit(SUBQ, Imm(v.unroll), rBlocks)
	v.emit(JGE, Label("round"))
	v.label("rest")
	v.emit(ADDQ, Imm(v.unroll), rBlocks)
	v.emit(JEQ, Label("tail"))
	v.label("one")
	run(1, false)
	v.emit(ADDQ, Imm(size), rIndex)
	v.emit(DECQ, rBlocks)
	v.emit(JNE, Label("one"))
	v.label("tail")
	v.emit(MOVQ, v.arg(RowsTail), rBlocks)
	v.emit(TESTQ, rBlocks, rBlocks)
	v.emit(JEQ, Label("next"))
	run(1, true)
	v.label("next")
	v.nextRow()
}
