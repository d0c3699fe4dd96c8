package nn

import "github.com/graft-ml/graft/internal/tensor"

// opExpand broadcasts its first input to the shape that is its second, in both directions.
var opExpand = &opDef{
	minIn: 2, maxIn: 2, minOut: 1, maxOut: 1,
	shape: expandShape, forward: expandForward, backward: expandBackward,
}

func expandShape(n *Node, in []Info) ([]Info, error) {
	if err := wantPlain(n, in[0]); err != nil {
		return nil, err
	}
	shape, _, err := constInts(n, in, 1)
	if err != nil {
		return nil, err
	}
	if _, err := tensor.Shape(shape).Elems(); err != nil {
		return nil, n.errorf("%w", err)
	}
	out, err := broadcastShapes(in[0].Shape, shape)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	return []Info{{DType: in[0].DType, Shape: out}}, nil
}

func expandForward(c *call) error {
	x, y := c.in[0], c.out[0]
	move(y.Shape, y, rowMajor(y.Shape), x, broadcastTo(x.Shape, y.Shape))
	return nil
}

func expandBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	if dIn[0] != nil {
		c.unstretch(dIn[0], dOut[0], nil)
	}
	return nil
}
