package nn

import "github.com/graft-ml/graft/internal/tensor"

// The comparisons and logical operators that shape arithmetic in exported models uses, all with broadcasting.
var (
	opEqual   = comparison(func(a, b float32) bool { return a == b }, func(a, b int64) bool { return a == b })
	opLess    = comparison(func(a, b float32) bool { return a < b }, func(a, b int64) bool { return a < b })
	opGreater = comparison(func(a, b float32) bool { return a > b }, func(a, b int64) bool { return a > b })

	opAnd = &opDef{minIn: 2, maxIn: 2, minOut: 1, maxOut: 1, shape: logicShape, forward: func(c *call) error {
		a, b, y := c.in[0], c.in[1], c.out[0]
		broadcast2(y.Shape, y.I, a.I, a.Shape, b.I, b.Shape, func(p, q int64) int64 { return truth(p != 0 && q != 0) })
		return nil
	}}
	opNot = &opDef{minIn: 1, maxIn: 1, minOut: 1, maxOut: 1, shape: logicShape, forward: func(c *call) error {
		for i, p := range c.in[0].I {
			c.out[0].I[i] = truth(p == 0)
		}
		return nil
	}}

	// opWhere takes each element from its second input where its first is true, else from its third.
	opWhere = &opDef{
		minIn: 3, maxIn: 3, minOut: 1, maxOut: 1,
		shape: whereShape, forward: whereForward, backward: whereBackward,
	}
)

func comparison(ff func(a, b float32) bool, fi func(a, b int64) bool) *opDef {
	return &opDef{minIn: 2, maxIn: 2, minOut: 1, maxOut: 1, shape: comparisonShape, forward: func(c *call) error {
		a, b, y := c.in[0], c.in[1], c.out[0]
		if a.DType == tensor.Float32 {
			broadcast2(y.Shape, y.I, a.F, a.Shape, b.F, b.Shape, func(p, q float32) int64 { return truth(ff(p, q)) })
		} else {
			broadcast2(y.Shape, y.I, a.I, a.Shape, b.I, b.Shape, func(p, q int64) int64 { return truth(fi(p, q)) })
		}
		return nil
	}}
}

func comparisonShape(n *Node, in []Info) ([]Info, error) {
	if err := wantPlain(n, in[0]); err != nil {
		return nil, err
	}
	if in[1].DType != in[0].DType {
		return nil, n.errorf("%v with %v", in[0].DType, in[1].DType)
	}
	s, err := broadcastInfos(n, in)
	return []Info{{DType: tensor.Bool, Shape: s}}, err
}

func logicShape(n *Node, in []Info) ([]Info, error) {
	for i, v := range in {
		if v.DType != tensor.Bool {
			return nil, n.errorf("input %d is %v, want bool", i, v.DType)
		}
	}
	s, err := broadcastInfos(n, in)
	return []Info{{DType: tensor.Bool, Shape: s}}, err
}

func whereShape(n *Node, in []Info) ([]Info, error) {
	if err := wantPlain(n, in[1]); err != nil {
		return nil, err
	}
	if in[0].DType != tensor.Bool || in[1].DType != in[2].DType {
		return nil, n.errorf("%v, %v, %v, want bool and two of one type", in[0].DType, in[1].DType, in[2].DType)
	}
	s, err := broadcastInfos(n, in)
	return []Info{{DType: in[1].DType, Shape: s}}, err
}

func whereForward(c *call) error {
	if c.out[0].DType == tensor.Float32 {
		where(c, floatsOf)
	} else {
		where(c, intsOf)
	}
	return nil
}

func where[T any](c *call, elems func(*tensor.Tensor) []T) {
	y := c.out[0]
	var views []view
	for _, x := range c.in {
		views = append(views, broadcastTo(x.Shape, y.Shape))
	}
	dst, cond, a, b := elems(y), c.in[0].I, elems(c.in[1]), elems(c.in[2])
	eachRow(y.Shape, views, func(out, n int, at []int) {
		for i := range n {
			if cond[at[0]+i*lastStep(views[0])] != 0 {
				dst[out+i] = a[at[1]+i*lastStep(views[1])]
			} else {
				dst[out+i] = b[at[2]+i*lastStep(views[2])]
			}
		}
	})
}

// whereBackward gives the gradient of each element to the input that it was taken from.
func whereBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	cond, shape := c.in[0], dOut[0].Shape
	taken := &tensor.Tensor{DType: tensor.Bool, Shape: shape, I: make([]int64, len(dOut[0].F))}
	move(shape, taken, rowMajor(shape), cond, broadcastTo(cond.Shape, shape))
	if dIn[1] != nil {
		c.unstretch(dIn[1], dOut[0], func(i int) bool { return taken.I[i] != 0 })
	}
	if dIn[2] != nil {
		c.unstretch(dIn[2], dOut[0], func(i int) bool { return taken.I[i] == 0 })
	}
	return nil
}
