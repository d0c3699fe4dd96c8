package main

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/kernel/asm"
)

func winogradFuncs() []*asm.Func {
	var all []*asm.Func
	for _, t := range slices.Concat(asm.WinogradTiles(false), asm.WinogradTiles(true)) {
		all = append(all, asm.Winograd(t))
	}
	return all
}

// winogradStubs is convStubs for Winograd's transforms.
func winogradStubs() []byte {
	b := bytes.NewBufferString(goHeader)
	for _, avx512 := range []bool{false, true} {
		for _, way := range []asm.WinogradTile{{}, {Inverse: true}, {Grad: true}, {Inverse: true, Grad: true}} {
			name := "winograd" + map[bool]string{true: "Grad"}[way.Grad] + map[bool]string{false: "In", true: "Out"}[way.Inverse] + isaName(avx512)
			fmt.Fprintf(b, "\n// %s transforms a tile of out×out; asm.Winograd tells what it does. Requires %s.\n", name, isaName(avx512))
			fmt.Fprintf(b, "func %s(args *winogradArgs, out int) {\n\tswitch out {\n", name)
			for _, t := range asm.WinogradTiles(avx512) {
				if t.Inverse == way.Inverse && t.Grad == way.Grad {
					fmt.Fprintf(b, "\tcase %d:\n\t\t%s(args)\n", t.Out, t.Name())
				}
			}
			b.WriteString("\t}\n}\n")
		}
	}
	declare(b, "winogradArgs", winogradFuncs())
	return formatted(b)
}
