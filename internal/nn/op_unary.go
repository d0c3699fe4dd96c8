package nn

import (
	"math"

	"github.com/graft-ml/graft/internal/tensor"
)

// unary returns the definition of an operator that maps each float32 by a function, which of makes from the
// attributes of a node.
func unary(of func(Attrs) func(float64) float64) *opDef {
	return &opDef{minIn: 1, maxIn: 1, minOut: 1, maxOut: 1, shape: likeFloats,
		forward: func(c *call) error {
			f, src, dst := of(c.node.Attrs), c.in[0].F, c.out[0].F
			c.chunked(len(dst), func(lo, hi int) {
				for i, x := range src[lo:hi] {
					dst[lo+i] = float32(f(float64(x)))
				}
			})
			return nil
		}}
}

// plain is unary for a function without attributes.
func plain(f func(float64) float64) *opDef {
	return unary(func(Attrs) func(float64) float64 { return f })
}

var (
	opSqrt       = plainSlope(math.Sqrt, func(_, y float64) float64 { return 0.5 / y })
	opExp        = plainSlope(math.Exp, func(_, y float64) float64 { return y })
	opLog        = plainSlope(math.Log, func(x, _ float64) float64 { return 1 / x })
	opErf        = plainSlope(math.Erf, func(x, _ float64) float64 { return 2 / math.Sqrt(math.Pi) * math.Exp(-x*x) })
	opReciprocal = plainSlope(func(x float64) float64 { return 1 / x }, func(x, _ float64) float64 { return -1 / (x * x) })
	opHardSwish  = plainSlope(func(x float64) float64 { return x * max(0, min(1, x/6+0.5)) }, hardSwishSlope)

	// opCeil and opFloor have the derivative 0, where they have one.
	opCeil  = flat(math.Ceil)
	opFloor = flat(math.Floor)

	opLeakyRelu = withSlope(unary(func(a Attrs) func(float64) float64 {
		alpha := float64(a.Float("alpha", 0.01))
		return func(x float64) float64 {
			if x < 0 {
				return alpha * x
			}
			return x
		}
	}), leakyReluSlope)

	opHardSigmoid = withSlope(unary(func(a Attrs) func(float64) float64 {
		alpha, beta := float64(a.Float("alpha", 0.2)), float64(a.Float("beta", 0.5))
		return func(x float64) float64 { return max(0, min(1, alpha*x+beta)) }
	}), hardSigmoidSlope)
)

// flat is plain for a function of steps.
func flat(f func(float64) float64) *opDef {
	def := plain(f)
	def.backward = noGradient
	return def
}

// hardSwishSlope: at ±3 it is that of the straight piece, 0 and 1.
func hardSwishSlope(x, _ float64) float64 {
	switch {
	case x <= -3:
		return 0
	case x >= 3:
		return 1
	}
	return x/3 + 0.5
}

// leakyReluSlope is alpha at 0.
func leakyReluSlope(a Attrs) func(x, y float64) float64 {
	alpha := float64(a.Float("alpha", 0.01))
	return func(x, _ float64) float64 {
		if x > 0 {
			return 1
		}
		return alpha
	}
}

// hardSigmoidSlope is 0 where the result is 0 or 1.
func hardSigmoidSlope(a Attrs) func(x, y float64) float64 {
	alpha, beta := float64(a.Float("alpha", 0.2)), float64(a.Float("beta", 0.5))
	return func(x, _ float64) float64 {
		if z := alpha*x + beta; z <= 0 || z >= 1 {
			return 0
		}
		return alpha
	}
}

// opAbs and opNeg take integers too. The derivative of Abs at 0 is taken as 0.
var (
	opAbs = signed(math.Abs, func(v int64) int64 { return max(v, -v) }, sign)
	opNeg = signed(func(x float64) float64 { return -x }, func(v int64) int64 { return -v }, func(_, _ float64) float64 { return -1 })
)

// sign is the derivative of |x|.
func sign(x, _ float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

func signed(f func(float64) float64, fi func(int64) int64, slope func(x, y float64) float64) *opDef {
	def := plainSlope(f, slope)
	floats := def.forward
	def.shape = func(n *Node, in []Info) ([]Info, error) {
		return []Info{{DType: in[0].DType, Shape: in[0].Shape}}, wantNumbers(n, in)
	}
	def.forward = func(c *call) error {
		if c.in[0].DType == tensor.Float32 {
			return floats(c)
		}
		for i, v := range c.in[0].I {
			c.out[0].I[i] = wrap(c.out[0].DType, fi(v))
		}
		return nil
	}
	return def
}
