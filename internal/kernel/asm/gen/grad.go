package main

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/kernel/asm"
)

func gradWeightFuncs() []*asm.Func {
	var all []*asm.Func
	for _, t := range slices.Concat(asm.GradTiles(false), asm.GradTiles(true)) {
		all = append(all, asm.GradWeight(t))
		if t.Elems == 1 {
			all = append(all, asm.GradPanel(t))
		}
	}
	return all
}

// gradWeightStubs is convStubs for gradients by weights.
func gradWeightStubs() []byte {
	b := bytes.NewBufferString(goHeader)
	for _, avx512 := range []bool{false, true} {
		isa := isaName(avx512)
		fmt.Fprintf(b, "\n// grad%s adds to a tile of elements × vectors; asm.GradWeight tells what it does. Requires %s.\n", isa, isa)
		fmt.Fprintf(b, "func grad%s(args *gradArgs, elems, vectors int) {\n\tswitch vectors<<8 + elems {\n", isa)
		for _, t := range asm.GradTiles(avx512) {
			fmt.Fprintf(b, "\tcase %d<<8 + %d:\n\t\t%s(args)\n", t.Vectors, t.Elems, t.Name())
		}
		b.WriteString("\t}\n}\n")
		fmt.Fprintf(b, "\n// gradPanel%s copies vectors of pixels; asm.GradPanel tells what it does. Requires %s.\n", isa, isa)
		fmt.Fprintf(b, "func gradPanel%s(args *gradArgs, vectors int) {\n\tswitch vectors {\n", isa)
		for v := 1; v <= 2; v++ {
			fmt.Fprintf(b, "\tcase %d:\n\t\t%s(args)\n", v, asm.GradTile{AVX512: avx512, Vectors: v}.PanelName())
		}
		b.WriteString("\t}\n}\n")
	}
	declare(b, "gradArgs", gradWeightFuncs())
	return formatted(b)
}

func columnFuncs() []*asm.Func {
	var all []*asm.Func
	for _, k := range slices.Concat(asm.ColumnKernels(false), asm.ColumnKernels(true)) {
		all = append(all, asm.Column(k))
	}
	return all
}

func columnStubs() []byte {
	b := bytes.NewBufferString(goHeader)
	for _, avx512 := range []bool{false, true} {
		isa := isaName(avx512)
		fmt.Fprintf(b, "\n// column%s adds up columns; asm.Column tells how. Requires %s.\n", isa, isa)
		fmt.Fprintf(b, "func column%s(args *columnArgs, kind columnKind) {\n\tswitch kind {\n", isa)
		for i, k := range asm.ColumnKernels(avx512) {
			fmt.Fprintf(b, "\tcase %s:\n\t\t%s(args)\n", []string{"columnSumsOf", "columnSquaresOf", "columnDotsOf", "columnGradsOf", "columnClipGradsOf"}[i], k.FuncName())
		}
		b.WriteString("\t}\n}\n")
	}
	declare(b, "columnArgs", columnFuncs())
	return formatted(b)
}

func gradRowsFuncs() []*asm.Func {
	var all []*asm.Func
	for _, k := range slices.Concat(asm.ActGradKernels(false), asm.ActGradKernels(true)) {
		all = append(all, asm.ActGrad(k))
	}
	for _, k := range slices.Concat(asm.BatchKernels(false), asm.BatchKernels(true)) {
		all = append(all, asm.Batch(k))
	}
	for _, k := range slices.Concat(asm.BatchGroups(false), asm.BatchGroups(true)) {
		all = append(all, asm.BatchRows(k))
	}
	return append(all, asm.LayerNormGrad(false), asm.LayerNormGrad(true))
}

// gradRowsStubs is actStubs for the gradients of activations, and for normalisations.
func gradRowsStubs() []byte {
	b := bytes.NewBufferString(goHeader)
	for _, avx512 := range []bool{false, true} {
		isa := isaName(avx512)
		fmt.Fprintf(b, "\n// actGrad%s computes the gradient of f over rows; asm.ActGrad tells how. Requires %s.\n", isa, isa)
		fmt.Fprintf(b, "func actGrad%s(args *rowsArgs, f Func) {\n\tswitch f {\n", isa)
		for _, k := range asm.ActGradKernels(avx512) {
			fmt.Fprintf(b, "\tcase %s:\n\t\t%s(args)\n", k.Name, k.FuncName())
		}
		b.WriteString("\t}\n}\n")
	}
	declare(b, "rowsArgs", gradRowsFuncs())
	return formatted(b)
}

func poolGradFuncs() []*asm.Func {
	var all []*asm.Func
	for _, avx512 := range []bool{false, true} {
		for _, max := range []bool{false, true} {
			all = append(all, asm.PoolGrad(asm.PoolKernel{AVX512: avx512, Max: max}))
		}
	}
	return all
}

func poolGradStubs() []byte {
	b := bytes.NewBufferString(goHeader)
	declare(b, "poolGradArgs", poolGradFuncs())
	return formatted(b)
}

func depthGradFuncs() []*asm.Func {
	var all []*asm.Func
	for _, t := range slices.Concat(asm.DepthGradTiles(false), asm.DepthGradTiles(true)) {
		all = append(all, asm.DepthGrad(t))
	}
	return all
}

// depthGradStubs declares the tiles, and how many rows of taps those with so many columns have at most.
func depthGradStubs() []byte {
	b := bytes.NewBufferString(goHeader)
	fmt.Fprintf(b, "\n// depthGradRows are the rows of taps of the largest tile, by its columns.\nvar depthGradRows = [...]int{0")
	for c := 1; c <= asm.GroupPixels; c++ {
		fmt.Fprintf(b, ", %d", asm.DepthGradRowsMax(c))
	}
	b.WriteString("}\n")
	for _, avx512 := range []bool{false, true} {
		isa := isaName(avx512)
		fmt.Fprintf(b, "\n// depthGrad%s adds to the sums of rows × cols taps; asm.DepthGrad tells how. Requires %s.\n", isa, isa)
		fmt.Fprintf(b, "func depthGrad%s(args *depthGradArgs, rows, cols int) {\n\tswitch rows<<8 + cols {\n", isa)
		for _, t := range asm.DepthGradTiles(avx512) {
			fmt.Fprintf(b, "\tcase %d<<8 + %d:\n\t\t%s(args)\n", t.Rows, t.Cols, t.Name())
		}
		b.WriteString("\t}\n}\n")
	}
	declare(b, "depthGradArgs", depthGradFuncs())
	return formatted(b)
}
