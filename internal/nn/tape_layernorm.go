package nn

import (
	"slices"

	"github.com/graft-ml/graft/internal/kernel"
)

// linesOf returns the length of the lines that n, a LayerNormalization, normalises, 0 where kernels do not: it is over
// the last axis, and its parameters are known before a run.
func (c *tapeCompiler) linesOf(n *Node) int {
	s := c.infos[n.Inputs[0]].Shape
	if len(n.Outputs) != 1 || n.Attrs.Int("axis", -1) != -1 || product(s) == 0 || c.infos[n.Inputs[0]].Const != nil {
		return 0
	}
	width := s[len(s)-1]
	if len(c.data(n.Inputs[1])) != width || n.inputName(2) != "" && len(c.data(n.Inputs[2])) != width {
		return 0
	}
	return width
}

func tapeLayerNormForward(c *tapeCompiler, n *Node) bool {
	width := c.linesOf(n)
	if width == 0 {
		return false
	}
	scale, shift := c.data(n.Inputs[1]), c.data(n.inputName(2))
	if shift == nil {
		shift = make([]float32, width)
	}
	eps := n.Attrs.Float("epsilon", 1e-5)
	c.byLine(n, width, 8, func(dst, src []float32, r kernel.Rows) { kernel.LayerNorm(dst, src, scale, shift, eps, r) })
	return true
}

// tapeLayerNormBackward sums up the gradients by the parameters in parts, which the geometry tells.
func tapeLayerNormBackward(c *tapeCompiler, n *Node) bool {
	width := c.linesOf(n)
	if width == 0 {
		return false
	}
	dy, _ := c.gradRows(n.Outputs[0])
	x := c.rowsOf(n.Inputs[0])
	dx := c.rowValue(n.Inputs[0])
	scale, eps := c.data(n.Inputs[1]), n.Attrs.Float("epsilon", 1e-5)
	lines := newCut(x.size/width, 8*width)
	sums := &planValue{size: lines.parts * 2 * width, first: -1}
	c.emit(step{node: n, reads: []*planValue{x, dy}, writes: []*planValue{dx, sums}, tasks: lines.parts, task: func(f *frame, i int) {
		lo, hi := lines.at(i)
		part := f.of(sums)[i*2*width:][:2*width]
		clear(part)
		r := kernel.Rows{N: hi - lo, Width: width, To: width, From: width, From2: width}
		kernel.LayerNormGrad(f.of(dx)[lo*width:], part[:width], part[width:], f.of(x)[lo*width:], f.of(dy)[lo*width:], scale, eps, r)
	}})
	c.joinParts(n, sums, lines.parts, width, c.gradOfParam(n, 1), c.gradOfParam(n, 2))
	if c.want(n, 0) {
		c.pass(n.Inputs[0], dx)
	}
	return true
}

// joinParts emits the sum of parts, of which each has width elements for each of the gradients of parameters.
func (c *tapeCompiler) joinParts(n *Node, sums *planValue, parts, width int, grads ...paramGrad) {
	c.emit(step{node: n, reads: []*planValue{sums}, tasks: 1, task: func(f *frame, _ int) {
		all := f.of(sums)
		for k, g := range grads {
			if g.data == nil {
				continue
			}
			if !g.added && !c.t.add {
				clear(g.data)
			}
			kernel.ColumnSums(g.data, all[k*width:], kernel.Rows{N: parts, Width: width, From: len(grads) * width})
		}
	}})
}

// tapeTransposeBackward is that of a Transpose between [N,C,H,W] and [N,H,W,C], which for NHWC is none.
func tapeTransposeBackward(c *tapeCompiler, n *Node) bool {
	if !c.isPicture(n.Inputs[0]) || !c.want(n, 0) {
		return false
	}
	in := n.Inputs[0]
	switch perm := n.Attrs.Ints("perm"); {
	case slices.Equal(perm, []int{0, 2, 3, 1}):
		dy, _ := c.gradRows(n.Outputs[0])
		c.pass(in, c.pixelValue(in, halo{}).share(dy))
		return true
	case slices.Equal(perm, []int{0, 3, 1, 2}):
		dy, _ := c.gradPixels(n.Outputs[0])
		if !dy.dense() {
			v := c.pixelValue(n.Outputs[0], halo{})
			c.copyPixels(n, v, dy, v.grid(), dy.grid(), v)
			dy = v
		}
		c.pass(in, c.rowValue(in).share(dy))
		return true
	}
	return false
}

// biasAdded returns the input of n, an Add, that is a parameter added to each row of the other, -1 if there is none.
func (c *tapeCompiler) biasAdded(n *Node) int {
	out := c.infos[n.Outputs[0]].Shape
	for i, in := range n.Inputs {
		p := c.infos[in].Shape
		if c.t.params[in] != nil && c.infos[n.Inputs[1-i]].Shape.Equal(out) && period(out, p) == product(p) && product(p) < product(out) {
			return i
		}
	}
	return -1
}

// biasBackward emits the gradient by a parameter that is added to each row: sums of columns in parts.
func (c *tapeCompiler) biasBackward(n *Node, i int) {
	dy, _ := c.gradRows(n.Outputs[0])
	width := product(c.infos[n.Inputs[i]].Shape)
	lines := newCut(dy.size/width, 4*width)
	sums := &planValue{size: lines.parts * width, first: -1}
	c.emit(step{node: n, reads: []*planValue{dy}, writes: []*planValue{sums}, tasks: lines.parts, task: func(f *frame, k int) {
		lo, hi := lines.at(k)
		part := f.of(sums)[k*width:][:width]
		clear(part)
		kernel.ColumnSums(part, f.of(dy)[lo*width:], kernel.Rows{N: hi - lo, Width: width, From: width})
	}})
	c.joinParts(n, sums, lines.parts, width, c.gradOfParam(n, i))
	if c.want(n, 1-i) {
		c.pass(n.Inputs[1-i], dy)
	}
}
