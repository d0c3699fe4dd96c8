package asm

// Offsets in bytes of the fields of the struct that a kernel over columns gets; package kernel's columnArgs
// describes them.
const (
	ColumnA      = 0  // pointer
	ColumnB      = 8  // pointer
	ColumnMean   = 16 // pointer
	ColumnSum    = 24 // pointer
	ColumnDot    = 32 // pointer
	ColumnStepA  = 40 // int
	ColumnStepB  = 48 // int
	ColumnRows   = 56 // int
	ColumnBlocks = 64 // int
	ColumnTail   = 72 // int
	ColumnMask   = 80 // pointer
	ColumnLanes  = 88 // uint16, in 8 bytes
	ColumnSize   = 96
)

// ColumnKernel is a kernel that adds up columns: Sum, Squares, Dots, or Grads, which are two sums.
type ColumnKernel struct {
	AVX512 bool
	Name   string
}

// ColumnKernels returns the kernels of an instruction set.
func ColumnKernels(avx512 bool) []ColumnKernel {
	return []ColumnKernel{{avx512, "Sum"}, {avx512, "Squares"}, {avx512, "Dots"}, {avx512, "Grads"}}
}

// FuncName returns the name of the kernel's function, as in columnSumAVX2.
func (k ColumnKernel) FuncName() string { return "column" + k.Name + ConvTile{AVX512: k.AVX512}.isa() }

// columnVectors is the number of vectors of columns that stay in registers together.
const columnVectors = 4

// The registers of a kernel over columns.
const (
	lArgs   = AX
	lA      = BX
	lB      = CX
	lIndex  = DX // of the first column at work, in bytes
	lMean   = SI
	lSum    = DI
	lDot    = R8
	lStepA  = R9
	lStepB  = R10
	lRows   = R11
	lBlocks = R12
)

type columnFunc struct {
	ColumnKernel
	*Func
	vectors int
	tail    bool
}

// Column returns the function of a kernel. For each column c it computes, as a chain over the rows,
//
//	Sum      Sum[c] += Σ a[row][c]
//	Squares  Sum[c] += Σ (a[row][c] − mean[c])²
//	Dots     Sum[c] += Σ a[row][c]·(b[row][c] − mean[c])
//	Grads    Sum[c] += Σ a[row][c] and Dot[c] += Σ a[row][c]·(b[row][c] − mean[c])
//
// each product fused with its addition. Columns are Blocks full vectors and, if Tail is not zero, one of which Lanes
// and Mask tell what exists.
func Column(k ColumnKernel) *Func {
	c := &columnFunc{ColumnKernel: k, Func: &Func{Name: k.FuncName(), ISA: "AVX2, FMA"}}
	if k.AVX512 {
		c.ISA = "AVX512F"
	}
	c.emit(MOVQ, Arg{}, lArgs)
	c.emit(MOVQ, c.arg(ColumnSum), lSum)
	c.emit(MOVQ, c.arg(ColumnStepA), lStepA)
	if c.centred() {
		c.emit(MOVQ, c.arg(ColumnMean), lMean)
	}
	if c.two() {
		c.emit(MOVQ, c.arg(ColumnDot), lDot)
	}
	if c.product() {
		c.emit(MOVQ, c.arg(ColumnStepB), lStepB)
	}
	if c.AVX512 {
		c.emit(KMOVW, c.arg(ColumnLanes), K0+1)
	} else {
		c.emit(MOVQ, c.arg(ColumnMask), lBlocks)
		c.emit(VMOVUPS, Mem{Base: lBlocks}, c.mask())
	}
	c.emit(XORQ, lIndex, lIndex)
	c.emit(MOVQ, c.arg(ColumnBlocks), lBlocks)
	c.emit(SUBQ, Imm(columnVectors), lBlocks)
	c.emit(JLT, Label("rest"))
	c.label("round")
	c.columns("rows", columnVectors, false)
	c.emit(ADDQ, Imm(columnVectors*c.bytes()), lIndex)
	c.emit(SUBQ, Imm(columnVectors), lBlocks)
	c.emit(JGE, Label("round"))
	c.label("rest")
	c.emit(ADDQ, Imm(columnVectors), lBlocks)
	c.emit(JEQ, Label("tail"))
	c.label("one")
	c.columns("rowsOne", 1, false)
	c.emit(ADDQ, Imm(c.bytes()), lIndex)
	c.emit(DECQ, lBlocks)
	c.emit(JNE, Label("one"))
	c.label("tail")
	c.emit(MOVQ, c.arg(ColumnTail), lBlocks)
	c.emit(TESTQ, lBlocks, lBlocks)
	c.emit(JEQ, Label("done"))
	c.columns("rowsTail", 1, true)
	c.label("done")
	c.emit(VZEROUPPER)
	c.emit(RET)
	return c.Func
}

func (c *columnFunc) arg(off int) Mem { return Mem{Base: lArgs, Disp: off} }
func (c *columnFunc) bytes() int      { return 4 * ConvTile{AVX512: c.AVX512}.Lanes() }
func (c *columnFunc) centred() bool   { return c.ColumnKernel.Name != "Sum" }
func (c *columnFunc) two() bool       { return c.ColumnKernel.Name == "Grads" }
func (c *columnFunc) product() bool   { return c.ColumnKernel.Name == "Dots" || c.two() }

func (c *columnFunc) v(n int) Reg {
	if c.AVX512 {
		return Z0 + Reg(n)
	}
	return Y0 + Reg(n)
}

func (c *columnFunc) sum(u int) Reg  { return c.v(u) }
func (c *columnFunc) dot(u int) Reg  { return c.v(columnVectors + u) }
func (c *columnFunc) mean(u int) Reg { return c.v(2*columnVectors + u) }
func (c *columnFunc) a() Reg         { return c.v(3 * columnVectors) }
func (c *columnFunc) b() Reg         { return c.v(3*columnVectors + 1) }

func (c *columnFunc) mask() Reg {
	if c.AVX512 {
		return K0 + 1
	}
	return c.v(3*columnVectors + 2)
}

// move loads or stores a vector, of a tail what exists.
func (c *columnFunc) move(from, to Operand) {
	_, load := from.(Mem)
	switch {
	case !c.tail:
		c.emit(VMOVUPS, from, to)
	case !c.AVX512:
		c.emit(VMASKMOVPS, from, c.mask(), to)
	case load:
		c.emit(VMOVUPSZ, from, c.mask(), to)
	default:
		c.emit(VMOVUPS, from, c.mask(), to)
	}
}

// columns adds up the vectors of columns that start at lIndex.
func (c *columnFunc) columns(loop Label, vectors int, tail bool) {
	c.vectors, c.tail = vectors, tail
	at := func(base Reg, u int) Mem { return Mem{base, lIndex, 1, u * c.bytes()} }
	for u := range vectors {
		c.move(at(lSum, u), c.sum(u))
		if c.two() {
			c.move(at(lDot, u), c.dot(u))
		}
		if c.centred() {
			c.move(at(lMean, u), c.mean(u))
		}
	}
	c.emit(MOVQ, c.arg(ColumnA), lA)
	if c.product() {
		c.emit(MOVQ, c.arg(ColumnB), lB)
	}
	c.emit(MOVQ, c.arg(ColumnRows), lRows)
	c.label(loop)
	for u := range vectors {
		c.move(at(lA, u), c.a())
		switch c.ColumnKernel.Name {
		case "Sum":
			c.emit(VADDPS, c.a(), c.sum(u), c.sum(u))
		case "Squares":
			c.emit(VSUBPS, c.mean(u), c.a(), c.a())
			c.emit(VFMADD231PS, c.a(), c.a(), c.sum(u))
		default:
			to := c.sum(u)
			if c.two() {
				c.emit(VADDPS, c.a(), c.sum(u), c.sum(u))
				to = c.dot(u)
			}
			c.move(at(lB, u), c.b())
			c.emit(VSUBPS, c.mean(u), c.b(), c.b())
			c.emit(VFMADD231PS, c.b(), c.a(), to)
		}
	}
	c.emit(ADDQ, lStepA, lA)
	if c.product() {
		c.emit(ADDQ, lStepB, lB)
	}
	c.emit(DECQ, lRows)
	c.emit(JNE, loop)
	for u := range vectors {
		c.move(c.sum(u), at(lSum, u))
		if c.two() {
			c.move(c.dot(u), at(lDot, u))
		}
	}
}
