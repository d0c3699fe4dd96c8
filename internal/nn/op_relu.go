package nn

import "github.com/graft-ml/graft/internal/tensor"

// opRelu is y = max(x, 0). Its derivative at 0 is taken as 0.
var opRelu = &opDef{
	minIn: 1, maxIn: 1, minOut: 1, maxOut: 1,
	shape: likeFloats,
	forward: func(c *call) error {
		x, y := c.in[0].F, c.out[0].F
		c.chunked(len(y), func(lo, hi int) {
			for i, v := range x[lo:hi] {
				y[lo+i] = max(v, 0)
			}
		})
		return nil
	},
	backward: func(c *call, dOut, dIn []*tensor.Tensor) error {
		if dIn[0] == nil {
			return nil
		}
		x, dy, dx := c.in[0].F, dOut[0].F, dIn[0].F
		c.chunked(len(dx), func(lo, hi int) {
			for i, v := range x[lo:hi] {
				if v > 0 {
					dx[lo+i] += dy[lo+i]
				}
			}
		})
		return nil
	},
}
