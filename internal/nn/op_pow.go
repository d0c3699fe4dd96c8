package nn

import (
	"math"

	"github.com/graft-ml/graft/internal/tensor"
)

// opPow is Pow with broadcasting. The result has the type of the base.
var opPow = &opDef{minIn: 2, maxIn: 2, minOut: 1, maxOut: 1, shape: powShape, forward: powForward, backward: powBackward}

func powShape(n *Node, in []Info) ([]Info, error) {
	for _, v := range in {
		if err := wantNumbers(n, []Info{v}); err != nil {
			return nil, err
		}
	}
	s, err := broadcastInfos(n, in)
	if err != nil {
		return nil, err
	}
	return []Info{{DType: in[0].DType, Shape: s}}, nil
}

func powForward(c *call) error {
	a, b, y := c.in[0], c.in[1], c.out[0]
	switch af, bf := a.DType == tensor.Float32, b.DType == tensor.Float32; {
	case af && bf:
		broadcast2(y.Shape, y.F, a.F, a.Shape, b.F, b.Shape, func(x, e float32) float32 {
			return float32(math.Pow(float64(x), float64(e)))
		})
	case af:
		broadcast2(y.Shape, y.F, a.F, a.Shape, b.I, b.Shape, func(x float32, e int64) float32 {
			return float32(math.Pow(float64(x), float64(e)))
		})
	case bf:
		broadcast2(y.Shape, y.I, a.I, a.Shape, b.F, b.Shape, func(x int64, e float32) int64 {
			return wrap(y.DType, toInt(math.Pow(float64(x), float64(e))))
		})
	default:
		broadcast2(y.Shape, y.I, a.I, a.Shape, b.I, b.Shape, func(x, e int64) int64 {
			return wrap(y.DType, intPow(x, e))
		})
	}
	return nil
}

// intPow returns x to the power of e, modulo 2^64; for a negative e what is left of the fraction.
func intPow(x, e int64) int64 {
	if e < 0 {
		switch {
		case x == 1 || x == -1 && e%2 == 0:
			return 1
		case x == -1:
			return -1
		}
		return 0
	}
	y := int64(1)
	for ; e > 0; e >>= 1 {
		if e&1 == 1 {
			y *= x
		}
		x *= x
	}
	return y
}

// powBackward: dx = e·x^(e−1), which is 0 for e = 0; de = x^e·ln x, which is 0 for x = 0 and e ≥ 0, the limit from
// above.
func powBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	base, exp := c.in[0], tensor.FromFloats(c.in[1].Float32s(), c.in[1].Shape...)
	if dIn[0] != nil {
		gatherGradient(c, dOut[0], dIn[0], base, exp, func(x, e float32) float32 {
			if e == 0 {
				return 0
			}
			return float32(float64(e) * math.Pow(float64(x), float64(e)-1))
		})
	}
	if dIn[1] != nil {
		gatherGradient(c, dOut[0], dIn[1], base, exp, func(x, e float32) float32 {
			if x == 0 && e >= 0 {
				return 0
			}
			return float32(math.Pow(float64(x), float64(e)) * math.Log(float64(x)))
		})
	}
	return nil
}
