package nn

import "github.com/graft-ml/graft/internal/tensor"

// arithmetic is an operator of two numbers. On integers it wraps around as the type does.
type arithmetic struct {
	float  func(a, b float32) float32
	int    func(a, b int64) int64
	da, db func(a, b float32) float32 // the derivatives by a and by b
}

var (
	opAdd = arithmetic{
		float: func(a, b float32) float32 { return a + b },
		int:   func(a, b int64) int64 { return a + b },
		da:    func(_, _ float32) float32 { return 1 },
		db:    func(_, _ float32) float32 { return 1 },
	}.def()

	opSub = arithmetic{
		float: func(a, b float32) float32 { return a - b },
		int:   func(a, b int64) int64 { return a - b },
		da:    func(_, _ float32) float32 { return 1 },
		db:    func(_, _ float32) float32 { return -1 },
	}.def()

	opMul = arithmetic{
		float: func(a, b float32) float32 { return a * b },
		int:   func(a, b int64) int64 { return a * b },
		da:    func(_, b float32) float32 { return b },
		db:    func(a, _ float32) float32 { return a },
	}.def()

	// opDiv truncates on integers. A division of an integer by zero is an error.
	opDiv = checkDivisor(arithmetic{
		float: func(a, b float32) float32 { return a / b },
		int:   func(a, b int64) int64 { return a / b },
		da:    func(_, b float32) float32 { return 1 / b },
		db:    func(a, b float32) float32 { return -a / (b * b) },
	}.def())
)

// def returns the operator that applies o element by element, its inputs stretched to each other by the rule
// of numpy.
func (o arithmetic) def() *opDef {
	return &opDef{
		minIn: 2, maxIn: 2, minOut: 1, maxOut: 1,
		shape: func(n *Node, in []Info) ([]Info, error) {
			if err := wantNumbers(n, in); err != nil {
				return nil, err
			}
			s, err := broadcastInfos(n, in)
			return []Info{{DType: in[0].DType, Shape: s}}, err
		},
		forward:  o.forward,
		backward: o.backward,
	}
}

func (o arithmetic) forward(c *call) error {
	a, b, y := c.in[0], c.in[1], c.out[0]
	if y.DType != tensor.Float32 {
		broadcast2(y.Shape, y.I, a.I, a.Shape, b.I, b.Shape, o.int)
		wrapInts(y)
		return nil
	}
	if !a.Shape.Equal(b.Shape) {
		broadcast2(y.Shape, y.F, a.F, a.Shape, b.F, b.Shape, o.float)
		return nil
	}
	c.chunked(len(y.F), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			y.F[i] = o.float(a.F[i], b.F[i])
		}
	})
	return nil
}

// wrapInts brings results computed in 64 bits to the range of t's type.
func wrapInts(t *tensor.Tensor) {
	for i, v := range t.I {
		switch t.DType {
		case tensor.Int32:
			t.I[i] = int64(int32(v))
		case tensor.Uint8:
			t.I[i] = int64(uint8(v))
		}
	}
}

func (o arithmetic) backward(c *call, dOut, dIn []*tensor.Tensor) error {
	a, b := c.in[0], c.in[1]
	if dIn[0] != nil {
		gatherGradient(c, dOut[0], dIn[0], a, b, o.da)
	}
	if dIn[1] != nil {
		gatherGradient(c, dOut[0], dIn[1], a, b, o.db)
	}
	return nil
}

// gatherGradient adds to dX the terms dY·slope(a, b), summed over the axes along which dX, a and b stretch to
// the shape of dY. Each sum runs in the order of the elements of dY, in float64.
func gatherGradient(c *call, dY, dX, a, b *tensor.Tensor, slope func(a, b float32) float32) {
	shape := dY.Shape
	views := []view{broadcastTo(dX.Shape, shape), rowMajor(shape), broadcastTo(a.Shape, shape), broadcastTo(b.Shape, shape)}
	dx, dy, da, db := lastStep(views[0]), lastStep(views[1]), lastStep(views[2]), lastStep(views[3])
	if len(dX.F) == len(dY.F) {
		c.alongKept(shape, views, func(_, n int, at []int) {
			ix, iy, ia, ib := at[0], at[1], at[2], at[3]
			for range n {
				dX.F[ix] += dY.F[iy] * slope(a.F[ia], b.F[ib])
				ix, iy, ia, ib = ix+dx, iy+dy, ia+da, ib+db
			}
		})
		return
	}
	sums := make([]float64, len(dX.F))
	c.alongKept(shape, views, func(_, n int, at []int) {
		ix, iy, ia, ib := at[0], at[1], at[2], at[3]
		for range n {
			sums[ix] += float64(dY.F[iy]) * float64(slope(a.F[ia], b.F[ib]))
			ix, iy, ia, ib = ix+dx, iy+dy, ia+da, ib+db
		}
	})
	for i, s := range sums {
		dX.F[i] += float32(s)
	}
}

// alongKept is eachRow over parts of shape, in parallel, cut along the first axis in which views[0] does not
// repeat: two parts never meet in one of its elements.
func (c *call) alongKept(shape tensor.Shape, views []view, f func(out, n int, at []int)) {
	axis := 0
	for axis < len(shape) && views[0].steps[axis] == 0 {
		axis++
	}
	if axis == len(shape) {
		eachRow(shape, views, f)
		return
	}
	const partElems = 1 << 14
	rows := shape[axis]
	per := max(1, partElems*rows/max(1, product(shape)))
	c.parallel((rows+per-1)/per, func(t int) {
		part, moved := shape.Clone(), make([]view, len(views))
		part[axis] = min(per, rows-t*per)
		for i, v := range views {
			moved[i] = view{off: v.off + t*per*v.steps[axis], steps: v.steps}
		}
		eachRow(part, moved, f)
	})
}

// checkDivisor makes d refuse to divide integers by zero.
func checkDivisor(d *opDef) *opDef {
	divide := d.forward
	d.forward = func(c *call) error {
		for _, v := range c.in[1].I {
			if v == 0 && len(c.out[0].I) > 0 {
				return c.node.errorf("integer division by zero")
			}
		}
		return divide(c)
	}
	return d
}
