package main

import (
	"bufio"
	"bytes"
	"debug/elf"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/kernel/asm"
)

const kernelPath = "github.com/graft-ml/graft/internal/kernel"

// Go's assembler must encode each instruction as what the list means: GNU objdump, which nobody here wrote,
// reads it back from a program for amd64.
func TestEncodings(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	objdump, err := exec.LookPath("objdump")
	if err != nil {
		t.Skip("needs GNU objdump")
	}
	if out, _ := exec.Command(objdump, "--version").Output(); !bytes.Contains(out, []byte("GNU")) {
		t.Skip("needs GNU objdump, this is another one")
	}
	binary := filepath.Join(t.TempDir(), "kernel.test")
	build := exec.Command("go", "test", "-c", "-o", binary, kernelPath)
	build.Env = append(build.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	funcs := slices.Concat(convFuncs(append(asm.ConvTiles(false), asm.ConvTiles(true)...)), depthwiseFuncs(), peakFuncs(), elementwiseFuncs(), winogradFuncs(), gradWeightFuncs(), poolGradFuncs(), depthGradFuncs(), lowFuncs())
	for _, f := range funcs {
		code := disassemble(t, objdump, binary, kernelPath+"."+f.Name+".abi0")
		if err := compare(f, code); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

// line is an instruction as objdump prints it.
type line struct {
	addr uint64
	text string
}

// disassemble returns the instructions from the symbol on.
func disassemble(t *testing.T, objdump, binary, symbol string) []line {
	t.Helper()
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name != symbol {
			continue
		}
		out, err := exec.Command(objdump, "-d", "-w", "--no-show-raw-insn", fmt.Sprintf("--start-address=%#x", s.Value),
			fmt.Sprintf("--stop-address=%#x", s.Value+s.Size), binary).Output()
		if err != nil {
			t.Fatal(err)
		}
		return parse(out)
	}
	t.Fatalf("no symbol %s", symbol)
	return nil
}

var space = regexp.MustCompile(`\s+`)

func parse(out []byte) []line {
	var lines []line
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		addr, text, ok := strings.Cut(strings.TrimSpace(s.Text()), ":\t")
		n, err := strconv.ParseUint(addr, 16, 64)
		if !ok || err != nil {
			continue
		}
		text, _, _ = strings.Cut(text, "<")
		text, _, _ = strings.Cut(text, "#")
		lines = append(lines, line{n, strings.TrimSpace(space.ReplaceAllString(text, " "))})
	}
	return lines
}

// compare returns an error at the first instruction that is not what the list holds.
func compare(f *asm.Func, code []line) error {
	labels, n := map[asm.Label]int{}, 0
	for _, in := range f.Insts {
		if in.Op == asm.LABEL {
			labels[in.Args[0].(asm.Label)] = n
		} else {
			n++
		}
	}
	if len(code) < n {
		return fmt.Errorf("%d instructions, want %d", len(code), n)
	}
	i := 0
	for _, in := range f.Insts {
		if in.Op == asm.LABEL {
			continue
		}
		want := atnt(in)
		if l, ok := jump(in); ok {
			want += fmt.Sprintf(" %x", code[labels[l]].addr)
		}
		if code[i].text != want {
			return fmt.Errorf("instruction %d, %v: objdump reads %q, want %q", i, in, code[i].text, want)
		}
		i++
	}
	return nil
}

func jump(in asm.Inst) (asm.Label, bool) {
	if len(in.Args) != 1 {
		return "", false
	}
	l, ok := in.Args[0].(asm.Label)
	return l, ok
}

// mnemonics are those that are not simply Go's in lower case.
var mnemonics = map[asm.Op]string{
	asm.MOVQ: "mov", asm.ADDQ: "add", asm.SUBQ: "sub", asm.DECQ: "dec", asm.XORQ: "xor", asm.LEAQ: "lea", asm.TESTQ: "test",
	asm.CMPQ: "cmp", asm.MOVLQSX: "movslq", asm.JEQ: "je", asm.JLT: "jl",
}

// atnt writes an instruction without its jump target as objdump does: Go's order of operands is AT&T's.
func atnt(in asm.Inst) string {
	if in.Op == asm.VCMPPS { // objdump has a name for each comparison
		in = asm.Inst{Op: "VCMP" + asm.Op([]string{3: "UNORD", 7: "ORD", 8: "EQ_UQ", 17: "LT_OQ", 18: "LE_OQ", 29: "GE_OQ", 30: "GT_OQ"}[in.Args[0].(asm.Imm)]) + "PS", Args: in.Args[1:]}
	}
	if in.Op == asm.CMPQ { // the only one whose operands Go has in Intel's order
		in.Args = []asm.Operand{in.Args[1], in.Args[0]}
	}
	name, zeroing := strings.CutSuffix(string(in.Op), ".Z")
	op, known := mnemonics[in.Op]
	if !known {
		op = strings.ToLower(name)
	}
	if _, ok := jump(in); ok || len(in.Args) == 0 {
		return op
	}
	var args []string
	for i, a := range in.Args {
		if r, ok := a.(asm.Reg); ok && r >= asm.K0 && r < asm.Y0 && i < len(in.Args)-1 {
			continue // a mask stands behind the destination
		}
		args = append(args, operand(a))
	}
	s := op + " " + strings.Join(args, ",")
	if len(args) < len(in.Args) {
		s += "{" + operand(in.Args[len(in.Args)-2]) + "}"
	}
	if zeroing {
		s += "{z}"
	}
	return s
}

func operand(o asm.Operand) string {
	switch o := o.(type) {
	case asm.Arg:
		return "0x8(%rsp)" // above the return address: frames are empty
	case asm.Imm:
		return fmt.Sprintf("$%#x", int(o))
	case asm.Reg:
		return register(o)
	case asm.Mem:
		s := "(" + register(o.Base)
		if o.Scale != 0 {
			s += fmt.Sprintf(",%s,%d", register(o.Index), o.Scale)
		}
		if o.Disp != 0 || o.Base == asm.R13 || o.Base == asm.BP { // which have no encoding without one
			s = fmt.Sprintf("%#x", o.Disp) + s
		}
		return s + ")"
	}
	return ""
}

var general = [...]string{"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"}

func register(r asm.Reg) string {
	switch {
	case r < 8:
		return "%r" + general[r]
	case r < asm.K0:
		return fmt.Sprintf("%%r%d", r)
	case r < asm.Y0:
		return fmt.Sprintf("%%k%d", r-asm.K0)
	case r < asm.Z0:
		return fmt.Sprintf("%%ymm%d", r-asm.Y0)
	}
	return fmt.Sprintf("%%zmm%d", r-asm.Z0)
}
