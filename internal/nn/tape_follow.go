package nn

import "github.com/graft-ml/graft/internal/kernel"

// follower is what is done to some rows of a picture as soon as they are computed, by the task that computes them and
// while they are in its cache: the sums of a normalisation. It says how the rows are cut.
type follower struct {
	cut   *kernel.BatchNorm
	reads []*planValue
	sums  *planValue
	run   func(f *frame, part int)
}

// follow makes the tasks of s parts of rows, each of which run computes, and then what follows.
func (s *step) follow(t *follower, run func(f *frame, r0, r1 int)) {
	s.reads, s.writes = append(s.reads, t.reads...), append(s.writes, t.sums)
	s.tasks = t.cut.Parts()
	s.task = func(f *frame, i int) {
		r0, r1 := t.cut.PartRows(i)
		run(f, r0, r1)
		t.run(f, i)
	}
}

// followWeights is the most packed weights of a convolution that is cut as a follower says. Each of its tasks reads all
// of them: so they stay in the second-level cache beside a part.
const followWeights = 1 << 16

// convFollowed makes s the tasks of a convolution: as conv does or, where a follower is not nil, as that says.
func (c *tapeCompiler) convFollowed(s *step, n *Node, k *kernel.Conv, v convValues, t *follower) {
	switch {
	case v.norm != nil:
		c.convNormalizing(s, n, k, v, t)
		return
	case t == nil:
		c.conv(s, n, k, v.src, v.dst, v.res)
		return
	}
	packed := c.packedConv(n, k)
	s.follow(t, func(f *frame, r0, r1 int) {
		k.Run(f.of(v.dst), f.of(v.src), f.orNil(v.res), packed, r0*k.OutW, r1*k.OutW, 0, k.Blocks())
	})
}

// depthwiseFollowed is convFollowed for a depthwise convolution.
func (c *tapeCompiler) depthwiseFollowed(s *step, n *Node, k *kernel.Conv, v convValues, t *follower) {
	switch {
	case v.norm != nil:
		c.depthwiseNormalizing(s, n, k, v, t)
		return
	case t == nil:
		c.depthwise(s, n, k, v.src, v.dst, v.res)
		return
	}
	d, packed := depthwiseOf(k), c.plan.packed[n]
	s.follow(t, func(f *frame, r0, r1 int) { d.Run(f.of(v.dst), f.of(v.src), f.orNil(v.res), packed, r0, r1) })
}

// convValues are the values that a convolution works on; res may be nil. norm is what is done to src as it is read.
type convValues struct {
	src, dst, res *planValue
	norm          *kernel.InputNorm
}

// momentsOf returns the sums for the statistics of dst, which convolution n makes with so many packed weights; nil if no
// normalisation asks for them.
func (c *tapeCompiler) momentsOf(n *Node, dst *planValue, weights int) *follower {
	g := c.normOf[n.Outputs[0]]
	if g == nil || c.again || !g.norm.batch || weights > followWeights {
		return nil
	}
	k := g.kernel(dst)
	t := &follower{cut: k, sums: &planValue{size: k.PartialLen(), first: -1}}
	t.run = func(f *frame, part int) { k.Moments(f.of(t.sums), f.of(dst), part) }
	c.moments[g] = t.sums
	return t
}

// clipSumsOf returns the sums for the gradients of the normalisation that makes a value for a single reader, a
// convolution with so many packed weights, which computes the gradient dy by it; nil if there is none that clips. Where
// parts of a graph are computed again, what it reads is not there yet.
func (c *tapeCompiler) clipSumsOf(name string, dy *planValue, weights int) *follower {
	g := c.clipOf[name]
	if g == nil || c.segmented || !g.clipsAlone() || weights > followWeights {
		return nil
	}
	t := c.clipSums(g, dy)
	c.clipped[g] = t
	return t
}

// clipSums returns the sums for the gradients of a group that clipsAlone as what follows its gradient dy.
func (c *tapeCompiler) clipSums(g *normGroup, dy *planValue) *follower {
	x, b, beta := c.pixelsOf(g.node.Inputs[0]), g.norm, c.data(g.node.Inputs[2])
	k := g.kernel(x)
	k.DY, k.Act, k.PartHeight = dy.grid(), g.act, c.partHeight(g, x)
	t := &follower{cut: k, reads: []*planValue{x}, sums: &planValue{size: k.PartialLen(), first: -1}}
	t.run = func(f *frame, part int) {
		k.ClipGradSums(f.of(t.sums), f.of(dy), f.of(x), b.center, b.scale, beta, part)
	}
	return t
}

// clipsAlone reports whether g clips what its normalisation makes by the statistics of the batch: what is clipped
// is then told by the input.
func (g *normGroup) clipsAlone() bool {
	return g.norm.batch && g.act.Func != kernel.Identity && g.res == ""
}

// kernel returns the normalisation of x.
func (g *normGroup) kernel(x *planValue) *kernel.BatchNorm {
	return &kernel.BatchNorm{C: x.c, N: x.n, H: x.h, W: x.w, X: x.grid(), Eps: g.node.Attrs.Float("epsilon", 1e-5)}
}

// leader computes some rows of the gradient dx by the input of a normalisation, k's DX placing them in dst.
type leader struct {
	reads []*planValue
	dx    *planValue
	k     kernel.BatchNorm
	run   func(f *frame, k kernel.BatchNorm, dst []float32, r0, r1 int)
}

// inPlace computes rows of dx where they belong.
func (t *leader) inPlace(f *frame, r0, r1 int) { t.run(f, t.k, f.of(t.dx), r0, r1) }

// dense computes rows of dx to dst, one pixel behind another.
func (t *leader) dense(f *frame, dst []float32, r0, r1 int) {
	k := t.k
	k.DX = kernel.Grid{Image: k.H * k.W * k.C, Row: k.W * k.C, Pixel: k.C}
	k.DX.Start = -k.DX.At(r0/k.H, r0%k.H, 0)
	t.run(f, k, dst, r0, r1)
}

// lead has the step for the weights of a depthwise or 1×1 convolution compute the gradient by its output as it goes,
// where that is the input of group g and has no other maker or reader; else it emits a step for it.
func (c *tapeCompiler) lead(g *normGroup, t *leader) {
	if n := g.maker; n != nil && !c.segmented && c.want(n, 1) {
		if v := c.convAt(n); v != nil && (v.low || v.depthwise() || c.joinsGrads(v, t.dx)) {
			c.leaders[n] = t
			return
		}
	}
	rows := newCut(t.dx.n*t.dx.h, 4*t.dx.w*t.dx.c)
	c.emit(step{node: g.node, reads: t.reads, writes: []*planValue{t.dx}, tasks: rows.parts, task: func(f *frame, i int) {
		r0, r1 := rows.at(i)
		t.inPlace(f, r0, r1)
	}})
}
