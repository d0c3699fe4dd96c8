package asm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestBinaryKernels(t *testing.T) {
	for _, k := range append(BinaryKernels(false), BinaryKernels(true)...) {
		t.Run(k.FuncName(), func(t *testing.T) {
			if err := runBinary(Binary(k), k, true); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// runBinary runs the cases of a binary operation, the last source the same for all rows, the scalar a NaN too.
func runBinary(f *Func, k BinaryKernel, all bool) error {
	r := rand.New(rand.NewPCG(3, 5))
	for _, c := range rowsCases(ConvTile{AVX512: k.AVX512}.Lanes(), all) {
		if k.Scalar {
			c.b = float32(math.NaN())
		}
		if c.n%2 == 0 {
			c.a = float32(math.NaN())
		}
		if last := k.Sources() - 1; last > 0 && c.n%3 == 0 {
			c.gap[last] = -c.n
		}
		want := func(x []float32) float32 {
			switch {
			case k.Left:
				return binaryTwin(k.Name, c.a, x[0])
			case k.Scalar:
				return binaryTwin(k.Name, x[0], c.a)
			case len(x) == 3:
				return float32(x[0]*x[1]) + x[2]
			}
			return binaryTwin(k.Name, x[0], x[1])
		}
		number := func(i int) float32 {
			if r.IntN(5) == 0 {
				return float32(math.NaN())
			}
			return input(r)(i + i/len(edges))
		}
		if err := runRows(f, k.AVX512, k.Sources(), c, number, want); err != nil {
			return fmt.Errorf("%+v: %w", c, err)
		}
	}
	return nil
}

func binaryTwin(name string, x, y float32) float32 {
	switch name {
	case "Add":
		return x + y
	case "Sub":
		return x - y
	case "Mul":
		return x * y
	case "Div":
		return x / y
	case "Max":
		if y != y {
			return y
		}
		return vmax(x, y)
	case "Min":
		if y != y {
			return y
		}
		return vmin(x, y)
	}
	panic(name)
}
