package nn

import "github.com/graft-ml/graft/internal/tensor"

// opFlatten makes a matrix of x: the axes before the attribute axis (default 1, may be negative) become
// the rows, the others the columns.
var opFlatten = &opDef{
	minIn: 1, maxIn: 1, minOut: 1, maxOut: 1,
	shape: func(n *Node, in []Info) ([]Info, error) {
		s := in[0].Shape
		axis := n.Attrs.Int("axis", 1)
		if axis < -len(s) || axis > len(s) {
			return nil, n.errorf("axis %d of a shape %v", axis, s)
		}
		if axis < 0 {
			axis += len(s)
		}
		return []Info{{DType: in[0].DType, Shape: tensor.Shape{product(s[:axis]), product(s[axis:])}}}, nil
	},
	forward: func(c *call) error {
		copyElems(c.out[0], c.in[0])
		return nil
	},
	backward: passGradient,
}
