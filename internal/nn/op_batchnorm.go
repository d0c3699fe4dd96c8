package nn

import (
	"math"

	"github.com/graft-ml/graft/internal/tensor"
)

// opBatchNorm is BatchNormalization with the statistics of the file: X [N,C,…], scale, B, mean and var [C].
var opBatchNorm = &opDef{minIn: 5, maxIn: 5, minOut: 1, maxOut: 1, shape: batchNormShape, forward: batchNormForward}

func batchNormShape(n *Node, in []Info) ([]Info, error) {
	if n.Attrs.Int("training_mode", 0) != 0 {
		return nil, n.errorf("training_mode is not supported: a graph is for inference")
	}
	x := in[0].Shape
	if len(x) < 2 {
		return nil, n.errorf("input %v, want [N C …]", x)
	}
	for i, v := range in[1:] {
		if !v.Shape.Equal(tensor.Shape{x[1]}) {
			return nil, n.errorf("input %d is %v, want [%d]", i+1, v.Shape, x[1])
		}
	}
	return likeFloats(n, in)
}

func batchNormForward(c *call) error {
	x, scale, shift, mean, variance := c.in[0], c.in[1].F, c.in[2].F, c.in[3].F, c.in[4].F
	C, plane := x.Shape[1], product(x.Shape[2:])
	eps := float64(c.node.Attrs.Float("epsilon", 1e-5))
	c.parallel(x.Shape[0]*C, func(i int) {
		ch := i % C
		a := float64(scale[ch]) / math.Sqrt(float64(variance[ch])+eps)
		m, b := float64(mean[ch]), float64(shift[ch])
		dst := c.out[0].F[i*plane:][:plane]
		for j, v := range x.F[i*plane:][:plane] {
			dst[j] = float32((float64(v)-m)*a + b)
		}
	})
	return nil
}
