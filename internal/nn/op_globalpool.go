package nn

import (
	"math"

	"github.com/graft-ml/graft/internal/tensor"
)

// opGlobalAveragePool and opGlobalMaxPool reduce each channel of X [N,C,…] to one element, [N,C,1,…].
var (
	opGlobalAveragePool = globalPool(func(x []float32) float32 {
		mean, _ := moments(x)
		return float32(mean)
	})
	opGlobalMaxPool = globalPool(func(x []float32) float32 {
		y := float32(math.Inf(-1))
		for _, v := range x {
			y = max(y, v)
		}
		return y
	})
)

func globalPool(reduce func([]float32) float32) *opDef {
	return &opDef{minIn: 1, maxIn: 1, minOut: 1, maxOut: 1, shape: globalPoolShape,
		forward: func(c *call) error {
			x := c.in[0]
			plane := product(x.Shape[2:])
			c.parallel(x.Shape[0]*x.Shape[1], func(i int) { c.out[0].F[i] = reduce(x.F[i*plane:][:plane]) })
			return nil
		}}
}

func globalPoolShape(n *Node, in []Info) ([]Info, error) {
	if err := wantFloats(n, in); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(x) < 2 {
		return nil, n.errorf("input %v, want [N C …]", x)
	}
	out := x.Clone()
	for i := 2; i < len(out); i++ {
		out[i] = 1
	}
	return []Info{{DType: tensor.Float32, Shape: out}}, nil
}
