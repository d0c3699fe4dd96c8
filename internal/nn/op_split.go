package nn

import "github.com/graft-ml/graft/internal/tensor"

// opSplit cuts a value along axis into parts: of the sizes of the input split, or else into equal ones.
var opSplit = &opDef{
	minIn: 1, maxIn: 2, minOut: 1, maxOut: -1,
	shape: splitShape, forward: splitForward, backward: splitBackward,
}

func splitShape(n *Node, in []Info) ([]Info, error) {
	if err := wantPlain(n, in[0]); err != nil {
		return nil, err
	}
	x := in[0].Shape
	axis, err := axisOf(n, n.Attrs.Int("axis", 0), len(x))
	if err != nil {
		return nil, err
	}
	sizes, given, err := constInts(n, in, 1)
	if err != nil {
		return nil, err
	}
	if !given {
		sizes = equalParts(x[axis], len(n.Outputs))
	}
	if len(sizes) != len(n.Outputs) {
		return nil, n.errorf("split %v for %d outputs", sizes, len(n.Outputs))
	}
	left, out := x[axis], make([]Info, len(sizes))
	for i, size := range sizes {
		if size < 0 || size > left {
			return nil, n.errorf("split %v of axis %d of %v", sizes, axis, x)
		}
		left -= size
		out[i] = Info{DType: in[0].DType, Shape: x.Clone()}
		out[i].Shape[axis] = size
	}
	if left != 0 {
		return nil, n.errorf("split %v of axis %d of %v", sizes, axis, x)
	}
	return out, nil
}

// equalParts cuts d into k parts. If d does not divide, its parts do not add up to it.
func equalParts(d, k int) []int {
	sizes := make([]int, k)
	for i := range sizes {
		sizes[i] = d / k
	}
	return sizes
}

func splitForward(c *call) error {
	return eachSplit(c, func(i int, src view) {
		if y := c.out[i]; y != nil {
			move(y.Shape, y, rowMajor(y.Shape), c.in[0], src)
		}
	})
}

// eachSplit calls f for each output with the way to walk its elements in the input.
func eachSplit(c *call, f func(i int, src view)) error {
	x := c.in[0].Shape
	axis, err := axisOf(c.node, c.node.Attrs.Int("axis", 0), len(x))
	if err != nil {
		return err
	}
	src := rowMajor(x)
	sizes := c.ints(1)
	if sizes == nil {
		sizes = equalParts(x[axis], len(c.out))
	}
	for i := range c.out {
		f(i, src)
		src.off += sizes[i] * src.steps[axis]
	}
	return nil
}

func splitBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	if dIn[0] == nil {
		return nil
	}
	return eachSplit(c, func(i int, src view) {
		if dy := dOut[i]; dy != nil {
			c.addThrough(dy.Shape, dIn[0].F, src, dy.F, rowMajor(dy.Shape))
		}
	})
}
