package nn

import "github.com/graft-ml/graft/internal/kernel"

// sameHalo gives the gradient of n's output the halo that those of its inputs need, so that it can become theirs.
func sameHalo(c *tapeCompiler, n *Node) {
	out := n.Outputs[0]
	for i, in := range n.Inputs {
		if c.want(n, i) && c.infos[in].Shape.Equal(c.infos[out].Shape) {
			c.gradHalos[out] = c.gradHalos[out].widen(c.gradHalos[in])
		}
	}
}

// tapeActBackward is the gradient of a function of one variable, in the layout that its value has.
func tapeActBackward(c *tapeCompiler, n *Node) bool {
	act, ok := activation(c.g, n)
	if !ok || !c.want(n, 0) {
		return false
	}
	name := n.Inputs[0]
	if act.GradFromOutput() {
		name = n.Outputs[0]
	}
	if v := c.pixels[name]; v != nil {
		dy, _ := c.gradPixels(n.Outputs[0])
		dx := c.over(n.Inputs[0], n.Outputs[0])
		rows := kernel.Rows{N: dx.w, Width: dx.c, To: dx.c, From: dx.c, From2: dx.c}
		c.byRow(n, dx, []*planValue{dy, v}, 8, func(f *frame, pic, y int) {
			act.GradRows(f.row(dx, pic, y), f.row(dy, pic, y), f.row(v, pic, y), rows)
		})
		c.pass(n.Inputs[0], dx)
		return true
	}
	v := c.rowsOf(name)
	dy, _ := c.gradRows(n.Outputs[0])
	dx := c.overRows(n.Inputs[0], n.Outputs[0])
	parts := newCut(dx.size, 8)
	c.emit(step{node: n, reads: []*planValue{dy, v}, writes: []*planValue{dx}, tasks: parts.parts, task: func(f *frame, i int) {
		lo, hi := parts.at(i)
		act.GradRows(f.of(dx)[lo:hi], f.of(dy)[lo:hi], f.of(v)[lo:hi], kernel.Rows{N: 1, Width: hi - lo})
	}})
	c.pass(n.Inputs[0], dx)
	return true
}

// overRows is over for rows.
func (c *tapeCompiler) overRows(name, from string) *planValue {
	dy, own := c.grad(from)
	dx := c.rowValue(name)
	if own && c.grads[name] == nil && !dy.pixels {
		dx.share(dy)
	}
	return dx
}

// tapeAddBackward hands the gradient of a sum of like shapes, or of rows and a bias, on as it is.
func tapeAddBackward(c *tapeCompiler, n *Node) bool {
	if i := c.biasAdded(n); i >= 0 && !c.inPixels(n.Outputs[0]) {
		c.biasBackward(n, i)
		return true
	}
	out := c.infos[n.Outputs[0]].Shape
	for i, in := range n.Inputs {
		if c.want(n, i) && !c.infos[in].Shape.Equal(out) {
			return false
		}
	}
	dy, _ := c.grad(n.Outputs[0])
	for i, in := range n.Inputs {
		if c.want(n, i) {
			c.pass(in, dy)
		}
	}
	return true
}

// tapeReshapeBackward gives the gradient another shape, without a copy.
func tapeReshapeBackward(c *tapeCompiler, n *Node) bool {
	if !c.want(n, 0) {
		return false
	}
	dy, _ := c.gradRows(n.Outputs[0])
	c.pass(n.Inputs[0], c.rowValue(n.Inputs[0]).share(dy))
	return true
}

// tapeConcatBackward takes the gradient of joined channels apart.
func tapeConcatBackward(c *tapeCompiler, n *Node) bool {
	axis := n.Attrs.Int("axis", 0)
	if !c.inPixels(n.Outputs[0]) || axis != 1 && axis != -3 {
		return false
	}
	dy, _ := c.gradPixels(n.Outputs[0])
	at := 0
	for i, in := range n.Inputs {
		channels := c.infos[in].Shape[1]
		if c.want(n, i) {
			dx := c.pixelValue(in, c.gradHalos[in])
			c.copyPixels(n, dx, dy, dx.grid(), dy.grid().Shift(at), dx)
			c.pass(in, dx)
		}
		at += channels
	}
	return true
}
