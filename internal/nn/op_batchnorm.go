package nn

import (
	"math"

	"github.com/graft-ml/graft/internal/tensor"
)

// opBatchNorm is BatchNormalization with the statistics of the file: X [N,C,…], scale, B, mean and var [C].
var opBatchNorm = &opDef{
	minIn: 5, maxIn: 5, minOut: 1, maxOut: 1,
	shape: batchNormShape, forward: batchNormForward, backward: batchNormBackward,
}

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

// batchNormBackward takes the statistics for constants: with a = scale/√(var+ε), dX = a·dY, dScale =
// Σ dY·(X−mean)/√(var+ε), dB = Σ dY, and mean and var have no gradient.
func batchNormBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	x, scale, mean, variance, dy := c.in[0], c.in[1].F, c.in[3].F, c.in[4].F, dOut[0].F
	N, C, plane := x.Shape[0], x.Shape[1], product(x.Shape[2:])
	eps := float64(c.node.Attrs.Float("epsilon", 1e-5))
	c.parallel(C, func(ch int) {
		m, inv := float64(mean[ch]), 1/math.Sqrt(float64(variance[ch])+eps)
		var dScale, dShift float64
		for n := range N {
			at := (n*C + ch) * plane
			for j := at; j < at+plane; j++ {
				g := float64(dy[j])
				dScale += g * (float64(x.F[j]) - m) * inv
				dShift += g
				if dIn[0] != nil {
					dIn[0].F[j] += float32(g * float64(scale[ch]) * inv)
				}
			}
		}
		if dIn[1] != nil {
			dIn[1].F[ch] += float32(dScale)
		}
		if dIn[2] != nil {
			dIn[2].F[ch] += float32(dShift)
		}
	})
	return nil
}
