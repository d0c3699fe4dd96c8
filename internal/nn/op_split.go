package nn

// opSplit cuts a value along axis into parts: of the sizes of the input split, or else into equal ones.
var opSplit = &opDef{minIn: 1, maxIn: 2, minOut: 1, maxOut: -1, shape: splitShape, forward: splitForward}

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
	x := c.in[0]
	axis, err := axisOf(c.node, c.node.Attrs.Int("axis", 0), len(x.Shape))
	if err != nil {
		return err
	}
	src := rowMajor(x.Shape)
	sizes := c.ints(1)
	if sizes == nil {
		sizes = equalParts(x.Shape[axis], len(c.out))
	}
	for i, y := range c.out {
		if y != nil {
			move(y.Shape, y, rowMajor(y.Shape), x, src)
		}
		src.off += sizes[i] * src.steps[axis]
	}
	return nil
}
