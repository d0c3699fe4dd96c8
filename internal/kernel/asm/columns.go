package asm

// Offsets in bytes of the fields of the struct that a kernel over columns gets; package kernel's columnArgs
// describes them.
const (
	ColumnA      = 0   // pointer
	ColumnB      = 8   // pointer
	ColumnMean   = 16  // pointer
	ColumnSum    = 24  // pointer
	ColumnDot    = 32  // pointer
	ColumnStepA  = 40  // int
	ColumnStepB  = 48  // int
	ColumnRows   = 56  // int
	ColumnBlocks = 64  // int
	ColumnTail   = 72  // int
	ColumnMask   = 80  // pointer
	ColumnLanes  = 88  // uint16, in 8 bytes
	ColumnScale  = 96  // pointer
	ColumnShift  = 104 // pointer
	ColumnLo     = 112 // float32
	ColumnHi     = 116 // float32
	ColumnSize   = 120
)

// ColumnAhead is how many rows ahead a and b are asked for. Few rows at a time are asked for line after line, in the
// order of memory where rows are dense, though they are read a column of lines after another: they come twice as fast.
const ColumnAhead = 8

// ColumnKernel is a kernel that adds up columns: Sum, Squares, Dots, or Grads and ClipGrads, which are two sums.
type ColumnKernel struct {
	AVX512 bool
	Name   string
}

// ColumnKernels returns the kernels of an instruction set.
func ColumnKernels(avx512 bool) []ColumnKernel {
	return []ColumnKernel{{avx512, "Sum"}, {avx512, "Squares"}, {avx512, "Dots"}, {avx512, "Grads"}, {avx512, "ClipGrads"}}
}

// FuncName returns the name of the kernel's function, as in columnSumAVX2.
func (k ColumnKernel) FuncName() string { return "column" + k.Name + ConvTile{AVX512: k.AVX512}.isa() }

// most is the number of vectors of columns that stay in registers together.
func (c *columnFunc) most() int {
	if c.clips() && !c.AVX512 {
		return 2
	}
	return 4
}

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
	lScale  = R13
	lShift  = R14
	lAheadB = R15
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
// ClipGrads sets a[row][c] to zero unless Lo < (b[row][c] − mean[c])·Scale[c] + Shift[c] < Hi, and is then Grads,
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
	if c.clips() {
		c.emit(MOVQ, c.arg(ColumnScale), lScale)
		c.emit(MOVQ, c.arg(ColumnShift), lShift)
		c.emit(VBROADCASTSS, c.arg(ColumnLo), c.lo())
		c.emit(VBROADCASTSS, c.arg(ColumnHi), c.hi())
	}
	if c.AVX512 {
		c.emit(KMOVW, c.arg(ColumnLanes), K0+1)
	} else {
		c.emit(MOVQ, c.arg(ColumnMask), lBlocks)
		c.emit(VMOVUPS, Mem{Base: lBlocks}, c.mask())
	}
	c.startAhead()
	c.emit(XORQ, lIndex, lIndex)
	c.emit(MOVQ, c.arg(ColumnBlocks), lBlocks)
	c.emit(SUBQ, Imm(c.most()), lBlocks)
	c.emit(JLT, Label("rest"))
	c.label("round")
	c.columns("rows", c.most(), false)
	c.emit(ADDQ, Imm(c.most()*c.bytes()), lIndex)
	c.emit(SUBQ, Imm(c.most()), lBlocks)
	c.emit(JGE, Label("round"))
	c.label("rest")
	c.emit(ADDQ, Imm(c.most()), lBlocks)
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
func (c *columnFunc) two() bool       { return c.ColumnKernel.Name == "Grads" || c.clips() }
func (c *columnFunc) clips() bool     { return c.ColumnKernel.Name == "ClipGrads" }
func (c *columnFunc) product() bool   { return c.ColumnKernel.Name == "Dots" || c.two() }

func (c *columnFunc) v(n int) Reg {
	if c.AVX512 {
		return Z0 + Reg(n)
	}
	return Y0 + Reg(n)
}

func (c *columnFunc) sum(u int) Reg   { return c.v(u) }
func (c *columnFunc) dot(u int) Reg   { return c.v(c.most() + u) }
func (c *columnFunc) mean(u int) Reg  { return c.v(2*c.most() + u) }
func (c *columnFunc) scale(u int) Reg { return c.v(3*c.most() + u) } // of ClipGrads, as those that follow
func (c *columnFunc) shift(u int) Reg { return c.v(4*c.most() + u) }
func (c *columnFunc) lo() Reg         { return c.other(3) }
func (c *columnFunc) hi() Reg         { return c.other(4) }
func (c *columnFunc) y() Reg          { return c.other(5) }
func (c *columnFunc) a() Reg          { return c.other(0) }
func (c *columnFunc) b() Reg          { return c.other(1) }

// other returns a register behind those of the columns.
func (c *columnFunc) other(i int) Reg {
	if c.clips() {
		return c.v(5*c.most() + i)
	}
	return c.v(3*c.most() + i)
}

func (c *columnFunc) mask() Reg {
	if c.AVX512 {
		return K0 + 1
	}
	return c.other(2)
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
	element := func(row Reg, u int) Mem { return Mem{Base: row, Disp: u * c.bytes()} }
	for u := range vectors {
		c.move(at(lSum, u), c.sum(u))
		if c.two() {
			c.move(at(lDot, u), c.dot(u))
		}
		if c.centred() {
			c.move(at(lMean, u), c.mean(u))
		}
		if c.clips() {
			c.move(at(lScale, u), c.scale(u))
			c.move(at(lShift, u), c.shift(u))
		}
	}
	c.emit(MOVQ, c.arg(ColumnA), lA)
	c.emit(ADDQ, lIndex, lA)
	if c.product() {
		c.emit(MOVQ, c.arg(ColumnB), lB)
		c.emit(ADDQ, lIndex, lB)
	}
	c.emit(MOVQ, c.arg(ColumnRows), lRows)
	c.label(loop)
	c.askAhead(vectors)
	for u := range vectors {
		if !c.clips() {
			c.move(element(lA, u), c.a())
		}
		switch c.ColumnKernel.Name {
		case "Sum":
			c.emit(VADDPS, c.a(), c.sum(u), c.sum(u))
		case "Squares":
			c.emit(VSUBPS, c.mean(u), c.a(), c.a())
			c.emit(VFMADD231PS, c.a(), c.a(), c.sum(u))
		case "ClipGrads":
			c.move(element(lB, u), c.b())
			c.emit(VSUBPS, c.mean(u), c.b(), c.b())
			c.clip(u, element(lA, u))
			c.move(c.a(), element(lA, u))
			c.emit(VADDPS, c.a(), c.sum(u), c.sum(u))
			c.emit(VFMADD231PS, c.b(), c.a(), c.dot(u))
		default:
			to := c.sum(u)
			if c.two() {
				c.emit(VADDPS, c.a(), c.sum(u), c.sum(u))
				to = c.dot(u)
			}
			c.move(element(lB, u), c.b())
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

// aheadA is where a is asked for; ClipGrads, which has no register left, asks for the same column some rows ahead.
func (c *columnFunc) aheadA() Reg {
	if c.product() {
		return lShift
	}
	return lAheadB
}

// startAhead loads where pictures are asked for.
func (c *columnFunc) startAhead() {
	start := func(at int, step, to Reg) {
		c.emit(MOVQ, c.arg(at), to)
		c.emit(LEAQ, Mem{to, step, ColumnAhead, 0}, to)
	}
	if !c.clips() {
		start(ColumnA, lStepA, c.aheadA())
	}
	if c.product() {
		start(ColumnB, lStepB, lAheadB)
	}
}

// askAhead asks for as much as so many vectors are.
func (c *columnFunc) askAhead(vectors int) {
	ask := func(at Reg) {
		for line := 0; line < vectors*c.bytes(); line += 64 {
			c.emit(PREFETCHT0, Mem{Base: at, Disp: line})
		}
		c.emit(ADDQ, Imm(vectors*c.bytes()), at)
	}
	switch {
	case c.clips():
		for line := 0; line < vectors*c.bytes(); line += 64 {
			c.emit(PREFETCHT0, Mem{lA, lStepA, ColumnAhead, line})
		}
	default:
		ask(c.aheadA())
	}
	if c.product() {
		ask(lAheadB)
	}
}

// clip loads a, zero where what follows from b is not between the bounds.
func (c *columnFunc) clip(u int, a Mem) {
	y := c.y()
	c.emit(VMOVUPS, c.shift(u), y)
	c.emit(VFMADD231PS, c.scale(u), c.b(), y)
	if c.AVX512 {
		c.move(a, c.a())
		c.emit(VCMPPS, greater, c.lo(), y, K0+2)
		c.emit(VMOVUPSZ, c.a(), K0+2, c.a())
		c.emit(VCMPPS, less, c.hi(), y, K0+2)
		c.emit(VMOVUPSZ, c.a(), K0+2, c.a())
		return
	}
	c.emit(VCMPPS, greater, c.lo(), y, c.a())
	c.emit(VCMPPS, less, c.hi(), y, y)
	c.emit(VANDPS, c.a(), y, y)
	c.move(a, c.a())
	c.emit(VANDPS, y, c.a(), c.a())
}
