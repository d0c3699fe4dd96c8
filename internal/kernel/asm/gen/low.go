package main

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/kernel/asm"
)

func int8Funcs() []*asm.Func { return []*asm.Func{asm.ConvInt8AVX2(), asm.ConvInt8FewAVX2()} }

// lowFiles returns the generated files of low precision by name.
func lowFiles() map[string][]byte {
	return map[string][]byte{
		"int8_amd64.s":          text("int8Args", int8Funcs()),
		"int8_amd64_gen.go":     int8Stubs(),
		"low_amd64.s":           text("lowArgs", tileFuncs()),
		"bf16_amd64.s":          append(text("bf16Args", bf16Funcs()), untitled(text("halvesArgs", halvesFuncs()))...),
		"bf16_amd64_gen.go":     bf16Stubs(),
		"peak_low_amd64.s":      text("peakArgs", peakLowFuncs()),
		"peak_low_amd64_gen.go": peakLowStubs(),
		"low_amd64_gen.go":      tileStubs(),
		"bytes_amd64.s":         append(text("bytesArgs", bytesFuncs()), untitled(text("depthInt8Args", depthInt8Funcs()))...),
		"bytes_amd64_gen.go":    bytesStubs(),
	}
}

func bytesFuncs() []*asm.Func {
	return []*asm.Func{asm.Quantise(), asm.Dequantise(), asm.AddInt8(), asm.MaxInt8()}
}

func depthInt8Funcs() []*asm.Func { return []*asm.Func{asm.DepthwiseInt8AVX2()} }

// untitled returns assembly without what stands before the first function.
func untitled(b []byte) []byte { return b[bytes.Index(b, []byte("\n// func")):] }

// bytesStubs declares the kernels over bytes.
func bytesStubs() []byte {
	b := bytes.NewBufferString(goHeader)
	declare(b, "bytesArgs", bytesFuncs())
	declare(b, "depthInt8Args", depthInt8Funcs())
	return formatted(b)
}

func tileFuncs() []*asm.Func {
	var all []*asm.Func
	for _, t := range append(asm.LowTiles(false), asm.LowTiles(true)...) {
		all = append(all, asm.ConvLow(t))
	}
	return all
}

// tileStubs declares the tiles of low precision, and for each precision a function that calls the one of a size.
func tileStubs() []byte {
	b := bytes.NewBufferString(goHeader)
	for _, bf16 := range []bool{false, true} {
		name := map[bool]string{false: "VNNI", true: "BF16"}[bf16]
		fmt.Fprintf(b, "\n// conv%s computes a tile of pixels × vectors; asm.ConvLow tells what it does. Requires AVX512_%s.\n", name, name)
		fmt.Fprintf(b, "func conv%s(args *lowArgs, pixels, vectors int) {\n\tswitch vectors<<8 + pixels {\n", name)
		for _, t := range asm.LowTiles(bf16) {
			fmt.Fprintf(b, "\tcase %d<<8 + %d:\n\t\t%s(args)\n", t.Vectors, t.Pixels, t.Name())
		}
		b.WriteString("\t}\n}\n")
	}
	declare(b, "lowArgs", tileFuncs())
	return formatted(b)
}

func bf16Funcs() []*asm.Func {
	var all []*asm.Func
	for _, t := range asm.BF16Tiles() {
		all = append(all, asm.ConvBF16AVX2(t))
	}
	return all
}

func halvesFuncs() []*asm.Func { return []*asm.Func{asm.ToBF16()} }

// bf16Stubs declares the kernels of bfloat16 on AVX2, and for tiles a function that calls the one of a size.
func bf16Stubs() []byte {
	b := bytes.NewBufferString(goHeader)
	fmt.Fprintf(b, "\n// bf16Pixels is the most pixels of a tile.\nconst bf16Pixels = %d\n", asm.BF16Pixels)
	b.WriteString("\n// convBF16AVX2 computes a tile of pixels × vectors; asm.ConvBF16AVX2 tells what it does. Requires AVX2.\n")
	b.WriteString("func convBF16AVX2(args *bf16Args, pixels, vectors int) {\n\tswitch vectors<<8 + pixels {\n")
	for _, t := range asm.BF16Tiles() {
		fmt.Fprintf(b, "\tcase %d<<8 + %d:\n\t\t%s(args)\n", t.Vectors, t.Pixels, t.Name())
	}
	b.WriteString("\t}\n}\n")
	declare(b, "bf16Args", bf16Funcs())
	declare(b, "halvesArgs", halvesFuncs())
	return formatted(b)
}

// lowFuncs are all kernels of low precision.
func lowFuncs() []*asm.Func {
	return slices.Concat(int8Funcs(), bytesFuncs(), depthInt8Funcs(), tileFuncs(), bf16Funcs(), halvesFuncs(), peakLowFuncs())
}

// int8Stubs declares the convolution of bytes.
func int8Stubs() []byte {
	b := bytes.NewBufferString(goHeader)
	fmt.Fprintf(b, "\n// int8Pixels is the most pixels of one call.\nconst int8Pixels = %d\n", asm.Int8Pixels)
	declare(b, "int8Args", int8Funcs())
	return formatted(b)
}

func peakLowFuncs() []*asm.Func {
	var all []*asm.Func
	for p := range asm.PeakLows {
		all = append(all, asm.PeakOf(asm.PeakLow(p)))
	}
	return all
}

// peakLowStubs declares the peak loops of low precision and what one of their loops is worth.
func peakLowStubs() []byte {
	b := bytes.NewBufferString(goHeader)
	fmt.Fprintf(b, "\n// Operations of one loop.\nconst peakOpsInt8AVX2, peakOpsInt8VNNI, peakOpsBF16 = %d, %d, %d\n",
		asm.PeakInt8AVX2.Ops(), asm.PeakInt8VNNI.Ops(), asm.PeakBF16.Ops())
	declare(b, "peakArgs", peakLowFuncs())
	return formatted(b)
}
