package nn

import (
	"math"

	"github.com/graft-ml/graft/internal/tensor"
)

// opRange counts from start to limit, which is left out, by delta: three scalars of one type.
var opRange = &opDef{minIn: 3, maxIn: 3, minOut: 1, maxOut: 1, shape: rangeShape, forward: rangeForward}

func rangeShape(n *Node, in []Info) ([]Info, error) {
	if err := wantNumbers(n, in); err != nil {
		return nil, err
	}
	var v [3]float64
	for i, x := range in {
		if k, _ := x.Shape.Elems(); k != 1 || x.Const == nil {
			return nil, n.errorf("input %d, want a scalar that is known before a run", i)
		}
		if x.DType == tensor.Float32 {
			v[i] = float64(x.Const.F[0])
		} else {
			v[i] = float64(x.Const.I[0])
		}
	}
	count := math.Ceil((v[1] - v[0]) / v[2])
	if !(count <= maxElems) { // NaN too
		return nil, n.errorf("from %v to %v by %v is not a count of elements", v[0], v[1], v[2])
	}
	return []Info{{DType: in[0].DType, Shape: tensor.Shape{int(max(0, count))}}}, nil
}

func rangeForward(c *call) error {
	y := c.out[0]
	for i := range y.F {
		y.F[i] = c.in[0].F[0] + float32(i)*c.in[2].F[0]
	}
	for i := range y.I {
		y.I[i] = c.in[0].I[0] + int64(i)*c.in[2].I[0]
	}
	return nil
}
