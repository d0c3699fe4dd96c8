package nn

import "github.com/graft-ml/graft/internal/kernel"

// tapeMulBackward is the gradient of a product of two values of one shape, or of a picture and a gate for each of its
// channels.
func tapeMulBackward(c *tapeCompiler, n *Node) bool {
	a, b := n.Inputs[0], n.Inputs[1]
	out := n.Outputs[0]
	same := func(name string) bool { return c.infos[name].Shape.Equal(c.infos[out].Shape) }
	switch {
	case a == b:
		return false
	case same(a) && same(b):
		for i, in := range n.Inputs {
			if c.want(n, i) {
				c.timesOther(n, in, n.Inputs[1-i])
			}
		}
		return true
	case same(a) && c.gates(b, out):
		c.gateBackward(n, 0, 1)
		return true
	case same(b) && c.gates(a, out):
		c.gateBackward(n, 1, 0)
		return true
	}
	return false
}

// gates reports whether name has one element for each channel of each picture of out, which is NHWC.
func (c *tapeCompiler) gates(name, out string) bool {
	s, o := c.infos[name].Shape, c.infos[out].Shape
	return c.inPixels(out) && c.isPicture(name) && s[0] == o[0] && s[1] == o[1] && s[2]*s[3] == 1
}

// timesOther emits the gradient by the input in of a product of like shapes: that of the output times the other input.
func (c *tapeCompiler) timesOther(n *Node, in, other string) {
	out := n.Outputs[0]
	if !c.inPixels(out) {
		dy, _ := c.gradRows(out)
		dx, v := c.rowValue(in), c.rowsOf(other)
		parts := newCut(dx.size, 4)
		c.emit(step{node: n, reads: []*planValue{dy, v}, writes: []*planValue{dx}, tasks: parts.parts, task: func(f *frame, i int) {
			lo, hi := parts.at(i)
			kernel.Binary(kernel.Mul, f.of(dx)[lo:hi], f.of(dy)[lo:hi], f.of(v)[lo:hi])
		}})
		c.pass(in, dx)
		return
	}
	dy, _ := c.gradPixels(out)
	dx, v := c.pixelValue(in, c.gradHalos[in]), c.pixelsOf(other)
	c.byRow(n, dx, []*planValue{dy, v}, 4, func(f *frame, pic, y int) {
		kernel.Binary(kernel.Mul, f.row(dx, pic, y), f.row(dy, pic, y), f.row(v, pic, y))
	})
	c.pass(in, dx)
}

// gateBackward emits the gradients of a picture times a gate, which are inputs x and s of n.
func (c *tapeCompiler) gateBackward(n *Node, x, s int) {
	picture, gate := n.Inputs[x], n.Inputs[s]
	dy, _ := c.gradPixels(n.Outputs[0])
	src, g := c.pixelsOf(picture), c.rowsOf(gate)
	if c.want(n, s) {
		ds, zeros := c.rowValue(gate), make([]float32, src.c)
		rows := kernel.Rows{N: dy.w, Width: dy.c, From: dy.c, From2: dy.c}
		c.emit(step{node: n, reads: []*planValue{dy, src}, writes: []*planValue{ds}, tasks: dy.n, task: func(f *frame, pic int) {
			sum := f.of(ds)[pic*dy.c:][:dy.c]
			clear(sum)
			for y := range dy.h {
				kernel.ColumnDots(sum, f.row(dy, pic, y), f.row(src, pic, y), zeros, rows)
			}
		}})
		c.pass(gate, ds)
	}
	if c.want(n, x) {
		dx := c.over(picture, n.Outputs[0])
		rows := kernel.Rows{N: dx.w, Width: dx.c, To: dx.c, From: dx.c}
		c.byRow(n, dx, []*planValue{dy, g}, 4, func(f *frame, pic, y int) {
			kernel.BinaryRows(kernel.Mul, f.row(dx, pic, y), f.row(dy, pic, y), f.of(g)[pic*dx.c:], rows)
		})
		c.pass(picture, dx)
	}
}
