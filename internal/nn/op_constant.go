package nn

import "github.com/graft-ml/graft/internal/tensor"

// opConstant is Constant, in its forms value, value_float, value_floats, value_int and value_ints.
var opConstant = &opDef{minIn: 0, maxIn: 0, minOut: 1, maxOut: 1, shape: constantShape, forward: constantForward}

func constantShape(n *Node, _ []Info) ([]Info, error) {
	t := constantValue(n)
	if t == nil {
		return nil, n.errorf("no value, or one of a kind that is not supported")
	}
	if k, err := t.Shape.Elems(); err != nil || k != t.Elems() || !knownType(t.DType) {
		return nil, n.errorf("%v %v over %d elements", t.DType, t.Shape, t.Elems())
	}
	return []Info{{DType: t.DType, Shape: t.Shape, Const: t}}, nil
}

func constantValue(n *Node) *tensor.Tensor {
	if t, ok := n.Attrs["value"].(*tensor.Tensor); ok {
		return t
	}
	if v, ok := n.Attrs["value_float"].(float32); ok {
		return tensor.FromFloats([]float32{v})
	}
	if v, ok := n.Attrs["value_floats"].([]float32); ok {
		return tensor.FromFloats(v, len(v))
	}
	if v, ok := n.Attrs["value_int"].(int64); ok {
		return tensor.FromInts([]int64{v})
	}
	if v, ok := n.Attrs["value_ints"].([]int64); ok {
		return tensor.FromInts(v, len(v))
	}
	return nil
}

func constantForward(c *call) error {
	copyElems(c.out[0], constantValue(c.node))
	return nil
}

// opConstantOfShape makes a value of the shape that is its input, filled with the attribute value, a float32 0 if
// there is none.
var opConstantOfShape = &opDef{minIn: 1, maxIn: 1, minOut: 1, maxOut: 1, shape: constantOfShapeShape, forward: constantOfShapeForward}

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

// opExpand broadcasts its first input to the shape that is its second, in both directions.
var opExpand = &opDef{minIn: 2, maxIn: 2, minOut: 1, maxOut: 1, shape: expandShape, forward: expandForward}

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
