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
