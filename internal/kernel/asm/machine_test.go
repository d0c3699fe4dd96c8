package asm

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

var inf = float32(math.Inf(1))

// FMA is compared with big.Float on numbers that cancel, round to even, overflow and underflow.
func TestFMA(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	number := func() float32 { return math.Float32frombits(r.Uint32()&0x807fffff | uint32(r.IntN(255))<<23) }
	for range 200000 {
		x, y := number(), number()
		z := number()
		if r.IntN(2) == 0 { // near the product, where bits are lost
			z = float32(-float64(x) * float64(y) * (1 + math.Ldexp(float64(r.IntN(9)-4), -r.IntN(50))))
		}
		if r.IntN(4) == 0 { // halfway between two numbers but for the third, far below
			x, y = 1+0x1p-12, 1+0x1p-12
			z = float32(1-r.IntN(3)) * float32(math.Ldexp(1, -20-r.IntN(100)))
		}
		if z-z != 0 {
			continue
		}
		p := new(big.Float).SetPrec(2000).Mul(big.NewFloat(float64(x)), big.NewFloat(float64(y)))
		want, _ := p.Add(p, big.NewFloat(float64(z))).Float32()
		if got := FMA(x, y, z); got != want {
			t.Fatalf("FMA(%v, %v, %v) = %v, want %v", x, y, z, got, want)
		}
	}
	nan := float32(math.NaN())
	if got := FMA(nan, 1, 1); got == got || FMA(1, inf, 1) != inf {
		t.Error("FMA of NaN or infinity")
	}
}

// What a kernel must not do is an error that says what and where.
func TestMachineErrors(t *testing.T) {
	at := func(d int) Mem { return Mem{Base: AX, Disp: d} }
	for _, c := range []struct {
		want  string
		insts []Inst
	}{
		{"BX is read before", []Inst{{ADDQ, []Operand{Imm(1), BX}}}},
		{"Z3 is read before", []Inst{{VADDPS, []Operand{Z0 + 3, Z0 + 3, Z0 + 4}}}},
		{"K1 is read before", []Inst{{VMOVUPS, []Operand{Z0, K0 + 1, at(0)}}}},
		{"buf+64 of 64 bytes", []Inst{{VMOVUPS, []Operand{at(8), Z0}}}},
		{"buf-4 of 64 bytes", []Inst{{VBROADCASTSS, []Operand{at(-4), Z0}}}},
		{"buf+64 of 64 bytes", []Inst{{VBROADCASTSS, []Operand{at(64), Y0}}}},
		{"read-only", []Inst{{VMOVUPS, []Operand{at(0), Y0}}, {VMOVUPS, []Operand{Y0, at(0)}}}},
		{"without VZEROUPPER", []Inst{{VMOVUPS, []Operand{at(0), Y0}}}},
		{"unknown instruction", []Inst{{"VDPPS", nil}}},
		{"no flags", []Inst{{JEQ, []Operand{Label("x")}}}},
		{"no end", []Inst{{LABEL, []Operand{Label("x")}}, {JMP, []Operand{Label("x")}}}},
		{"no label", []Inst{{JMP, []Operand{Label("x")}}}},
		{"is no vector", []Inst{{VMOVUPS, []Operand{Imm(3), Y0}}}},
	} {
		f := &Func{Name: "f"}
		f.emit(MOVQ, Arg{}, AX)
		f.Insts = append(f.Insts, c.insts...)
		f.emit(RET)
		m := Machine{Mem: &Memory{}}
		err := m.Run(f, m.Mem.Map("buf", make([]byte, 64), false))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.insts, err, c.want)
		}
	}
}

// A function without return is caught, and its text is what Go's assembler reads.
func TestText(t *testing.T) {
	f := &Func{Name: "f", ISA: "AVX2"}
	f.emit(MOVQ, Arg{}, AX)
	f.label("x")
	f.emit(VFMADD231PS, Mem{AX, CX, 4, -8}, Z0+1, K0+1, Z0+31)
	f.emit(JNE, Label("x"))
	want := "// func f(args *t)\n// Requires: AVX2\nTEXT ·f(SB), NOSPLIT, $0-8\n\tMOVQ args+0(FP), AX\nx:\n\tVFMADD231PS -8(AX)(CX*4), Z1, K1, Z31\n\tJNE x\n"
	if got := f.Text("t"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
