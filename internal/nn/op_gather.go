package nn

import (
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// opGather picks from axis of data the elements that indices, of any shape, names. Negative ones count from the end.
var opGather = &opDef{
	minIn: 2, maxIn: 2, minOut: 1, maxOut: 1,
	shape: gatherShape, forward: gatherForward, backward: gatherBackward,
}

func gatherShape(n *Node, in []Info) ([]Info, error) {
	if err := wantPlain(n, in[0]); err != nil {
		return nil, err
	}
	if t := in[1].DType; t != tensor.Int64 && t != tensor.Int32 {
		return nil, n.errorf("indices are %v, want int64", t)
	}
	x := in[0].Shape
	axis, err := axisOf(n, n.Attrs.Int("axis", 0), len(x))
	if err != nil {
		return nil, err
	}
	return []Info{{DType: in[0].DType, Shape: slices.Concat(x[:axis], in[1].Shape, x[axis+1:])}}, nil
}

func gatherForward(c *call) error {
	x, idx, y := c.in[0], c.in[1].I, c.out[0]
	axis, err := axisOf(c.node, c.node.Attrs.Int("axis", 0), len(x.Shape))
	if err != nil {
		return err
	}
	d := x.Shape[axis]
	for _, k := range idx {
		if k < int64(-d) || k >= int64(d) {
			return c.node.errorf("index %d on an axis of %d elements", k, d)
		}
	}
	outer, inner := product(x.Shape[:axis]), product(x.Shape[axis+1:])
	for o := range outer {
		for i, k := range idx {
			if k < 0 {
				k += int64(d)
			}
			to, from := (o*len(idx)+i)*inner, (o*d+int(k))*inner
			if x.DType == tensor.Float32 {
				copy(y.F[to:to+inner], x.F[from:])
			} else {
				copy(y.I[to:to+inner], x.I[from:])
			}
		}
	}
	return nil
}

// gatherBackward adds up the gradients of all that was picked from an element, in the order of the indices.
func gatherBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	x, idx := c.in[0].Shape, c.in[1].I
	axis, err := axisOf(c.node, c.node.Attrs.Int("axis", 0), len(x))
	if err != nil || dIn[0] == nil {
		return err
	}
	d, inner := x[axis], product(x[axis+1:])
	c.parallel(product(x[:axis]), func(o int) {
		sums := make([]float64, d*inner)
		for i, k := range idx {
			if k < 0 {
				k += int64(d)
			}
			to := sums[int(k)*inner:][:inner]
			for j, v := range dOut[0].F[(o*len(idx)+i)*inner:][:inner] {
				to[j] += float64(v)
			}
		}
		addSums(dIn[0].F[o*d*inner:][:d*inner], sums)
	})
	return nil
}
