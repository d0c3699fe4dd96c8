package nn

import "github.com/graft-ml/graft/internal/tensor"

// opShape is Shape: the extents of axes start to end, which is left out, of its input.
var opShape = &opDef{minIn: 1, maxIn: 1, minOut: 1, maxOut: 1, shape: shapeShape, forward: shapeForward}

func shapeShape(n *Node, in []Info) ([]Info, error) {
	d := extents(n, in[0].Shape)
	return []Info{{DType: tensor.Int64, Shape: d.Shape, Const: d}}, nil
}

// extents returns the part of shape s that n asks for.
func extents(n *Node, s tensor.Shape) *tensor.Tensor {
	place := func(i int) int {
		if i < 0 {
			i = max(i, -len(s)) + len(s)
		}
		return min(i, len(s))
	}
	start, end := place(n.Attrs.Int("start", 0)), place(n.Attrs.Int("end", len(s)))
	d := []int64{}
	for i := start; i < end; i++ {
		d = append(d, int64(s[i]))
	}
	return tensor.FromInts(d, len(d))
}

func shapeForward(c *call) error {
	copy(c.out[0].I, extents(c.node, c.in[0].Shape).I)
	return nil
}
