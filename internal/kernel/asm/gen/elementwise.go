package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/graft-ml/graft/internal/kernel/asm"
)

// elementwiseFiles returns the generated files of the kernels over rows, by name.
func elementwiseFiles() map[string][]byte {
	return map[string][]byte{
		"constants_gen.go": constants(),
		"act_amd64.s":      text("rowsArgs", actFuncs()),
		"act_amd64_gen.go": actStubs(),
	}
}

func actFuncs() []*asm.Func {
	var all []*asm.Func
	for _, k := range append(asm.ActKernels(false), asm.ActKernels(true)...) {
		all = append(all, asm.Act(k))
	}
	return all
}

func elementwiseFuncs() []*asm.Func { return actFuncs() }

// constants declares the numbers that kernels use, each by its name and as a row of a table.
func constants() []byte {
	b := bytes.NewBufferString(header + "package kernel\n\n// The numbers of asm.Constants.\nconst (\n")
	for _, c := range asm.Constants {
		if x := c.Float(); x-x == 0 && !strings.HasSuffix(c.Name, "Bit") && !strings.HasSuffix(c.Name, "Bits") {
			fmt.Fprintf(b, "\t%s float32 = %x\n", c.Name, x)
		}
	}
	fmt.Fprintf(b, ")\n\n// constantTable holds the same as often as the widest vector has lanes.\nvar constantTable = [...][%d]uint32{\n", asm.ConstantLanes)
	for _, c := range asm.Constants {
		fmt.Fprintf(b, "{%s}, // %s\n", strings.TrimSuffix(strings.Repeat(fmt.Sprintf("%#x, ", c.Bits), asm.ConstantLanes), ", "), c.Name)
	}
	b.WriteString("}\n")
	return formatted(b)
}

// actStubs declares the activations, and for each instruction set a function that calls the one of a Func.
func actStubs() []byte {
	b := bytes.NewBufferString(goHeader)
	for _, avx512 := range []bool{false, true} {
		isa := isaName(avx512)
		fmt.Fprintf(b, "\n// act%s computes f over rows; asm.Act tells how. Requires %s.\n", isa, isa)
		fmt.Fprintf(b, "func act%s(args *rowsArgs, f Func) {\n\tswitch f {\n", isa)
		for _, k := range asm.ActKernels(avx512) {
			fmt.Fprintf(b, "\tcase %s:\n\t\t%s(args)\n", k.Name, k.FuncName())
		}
		b.WriteString("\t}\n}\n")
	}
	declare(b, "rowsArgs", actFuncs())
	return formatted(b)
}
