package nn

import "github.com/graft-ml/graft/internal/tensor"

// opPRelu is PRelu: x, or slope·x where x is negative. The slope broadcasts to X.
var opPRelu = &opDef{
	minIn: 2, maxIn: 2, minOut: 1, maxOut: 1,
	shape: pReluShape, forward: pReluForward, backward: pReluBackward,
}

func pReluShape(n *Node, in []Info) ([]Info, error) {
	s, err := broadcastInfos(n, in)
	if err != nil {
		return nil, err
	}
	if !s.Equal(in[0].Shape) {
		return nil, n.errorf("slope %v does not broadcast to %v", in[1].Shape, in[0].Shape)
	}
	return likeFloats(n, in)
}

func pReluForward(c *call) error {
	x, slope := c.in[0], c.in[1]
	broadcast2(x.Shape, c.out[0].F, x.F, x.Shape, slope.F, slope.Shape, func(v, s float32) float32 {
		if v < 0 {
			return s * v
		}
		return v
	})
	return nil
}

// pReluBackward: at 0 the derivative by x is the slope, as LeakyRelu has it.
func pReluBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	x, slope := c.in[0], c.in[1]
	if dIn[0] != nil {
		gatherGradient(c, dOut[0], dIn[0], x, slope, func(v, s float32) float32 {
			if v > 0 {
				return 1
			}
			return s
		})
	}
	if dIn[1] != nil {
		gatherGradient(c, dOut[0], dIn[1], x, slope, func(v, _ float32) float32 { return min(v, 0) })
	}
	return nil
}
