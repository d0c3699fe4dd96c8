package nn

import "github.com/graft-ml/graft/internal/kernel"

// normGroup is a BatchNormalization of a picture with the sum and the clip that follow it, computed together:
// act(norm(x) + residual).
type normGroup struct {
	norm *tapeNorm
	node *Node // the normalisation
	last *Node // what makes the output
	res  string
	act  kernel.Act
	conv *Node // into which the normalisation is folded; nil: none

	maker  *Node // the convolution that makes the input for this group alone, from weights of its own; nil: none
	reader *Node // the convolution that alone reads the output, with weights of its own; nil: none
}

// findGroups finds them. A group stands where its last node does, when a residual is ready.
func (c *tapeCompiler) findGroups() {
	l := newLinks(c.g)
	readers := map[string]*Node{}
	for _, n := range c.g.Nodes {
		for _, in := range n.Inputs {
			readers[in] = n
		}
	}
	only := func(name string) *Node {
		if l.uses[name] != 1 {
			return nil
		}
		return readers[name]
	}
	for _, n := range c.g.Nodes {
		if !c.fastNorm(n) || l.uses[n.Inputs[1]] > 1 || l.uses[n.Inputs[2]] > 1 {
			continue // parameters of several nodes have gradients of several
		}
		g := &normGroup{norm: c.t.norms[n], node: n, last: n}
		next := only(n.Outputs[0])
		if res := c.residualOf(next, n.Outputs[0]); res != "" && !c.inner[next] && c.groups[next] == nil {
			g.res, g.last, next = res, next, only(next.Outputs[0])
		}
		if next != nil {
			if act, ok := activation(c.g, next); ok && next.Inputs[0] == g.last.Outputs[0] && (act.Func == kernel.Relu || act.Func == kernel.Clip) {
				g.act, g.last = act, next
			}
		}
		c.groups[g.last] = g
		if conv := l.only(n.Inputs[0], "Conv"); conv != nil && l.owns(conv) {
			g.maker = conv
		}
		if c.normOf[n.Inputs[0]] == nil {
			c.normOf[n.Inputs[0]] = g
		}
		if out := g.last.Outputs[0]; l.uses[out] == 1 {
			c.clipOf[out] = g
			if r := readers[out]; r != nil && r.Op == "Conv" && r.Inputs[0] == out && l.owns(r) {
				g.reader = r
			}
		}
		if conv := c.foldable(g, l); conv != nil {
			g.conv, c.inner[conv] = conv, true
			c.convAt(conv).fold = &foldedNorm{gamma: c.data(n.Inputs[1]), beta: c.data(n.Inputs[2]), mean: g.norm.mean, variance: g.norm.variance,
				eps: float64(n.Attrs.Float("epsilon", 1e-5)), node: n}
		}
		for m := n; m != g.last; m = readers[m.Outputs[0]] {
			c.inner[m] = true
		}
	}
}

// fastNorm reports whether n is a normalisation that kernels compute.
func (c *tapeCompiler) fastNorm(n *Node) bool {
	b := c.t.norms[n]
	return b != nil && b.mean != nil && b.variance != nil && c.isPicture(n.Inputs[0]) && c.data(n.Inputs[1]) != nil && c.data(n.Inputs[2]) != nil
}

// residualOf returns what n, the only reader of name, adds to it, "" if that is no picture of the same shape.
func (c *tapeCompiler) residualOf(n *Node, name string) string {
	if n == nil || n.Op != "Add" || n.Inputs[0] == n.Inputs[1] {
		return ""
	}
	other := n.Inputs[0]
	if other == name {
		other = n.Inputs[1]
	}
	if !c.isPicture(other) || !c.infos[other].Shape.Equal(c.infos[name].Shape) || c.infos[other].Const != nil || c.t.params[other] != nil {
		return ""
	}
	return other
}

// normForward emits the statistics of the batch, if they are what is used, and the normalisation.
func (c *tapeCompiler) normForward(g *normGroup) {
	if g.conv != nil {
		c.foldedForward(g)
		return
	}
	n, b := g.node, g.norm
	x := c.pixelsOf(n.Inputs[0])
	if c.defers(g) {
		c.normStatistics(g, g.kernel(x), x, c.data(n.Inputs[1]))
		c.deferred[g.last.Outputs[0]] = g
		return
	}
	reads := []*planValue{x}
	var res *planValue
	if g.res != "" {
		res = c.pixelsOf(g.res)
		reads = append(reads, res)
	}
	y := c.newPixels(g.last.Outputs[0])
	k := g.kernel(x)
	k.Y, k.Act = y.grid(), g.act
	if res != nil {
		k.Res = res.grid()
	}
	gamma, beta := c.data(n.Inputs[1]), c.data(n.Inputs[2])
	switch {
	case c.again:
	case !b.batch:
		c.prepare = append(c.prepare, preparation{k.C, func() { k.Scale(b.scale, gamma, b.spread, 0, k.C) }})
	default:
		c.normStatistics(g, k, x, gamma)
	}
	rows := newCut(y.n*y.h, 4*y.w*y.c)
	c.emit(step{node: g.last, reads: reads, writes: []*planValue{y}, tasks: rows.parts, task: func(f *frame, i int) {
		r0, r1 := rows.at(i)
		k.Normalize(f.of(y), f.of(x), f.orNil(res), b.center, b.scale, beta, r0, r1)
	}})
}

// normStatistics emits the mean and variance of the batch.
func (c *tapeCompiler) normStatistics(g *normGroup, k *kernel.BatchNorm, x *planValue, gamma []float32) {
	b, pixels := g.norm, k.N*k.H*k.W
	sums := c.moments[g]
	if sums == nil {
		sums = &planValue{size: k.PartialLen(), first: -1}
		c.emit(step{node: g.node, reads: []*planValue{x}, writes: []*planValue{sums}, tasks: k.Parts(), task: func(f *frame, i int) {
			k.Moments(f.of(sums), f.of(x), i)
		}})
	}
	channels := normChannels(k)
	c.emit(step{node: g.node, reads: []*planValue{sums}, tasks: channels.parts, task: func(f *frame, i int) {
		c0, c1 := channels.at(i)
		k.Statistics(b.center, b.spread, f.of(sums), c0, c1)
		k.Scale(b.scale, gamma, b.spread, c0, c1)
		for ch := c0; ch < c1; ch++ {
			b.follow(ch, float64(b.center[ch]), float64(b.spread[ch]), pixels)
		}
	}})
}

// normBackward emits the gradients of a group: the clip's and the sums for the parameters in one pass, the gradient by
// the input in another.
func (c *tapeCompiler) normBackward(g *normGroup) {
	if g.conv != nil {
		c.foldedBackward(g)
		return
	}
	n, b, out := g.node, g.norm, g.last.Outputs[0]
	dy := c.clippedGrad(g)
	x := c.pixelsOf(n.Inputs[0])
	k := g.kernel(x)
	k.DY = dy.grid()
	coef := kernel.BatchNormGrad{Shift: make([]float32, k.C), Scale: make([]float32, k.C), Slope: make([]float32, k.C)}
	reads := []*planValue{x, dy}
	if g.clipsAlone() {
		c.clipGradSums(g, coef, dy)
	} else if c.want(n, 1) || c.want(n, 2) || b.batch && c.want(n, 0) {
		var y *planValue
		if g.act.Func != kernel.Identity {
			y = c.pixelsOf(out)
			k.Act, k.Y = g.act, y.grid()
			reads = append(reads, y)
		}
		at, sums := *k, &planValue{size: k.PartialLen(), first: -1}
		c.emit(step{node: g.last, reads: reads, writes: []*planValue{dy, sums}, tasks: k.Parts(), task: func(f *frame, i int) {
			at.GradSums(f.of(sums), f.of(dy), f.of(x), f.orNil(y), b.center, i)
		}})
		c.normGradParams(g, k, coef, sums)
	} else if g.act.Func != kernel.Identity {
		y := c.pixelsOf(out)
		rows := kernel.Rows{N: dy.w, Width: dy.c, To: dy.c, From: dy.c, From2: dy.c}
		c.byRow(g.last, dy, []*planValue{dy, y}, 4, func(f *frame, pic, r int) {
			g.act.GradRows(f.row(dy, pic, r), f.row(dy, pic, r), f.row(y, pic, r), rows)
		})
	}
	if g.res != "" && c.t.wants[g.res] {
		c.pass(g.res, dy)
	}
	if !c.want(n, 0) {
		return
	}
	dx := c.over(n.Inputs[0], out)
	k.DX = dx.grid()
	if b.batch {
		c.lead(g, &leader{reads: []*planValue{x, dy}, dx: dx, k: *k, run: func(f *frame, k kernel.BatchNorm, dst []float32, r0, r1 int) {
			k.GradInput(dst, f.of(dy), f.of(x), b.center, coef, r0, r1)
		}})
	} else {
		rows := kernel.Rows{N: dx.w, Width: dx.c, To: dx.c, From: dx.c}
		c.byRow(n, dx, []*planValue{dy}, 4, func(f *frame, pic, r int) {
			kernel.BinaryRows(kernel.Mul, f.row(dx, pic, r), f.row(dy, pic, r), b.scale, rows)
		})
	}
	c.pass(n.Inputs[0], dx)
}

// clippedGrad returns the gradient by the output of a group in memory that may be overwritten where the group clips.
func (c *tapeCompiler) clippedGrad(g *normGroup) *planValue {
	name := g.last.Outputs[0]
	dy, own := c.gradPixels(name)
	if own || g.act.Func == kernel.Identity {
		return dy
	}
	v := c.pixelValue(name, dy.halo)
	c.copyPixels(nil, v, dy, v.grid(), dy.grid(), v)
	c.setGrad(name, v)
	return v
}

// clipGradSums emits the clip's mask and the gradients by scale and shift, of a group that clipsAlone.
func (c *tapeCompiler) clipGradSums(g *normGroup, coef kernel.BatchNormGrad, dy *planValue) {
	t := c.clipped[g]
	if t == nil {
		t = c.clipSums(g, dy)
		s := step{node: g.last, reads: []*planValue{dy}, writes: []*planValue{dy}}
		s.follow(t, func(*frame, int, int) {})
		c.emit(s)
	}
	c.normGradParams(g, t.cut, coef, t.sums)
}

// normGradParams emits what makes the gradients by scale and shift of sums, and what that by the input is made of.
func (c *tapeCompiler) normGradParams(g *normGroup, k *kernel.BatchNorm, coef kernel.BatchNormGrad, sums *planValue) {
	n, b, at := g.node, g.norm, *k
	gamma := c.data(n.Inputs[1])
	dgamma, dbeta := c.gradOfParam(n, 1), c.gradOfParam(n, 2)
	channels := normChannels(k)
	c.emit(step{node: n, reads: []*planValue{sums}, tasks: channels.parts, task: func(f *frame, i int) {
		c0, c1 := channels.at(i)
		at.GradParams(coef, dgamma.data, dbeta.data, f.of(sums), gamma, b.spread, !b.batch, c.t.add, c0, c1)
	}})
}

// normChannels cuts the channels of a normalisation for the work of joining its parts.
func normChannels(k *kernel.BatchNorm) cut { return cutInto(k.C, max(32, (k.C+7)/8)) }

// over returns where the gradient by a value may be computed from that by another of the same shape, which is not
// needed any more: in its memory if nothing else is there and nobody shares it. Pass must follow.
func (c *tapeCompiler) over(name, from string) *planValue {
	dy, own := c.grad(from)
	h := c.gradHalos[name]
	if own && c.grads[name] == nil && dy.pixels && dy.halo.covers(h) {
		return c.pixelValue(name, dy.halo).share(dy)
	}
	return c.pixelValue(name, h)
}
