package main

import (
	"bytes"
	"fmt"

	"github.com/graft-ml/graft/internal/kernel/asm"
)

func int8Funcs() []*asm.Func { return []*asm.Func{asm.ConvInt8AVX2()} }

// lowFiles returns the generated files of low precision by name.
func lowFiles() map[string][]byte {
	return map[string][]byte{
		"int8_amd64.s":      text("int8Args", int8Funcs()),
		"int8_amd64_gen.go": int8Stubs(),
	}
}

// lowFuncs are all kernels of low precision.
func lowFuncs() []*asm.Func { return int8Funcs() }

// int8Stubs declares the convolution of bytes.
func int8Stubs() []byte {
	b := bytes.NewBufferString(goHeader)
	fmt.Fprintf(b, "\n// int8Pixels is the most pixels of one call.\nconst int8Pixels = %d\n", asm.Int8Pixels)
	declare(b, "int8Args", int8Funcs())
	return formatted(b)
}
