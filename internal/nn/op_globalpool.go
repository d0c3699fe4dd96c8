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
	}, func(dx, _ []float32, dy float32) {
		for i := range dx {
			dx[i] += float32(float64(dy) / float64(len(dx)))
		}
	})
	opGlobalMaxPool = globalPool(func(x []float32) float32 {
		y := float32(math.Inf(-1))
		for _, v := range x {
			y = max(y, v)
		}
		return y
	}, func(dx, x []float32, dy float32) {
		at := 0 // the first maximum
		for i, v := range x {
			if v > x[at] {
				at = i
			}
		}
		if len(dx) > 0 {
			dx[at] += dy
		}
	})
)

// globalPool makes an operator of reduce, which computes an output from a channel, and spread, which adds an
// output's gradient dy to that of the channel x.
func globalPool(reduce func(x []float32) float32, spread func(dx, x []float32, dy float32)) *opDef {
	return &opDef{minIn: 1, maxIn: 1, minOut: 1, maxOut: 1, shape: globalPoolShape,
		forward: func(c *call) error {
			eachChannel(c, func(i, lo, hi int) { c.out[0].F[i] = reduce(c.in[0].F[lo:hi]) })
			return nil
		},
		backward: func(c *call, dOut, dIn []*tensor.Tensor) error {
			if dIn[0] != nil {
				eachChannel(c, func(i, lo, hi int) { spread(dIn[0].F[lo:hi], c.in[0].F[lo:hi], dOut[0].F[i]) })
			}
			return nil
		}}
}

// eachChannel calls f in parallel for each channel i of each picture, which is the elements [lo,hi) of X.
func eachChannel(c *call, f func(i, lo, hi int)) {
	s := c.in[0].Shape
	plane := product(s[2:])
	c.parallel(s[0]*s[1], func(i int) { f(i, i*plane, (i+1)*plane) })
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
