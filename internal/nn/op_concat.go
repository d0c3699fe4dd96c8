package nn

import "github.com/graft-ml/graft/internal/tensor"

// opConcat joins values of one type along axis.
var opConcat = &opDef{
	minIn: 1, maxIn: -1, minOut: 1, maxOut: 1,
	shape: concatShape, forward: concatForward, backward: concatBackward,
}

func concatShape(n *Node, in []Info) ([]Info, error) {
	if err := wantPlain(n, in[0]); err != nil {
		return nil, err
	}
	out := in[0].Shape.Clone()
	axis, err := axisOf(n, n.Attrs.Int("axis", 0), len(out))
	if err != nil {
		return nil, err
	}
	for i, v := range in[1:] {
		like := v.Shape.Clone()
		if len(like) == len(out) {
			like[axis] = out[axis]
		}
		if v.DType != in[0].DType || !like.Equal(out) {
			return nil, n.errorf("input %d is %v %v, want %v %v but for axis %d", i+1, v.DType, v.Shape, in[0].DType, in[0].Shape, axis)
		}
		out[axis] += v.Shape[axis]
	}
	return []Info{{DType: in[0].DType, Shape: out}}, nil
}

func concatForward(c *call) error {
	y := c.out[0]
	axis, err := axisOf(c.node, c.node.Attrs.Int("axis", 0), len(y.Shape))
	if err != nil {
		return err
	}
	dst := rowMajor(y.Shape)
	for _, x := range c.in {
		move(x.Shape, y, dst, x, rowMajor(x.Shape))
		dst.off += x.Shape[axis] * dst.steps[axis]
	}
	return nil
}

func concatBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	dy := dOut[0]
	axis, err := axisOf(c.node, c.node.Attrs.Int("axis", 0), len(dy.Shape))
	if err != nil {
		return err
	}
	src := rowMajor(dy.Shape)
	for i, x := range c.in {
		if dx := dIn[i]; dx != nil {
			c.addThrough(x.Shape, dx.F, rowMajor(x.Shape), dy.F, src)
		}
		src.off += x.Shape[axis] * src.steps[axis]
	}
	return nil
}
