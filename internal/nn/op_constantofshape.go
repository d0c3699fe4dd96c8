package nn

import "github.com/graft-ml/graft/internal/tensor"

// opConstantOfShape makes a value of the shape that is its input, filled with the attribute value, a float32 0 if
// there is none.
var opConstantOfShape = &opDef{
	minIn: 1, maxIn: 1, minOut: 1, maxOut: 1,
	shape: constantOfShapeShape, forward: constantOfShapeForward,
}

func constantOfShapeShape(n *Node, in []Info) ([]Info, error) {
	shape, _, err := constInts(n, in, 0)
	if err != nil {
		return nil, err
	}
	v := fillValue(n)
	if err := wantPlain(n, Info{DType: v.DType}); err != nil {
		return nil, err
	}
	if v.Elems() != 1 || !knownType(v.DType) {
		return nil, n.errorf("value is %v with %d elements, want 1", v.DType, v.Elems())
	}
	return []Info{{DType: v.DType, Shape: shape}}, nil
}

func fillValue(n *Node) *tensor.Tensor {
	if v, ok := n.Attrs["value"].(*tensor.Tensor); ok && v != nil {
		return v
	}
	return tensor.New(tensor.Float32, 1)
}

func constantOfShapeForward(c *call) error {
	y, v := c.out[0], fillValue(c.node)
	for i := range y.F {
		y.F[i] = v.F[0]
	}
	for i := range y.I {
		y.I[i] = v.I[0]
	}
	return nil
}
