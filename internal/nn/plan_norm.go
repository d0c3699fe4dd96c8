package nn

import "github.com/graft-ml/graft/internal/kernel"

// opChannelNorm is LayerNormalization over the channels of a picture [N,C,H,W], which graphs write as one over the
// last axis between two Transposes. Only a Plan understands it.
const opChannelNorm = "graft.ChannelNorm"

// fuseChannelNorms finds layer normalisations between two Transposes.
func fuseChannelNorms(g *Graph) {
	l := newLinks(g)
	dead := map[*Node]bool{}
	for _, t := range g.Nodes {
		if !isTranspose(t, channelsFirst) {
			continue
		}
		n := l.only(t.Inputs[0], "LayerNormalization")
		if n == nil || !g.overLastAxis(n) || !isTranspose(l.maker[n.Inputs[0]], channelsLast) {
			continue
		}
		before := l.maker[n.Inputs[0]]
		t.Op, t.Inputs, t.Attrs = opChannelNorm, append(before.Inputs[:1:1], n.Inputs[1:]...), n.Attrs
		dead[n] = true
		if l.uses[before.Outputs[0]] == 1 {
			dead[before] = true
		}
	}
	g.drop(dead)
}

// overLastAxis reports whether n, a LayerNormalization, is over the last of several axes, with constant parameters.
func (g *Graph) overLastAxis(n *Node) bool {
	k := g.constant(n.Inputs[1])
	if k == nil || n.Attrs.Int("axis", -1) != -1 || len(n.Outputs) != 1 || len(k.Shape) == 0 || k.Shape[len(k.Shape)-1] != len(k.F) {
		return false
	}
	name := n.inputName(2)
	return name == "" || g.constant(name) != nil
}

// normParameters returns the scale, shift and epsilon of a normalisation.
func (c *compiler) normParameters(n *Node) (scale, shift []float32, eps float32) {
	scale, shift = c.floats(n.Inputs[1]), c.floats(n.inputName(2))
	if shift == nil {
		shift = make([]float32, len(scale))
	}
	return scale, shift, n.Attrs.Float("epsilon", 1e-5)
}

// lowerChannelNorm is opChannelNorm on NHWC, whose channels are rows.
func lowerChannelNorm(c *compiler, n *Node) bool {
	src := c.pixelsOf(n.Inputs[0])
	dst := c.newPixels(n.Outputs[0])
	scale, shift, eps := c.normParameters(n)
	rows := kernel.Rows{N: dst.w, Width: dst.c, To: dst.c, From: src.c}
	c.byRow(n, dst, []*planValue{src}, 8, func(f *frame, pic, y int) {
		kernel.LayerNorm(f.row(dst, pic, y), f.row(src, pic, y), scale, shift, eps, rows)
	})
	return true
}

// lowerLayerNorm is a LayerNormalization over the last axis of rows.
func lowerLayerNorm(c *compiler, n *Node) bool {
	s := c.infos[n.Inputs[0]].Shape
	if !c.g.overLastAxis(n) || product(s) == 0 || c.infos[n.Inputs[0]].Const != nil {
		return false
	}
	scale, shift, eps := c.normParameters(n)
	c.byLine(n, s[len(s)-1], 8, func(dst, src []float32, r kernel.Rows) {
		kernel.LayerNorm(dst, src, scale, shift, eps, r)
	})
	return true
}

// lowerSoftmax is a Softmax along an axis behind which there are no others.
func lowerSoftmax(c *compiler, n *Node) bool {
	s := c.infos[n.Inputs[0]].Shape
	axis := n.Attrs.Int("axis", -1)
	if axis < 0 {
		axis += len(s)
	}
	if axis < 0 || axis >= len(s) || product(s) == 0 || product(s[axis+1:]) != 1 {
		return false
	}
	c.byLine(n, s[axis], 8, kernel.Softmax)
	return true
}

// byLine emits a step that calls f for lines of width elements of row-major values; an element takes work.
func (c *compiler) byLine(n *Node, width, work int, f func(dst, src []float32, r kernel.Rows)) {
	src := c.rowsOf(n.Inputs[0])
	dst := c.newRows(n.Outputs[0])
	lines := newCut(dst.size/width, width*work)
	c.emit(step{node: n, reads: []*planValue{src}, writes: []*planValue{dst}, tasks: lines.parts, task: func(fr *frame, i int) {
		lo, hi := lines.at(i)
		f(fr.of(dst)[lo*width:], fr.of(src)[lo*width:], kernel.Rows{N: hi - lo, Width: width, To: width, From: width})
	}})
}
