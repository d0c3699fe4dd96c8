package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/graft-ml/graft/internal/kernel/asm"
)

func actFuncs() []*asm.Func {
	var all []*asm.Func
	for _, k := range append(asm.ActKernels(false), asm.ActKernels(true)...) {
		all = append(all, asm.Act(k))
	}
	return all
}

func binaryFuncs() []*asm.Func {
	var all []*asm.Func
	for _, k := range append(asm.BinaryKernels(false), asm.BinaryKernels(true)...) {
		all = append(all, asm.Binary(k))
	}
	return all
}

func poolFuncs() []*asm.Func {
	var all []*asm.Func
	for _, avx512 := range []bool{false, true} {
		for _, max := range []bool{false, true} {
			all = append(all, asm.Pool(asm.PoolKernel{AVX512: avx512, Max: max}))
		}
	}
	return all
}

func normFuncs() []*asm.Func {
	var all []*asm.Func
	for _, k := range append(asm.NormKernels(false), asm.NormKernels(true)...) {
		all = append(all, asm.Norm(k))
	}
	return all
}

func elementwiseFuncs() []*asm.Func {
	return slices.Concat(actFuncs(), binaryFuncs(), poolFuncs(), normFuncs(), columnFuncs(), gradRowsFuncs())
}

// constants declares the numbers that kernels use, each by its name and as a row of a table.
func constants() []byte {
	b := bytes.NewBufferString(header + "package kernel\n\n// normPartials is the number of partial results of a row; asm.NormPartials tells more.\n")
	fmt.Fprintf(b, "const normPartials = %d\n\n// The numbers of asm.Constants.\nconst (\n", asm.NormPartials)
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

// binaryStubs declares the operations of two variables, and for each instruction set and kind of operand a
// function that calls the one of an Op.
func binaryStubs() []byte {
	b := bytes.NewBufferString(goHeader)
	for _, avx512 := range []bool{false, true} {
		isa := isaName(avx512)
		for _, kind := range []asm.BinaryKernel{{}, {Scalar: true}, {Scalar: true, Left: true}} {
			kind.AVX512 = avx512
			fmt.Fprintf(b, "\n// %s computes op over rows; asm.Binary tells how. Requires %s.\n", kind.FuncName(), isa)
			fmt.Fprintf(b, "func %s(args *rowsArgs, op Op) {\n\tswitch op {\n", kind.FuncName())
			for _, k := range asm.BinaryKernels(avx512) {
				if k.Scalar == kind.Scalar && k.Left == kind.Left && k.Sources() < 3 {
					fmt.Fprintf(b, "\tcase %s:\n\t\t%s(args)\n", k.Name, k.FuncName())
				}
			}
			b.WriteString("\t}\n}\n")
		}
	}
	declare(b, "rowsArgs", binaryFuncs())
	return formatted(b)
}

func poolStubs() []byte {
	b := bytes.NewBufferString(goHeader)
	fmt.Fprintf(b, "\n// poolVectors is the number of vectors in one round of a pooling.\nconst poolVectors = %d\n", asm.PoolVectors)
	declare(b, "poolArgs", poolFuncs())
	return formatted(b)
}

func normStubs() []byte {
	b := bytes.NewBufferString(goHeader)
	declare(b, "rowsArgs", normFuncs())
	return formatted(b)
}
