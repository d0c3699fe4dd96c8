// Package asm holds the kernels of package kernel as lists of instructions.
//
// Input: the size of a register tile. Output: a Func, which prints itself in the syntax of Go's assembler and
// which a Machine interprets lane by lane over memory with bounds. The command gen writes what the lists
// print to package kernel; tests interpret the same lists, so that kernels for instruction sets that the
// machine at hand lacks are proven too, and no access outside the buffers goes unseen.
package asm

import (
	"fmt"
	"strings"
)

// Op is an instruction by its name in Go's assembler; operands stand in Go's order, the destination last.
type Op string

const (
	MOVQ  Op = "MOVQ"
	ADDQ  Op = "ADDQ"
	SUBQ  Op = "SUBQ"
	DECQ  Op = "DECQ"
	XORQ  Op = "XORQ"
	LEAQ  Op = "LEAQ"
	TESTQ Op = "TESTQ"
	CMPQ  Op = "CMPQ"
	JMP   Op = "JMP"
	JEQ   Op = "JEQ"
	JNE   Op = "JNE"
	JLT   Op = "JLT"
	JGE   Op = "JGE"
	KMOVW Op = "KMOVW"
	RET   Op = "RET"

	VBROADCASTSS Op = "VBROADCASTSS"
	VMOVUPS      Op = "VMOVUPS"
	VMOVUPSZ     Op = "VMOVUPS.Z" // what the mask leaves out becomes zero
	VMASKMOVPS   Op = "VMASKMOVPS"
	VFMADD231PS  Op = "VFMADD231PS"
	VADDPS       Op = "VADDPS"
	VMAXPS       Op = "VMAXPS"
	VMINPS       Op = "VMINPS"
	VXORPS       Op = "VXORPS"
	VZEROUPPER   Op = "VZEROUPPER"
	PREFETCHT0   Op = "PREFETCHT0"
	PREFETCHT1   Op = "PREFETCHT1"

	// LABEL marks the place of its operand, a Label; it is no instruction.
	LABEL Op = "LABEL"
)

// An Operand is a Reg, Mem, Imm, Label or Arg.
type Operand interface{ text() string }

// Reg is a register: the number plus the first of its kind.
type Reg uint8

// The kinds of registers by their first one: Y5 is Y0+5. None is no register.
const (
	AX Reg = iota
	CX
	DX
	BX
	SP
	BP
	SI
	DI
	R8
	R9
	R10
	R11
	R12
	R13
	R14
	R15
	K0
	Y0   = K0 + 8
	Z0   = Y0 + 16
	None = Z0 + 32
)

var gpNames = [...]string{"AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"}

func (r Reg) text() string {
	switch {
	case r < K0:
		return gpNames[r]
	case r < Y0:
		return fmt.Sprintf("K%d", r-K0)
	case r < Z0:
		return fmt.Sprintf("Y%d", r-Y0)
	}
	return fmt.Sprintf("Z%d", r-Z0)
}

func (r Reg) isGP() bool   { return r < K0 }
func (r Reg) isMask() bool { return r >= K0 && r < Y0 }

// vector returns the number of a vector register and its lanes of 32 bits, or no lanes.
func (r Reg) vector() (n, lanes int) {
	switch {
	case r < Y0 || r >= None:
		return 0, 0
	case r < Z0:
		return int(r - Y0), 8
	}
	return int(r - Z0), 16
}

// Mem is the memory at Base + Index·Scale + Disp. Scale 0 means that there is no Index.
type Mem struct {
	Base  Reg
	Index Reg
	Scale int
	Disp  int
}

func (m Mem) text() string {
	s := "(" + m.Base.text() + ")"
	if m.Disp != 0 {
		s = fmt.Sprint(m.Disp) + s
	}
	if m.Scale != 0 {
		s += fmt.Sprintf("(%s*%d)", m.Index.text(), m.Scale)
	}
	return s
}

// at returns the memory n bytes further.
func (m Mem) at(n int) Mem { m.Disp += n; return m }

// Imm is a constant, Label a place to jump to, and Arg the function's only argument, a pointer.
type (
	Imm   int
	Label string
	Arg   struct{}
)

func (i Imm) text() string   { return fmt.Sprintf("$%d", int(i)) }
func (l Label) text() string { return string(l) }
func (Arg) text() string     { return "args+0(FP)" }

// Inst is one instruction.
type Inst struct {
	Op   Op
	Args []Operand
}

func (in Inst) String() string {
	if in.Op == LABEL {
		return in.Args[0].text() + ":"
	}
	var b strings.Builder
	b.WriteString(string(in.Op))
	for i, a := range in.Args {
		b.WriteString([]string{" ", ", "}[min(i, 1)])
		b.WriteString(a.text())
	}
	return b.String()
}

// Func is a function of one pointer to a struct of arguments, which returns nothing.
type Func struct {
	Name  string
	ISA   string // as in "AVX2", for comments
	Insts []Inst
}

func (f *Func) emit(op Op, args ...Operand) { f.Insts = append(f.Insts, Inst{op, args}) }
func (f *Func) label(l Label)               { f.emit(LABEL, l) }

// Text returns the function in the syntax of Go's assembler. argType is the type that its argument points to.
func (f *Func) Text(argType string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "// func %s(args *%s)\n// Requires: %s\nTEXT ·%s(SB), NOSPLIT, $0-8\n", f.Name, argType, f.ISA, f.Name)
	for _, in := range f.Insts {
		if in.Op != LABEL {
			b.WriteByte('\t')
		}
		b.WriteString(in.text() + "\n")
	}
	return b.String()
}
