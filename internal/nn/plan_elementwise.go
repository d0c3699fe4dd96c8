package nn

import (
	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/tensor"
)

// unary emits an activation, in the layout that its input has.
func (c *compiler) unary(n *Node, act kernel.Act) {
	work := 4
	if act.Func >= kernel.Sigmoid {
		work = 8
	}
	if c.inPixels(n.Inputs[0]) {
		src := c.pixelsOf(n.Inputs[0])
		dst := c.newPixels(n.Outputs[0])
		c.byRow(n, dst, []*planValue{src}, work, func(f *frame, pic, y int) {
			act.Apply(f.row(dst, pic, y), f.row(src, pic, y))
		})
		return
	}
	src := c.rowsOf(n.Inputs[0])
	dst := c.newRows(n.Outputs[0])
	parts := newCut(dst.size, work)
	c.emit(step{node: n, reads: []*planValue{src}, writes: []*planValue{dst}, tasks: parts.parts, task: func(f *frame, i int) {
		lo, hi := parts.at(i)
		act.Apply(f.of(dst)[lo:hi], f.of(src)[lo:hi])
	}})
}

// byRow emits a step that calls row for every row of pixels of dst; an element takes work.
func (c *compiler) byRow(n *Node, dst *planValue, reads []*planValue, work int, row func(f *frame, pic, y int)) {
	rows := newCut(dst.n*dst.h, dst.w*dst.c*work)
	c.emit(step{node: n, reads: reads, writes: []*planValue{dst}, tasks: rows.parts, task: func(f *frame, i int) {
		lo, hi := rows.at(i)
		for r := lo; r < hi; r++ {
			row(f, r/dst.h, r%dst.h)
		}
	}})
}

// row returns the pixels of one row of an NHWC value.
func (f *frame) row(v *planValue, pic, y int) []float32 {
	return f.of(v)[v.grid().At(pic, y, 0):][:v.w*v.c]
}

var binaryOps = map[string]kernel.Op{
	"Add": kernel.Add, "Sub": kernel.Sub, "Mul": kernel.Mul, "Div": kernel.Div, "Max": kernel.Max, "Min": kernel.Min,
}

// lowerBinary is an operation of two values where at least one is NHWC, or both are rows of which one may repeat:
// all of it or along its last axes.
func lowerBinary(c *compiler, n *Node) bool {
	if len(n.Inputs) != 2 {
		return false
	}
	a, b := n.Inputs[0], n.Inputs[1]
	op := binaryOps[n.Op]
	if c.isPicture(n.Outputs[0]) && (c.inPixels(a) || c.inPixels(b)) {
		va, okA := c.operand(a)
		vb, okB := c.operand(b)
		if okA && okB {
			c.binaryPixels(n, op, va, vb)
			return true
		}
	}
	out := c.infos[n.Outputs[0]].Shape
	wa, wb := period(out, c.infos[a].Shape), period(out, c.infos[b].Shape)
	size := product(out)
	if size == 0 || max(wa, wb) < size || min(wa, wb) == 0 {
		return false
	}
	c.binaryRows(n, op, min(wa, wb), wa == size, wb == size)
	return true
}

// period returns after how many elements a value of shape s that is stretched to shape out repeats: the product of its
// extents where they are the last ones of out, 1 for a single element, and 0 if it repeats in another way.
func period(out, s tensor.Shape) int {
	t := trimOnes(s)
	if len(t) > len(out) || !t.Equal(out[len(out)-len(t):]) {
		return 0
	}
	return product(t)
}

// binaryRows emits an operation of rows of width elements; an operand that is not whole is a single one.
func (c *compiler) binaryRows(n *Node, op kernel.Op, width int, wholeA, wholeB bool) {
	va, vb := c.rowsOf(n.Inputs[0]), c.rowsOf(n.Inputs[1])
	dst := c.newRows(n.Outputs[0])
	reads, writes := []*planValue{va, vb}, []*planValue{dst}
	if width == 1 || wholeA && wholeB {
		parts := newCut(dst.size, 4)
		c.emit(step{node: n, reads: reads, writes: writes, tasks: parts.parts, task: func(f *frame, i int) {
			lo, hi := parts.at(i)
			kernel.Binary(op, f.of(dst)[lo:hi], stretch(f.of(va), lo, hi), stretch(f.of(vb), lo, hi))
		}})
		return
	}
	lines := newCut(dst.size/width, 4*width)
	c.emit(step{node: n, reads: reads, writes: writes, tasks: lines.parts, task: func(f *frame, i int) {
		lo, hi := lines.at(i)
		r, x, y := kernel.Rows{N: hi - lo, Width: width, To: width}, f.of(va), f.of(vb)
		if wholeA {
			r.From, x = width, x[lo*width:]
		}
		if wholeB {
			r.From2, y = width, y[lo*width:]
		}
		kernel.BinaryRows(op, f.of(dst)[lo*width:], x, y, r)
	}})
}

// stretch returns x[lo:hi], or x where it is a single element.
func stretch(x []float32, lo, hi int) []float32 {
	if len(x) == 1 {
		return x
	}
	return x[lo:hi]
}

// operand returns a value as a picture that stretches to others: a constant of fewer axes gets more of extent 1.
func (c *compiler) operand(name string) (*planValue, bool) {
	if c.isPicture(name) {
		return c.pixelsOf(name), true
	}
	k := c.infos[name].Const
	if k == nil || k.DType != tensor.Float32 || len(k.Shape) > 3 || len(k.F) == 0 {
		return nil, false
	}
	s := tensor.Shape{1, 1, 1, 1}
	copy(s[4-len(k.Shape):], k.Shape)
	return constPixels(k.F, s, halo{}), true
}

// constPixels returns the NHWC form of a constant.
func constPixels(data []float32, s tensor.Shape, h halo) *planValue {
	v := &planValue{pixels: true, place: inConst, n: s[0], c: s[1], h: s[2], w: s[3], halo: h}
	v.size = v.n * v.grid().Image
	v.data = make([]float32, v.size)
	for n := range v.n {
		kernel.FromNCHW(v.data, data, v.grid(), n, v.c, v.h, v.w, 0, v.h, nil, nil)
	}
	return v
}

func (c *compiler) binaryPixels(n *Node, op kernel.Op, a, b *planValue) {
	dst := c.newPixels(n.Outputs[0])
	rows := kernel.Rows{N: dst.w, Width: dst.c, To: dst.c, From: a.stretchTo(dst.w), From2: b.stretchTo(dst.w)}
	c.byRow(n, dst, []*planValue{a, b}, 4, func(f *frame, pic, y int) {
		d, ra, rb := f.row(dst, pic, y), f.row(a, pic%a.n, y%a.h), f.row(b, pic%b.n, y%b.h)
		if a.c == dst.c && b.c == dst.c {
			kernel.BinaryRows(op, d, ra, rb, rows)
		} else {
			for x := range dst.w {
				kernel.Binary(op, d[x*dst.c:][:dst.c], pixel(ra, a, x), pixel(rb, b, x))
			}
		}
	})
}

// stretchTo returns the step between the pixels of a row of v that is stretched to w of them.
func (v *planValue) stretchTo(w int) int {
	if v.w < w {
		return 0
	}
	return v.c
}

// pixel returns pixel x of a row of v, its only one if it has but one.
func pixel(row []float32, v *planValue, x int) []float32 {
	return row[x%v.w*v.c:][:v.c]
}

// lowerBatchNorm is a BatchNormalization that no weights could take. Of rows that are a picture it makes NHWC on
// the way.
func lowerBatchNorm(c *compiler, n *Node) bool {
	if !c.isPicture(n.Inputs[0]) {
		return false
	}
	a, ok := batchNormAffine(c.g, n)
	if !ok {
		return false
	}
	scale, shift := round(a.scale), round(a.shift)
	if !c.inPixels(n.Inputs[0]) {
		c.toPixels(c.newPixels(n.Outputs[0]), c.rowsOf(n.Inputs[0]), scale, shift)
		return true
	}
	src := c.pixelsOf(n.Inputs[0])
	dst := c.newPixels(n.Outputs[0])
	c.byRow(n, dst, []*planValue{src}, 4, func(f *frame, pic, y int) {
		kernel.ScaleShift(f.row(dst, pic, y), f.row(src, pic, y), scale, shift)
	})
	return true
}
