package asm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestActGradKernels(t *testing.T) {
	for _, k := range append(ActGradKernels(false), ActGradKernels(true)...) {
		t.Run(k.FuncName(), func(t *testing.T) {
			if err := runActGrad(ActGrad(k), k, true); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// runActGrad runs the cases of the gradient of an activation.
func runActGrad(f *Func, k ActGradKernel, all bool) error {
	r := rand.New(rand.NewPCG(3, 6))
	for _, c := range rowsCases(ConvTile{AVX512: k.AVX512}.Lanes(), all) {
		want := func(x []float32) float32 { return x[0] * slopeTwin(k.Name, x[1], c.a, c.b) }
		if err := runRows(f, k.AVX512, 2, c, input(r), want); err != nil {
			return fmt.Errorf("%+v: %w", c, err)
		}
	}
	return nil
}

// slopeTwin is the derivative in plain Go, with each fused step.
func slopeTwin(name string, x, a, b float32) float32 {
	switch name {
	case "Clip":
		return pick(x > a && x < b, 1, 0)
	case "LeakyRelu":
		return pick(x > 0, 1-a, 0) + a
	case "HardSigmoid":
		return pick(x > 0 && x < 1, a, 0)
	case "HardSwish":
		return pick(x >= -3 && x <= 3, FMA(x, val(kThird), 0.5), 0) + pick(x > 3, 1, 0)
	case "Sigmoid":
		return x * (1 - x)
	case "Tanh":
		return FMA(-x, x, 1)
	case "SiLU":
		s := sigmoidTwin(x)
		return FMA(x*s, 1-s, s)
	case "Exp":
		return x
	case "Sqrt":
		return 0.5 / x
	case "Erf":
		return bellTwin(x*x) * val(kErfSlope)
	case "Gelu":
		p := expTwin(vmax(horner(kGelu0, kGelu10, absTwin(x)), val(kExpMin)))
		if !math.Signbit(float64(x)) {
			p = 1 - p
		}
		return FMA(bellTwin(x*x*0.5)*val(kInvSqrt2Pi), x, p)
	case "GeluTanh":
		s := sigmoidTwin(x * FMA(val(kGeluTanh3), x*x, val(kGeluTanh1)))
		return FMA(x*s, (1-s)*FMA(val(kGeluTanhSlope), x*x, val(kGeluTanh1)), s)
	}
	panic(name)
}

func pick(on bool, yes, no float32) float32 {
	if on {
		return yes
	}
	return no
}

// bellTwin is e to −y, y not negative.
func bellTwin(y float32) float32 { return expTwin(vmax(float(bits(y)|1<<31), val(kExpMin))) }

func TestBatchKernels(t *testing.T) {
	for _, k := range append(BatchKernels(false), BatchKernels(true)...) {
		t.Run(k.FuncName(), func(t *testing.T) {
			if err := runBatch(Batch(k), k, true); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// runBatch runs the cases of a kernel of batch normalisation.
func runBatch(f *Func, k BatchKernel, all bool) error {
	return runBatchCases(f, k, all, func(c *rowsCase) bool { return c.n%3 == 0 })
}

// runBatchCases is runBatch for cases that change alters, of which it reports whether parameters repeat a row.
func runBatchCases(f *Func, k BatchKernel, all bool, change func(c *rowsCase) bool) error {
	r := rand.New(rand.NewPCG(3, 7))
	for _, c := range rowsCases(ConvTile{AVX512: k.AVX512}.Lanes(), all) {
		if change(&c) {
			c.gap[1], c.gap[2] = -c.n, -c.n
			if k.Name == "NormGrad" {
				c.gap[4], c.gap[5] = -c.n, -c.n
			} else {
				c.gap[3] = -c.n
			}
		}
		want := func(x []float32) float32 {
			if k.Name == "NormGrad" {
				return FMA(x[3]-x[4], x[5], (x[0]-x[1])*x[2])
			}
			y := FMA(x[0]-x[1], x[2], x[3])
			if len(x) > 4 {
				y += x[4]
			}
			return min(max(y, c.a), c.b)
		}
		number := func(int) float32 { return float32(r.NormFloat64()) }
		if err := runRows(f, k.AVX512, k.Sources(), c, number, want); err != nil {
			return fmt.Errorf("%+v: %w", c, err)
		}
	}
	return nil
}
