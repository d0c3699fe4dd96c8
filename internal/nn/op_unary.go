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
	opSqrt       = plain(math.Sqrt)
	opExp        = plain(math.Exp)
	opLog        = plain(math.Log)
	opErf        = plain(math.Erf)
	opCeil       = plain(math.Ceil)
	opFloor      = plain(math.Floor)
	opReciprocal = plain(func(x float64) float64 { return 1 / x })
	opHardSwish  = plain(func(x float64) float64 { return x * max(0, min(1, x/6+0.5)) })

	opLeakyRelu = unary(func(a Attrs) func(float64) float64 {
		alpha := float64(a.Float("alpha", 0.01))
		return func(x float64) float64 {
			if x < 0 {
				return alpha * x
			}
			return x
		}
	})

	opHardSigmoid = unary(func(a Attrs) func(float64) float64 {
		alpha, beta := float64(a.Float("alpha", 0.2)), float64(a.Float("beta", 0.5))
		return func(x float64) float64 { return max(0, min(1, alpha*x+beta)) }
	})
)

// opAbs and opNeg take integers too.
var (
	opAbs = signed(math.Abs, func(v int64) int64 { return max(v, -v) })
	opNeg = signed(func(x float64) float64 { return -x }, func(v int64) int64 { return -v })
)

func signed(f func(float64) float64, fi func(int64) int64) *opDef {
	def := plain(f)
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
