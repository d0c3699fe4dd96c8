package nn

import "github.com/graft-ml/graft/internal/kernel"

// joinedMost is the number of elements of a gradient that are made together at most: they stay in the second-level cache.
const joinedMost = 80 << 10

// pointwise returns the gradient by the weights of n, a 1×1 convolution of small enough pictures and weights for both
// gradients to be computed in one step; nil for another.
func (v *tapeConv) pointwise(batch int) *kernel.ConvGradWeight {
	if v.low || !v.small1x1() {
		return nil
	}
	w := &kernel.ConvGradWeight{Conv: v.conv}
	w.N = batch
	if !w.WholeRows() || w.MadeLen() > joinedMost {
		return nil
	}
	return w
}

// joinsGrads reports whether both gradients of n are computed in one step, from a gradient dy by its output that is made
// as they read it: if it has enough tasks.
func (c *tapeCompiler) joinsGrads(v *tapeConv, dy *planValue) bool {
	w := v.pointwise(dy.n)
	return w != nil && w.Parts() >= 2*c.plan.pool.Threads()
}

// partHeight returns the rows of the parts in which the gradients of g are summed, 0 for any: those that the convolution
// that reads what g makes computes together, whether it does so or not.
func (c *tapeCompiler) partHeight(g *normGroup, x *planValue) int {
	if g.reader == nil {
		return 0
	}
	v := c.convAt(g.reader)
	switch {
	case v == nil:
	case v.depthwise():
		w := kernel.DepthwiseGradWeight{Depthwise: v.depth()}
		return min(w.UnitRows()*w.StrideH, x.h)
	default:
		if w := v.pointwise(x.n); w != nil {
			return w.MadeRows()
		}
	}
	return 0
}

// joinedGrads emits the gradients of n by weights, to the given place, and input in one step, which makes that by its
// output as t has it.
func (c *tapeCompiler) joinedGrads(n *Node, v *tapeConv, t *leader, to gradTarget, bias bool) {
	src, norm := c.sourceOf(n.Inputs[0])
	k := v.pointwise(src.n)
	k.Bias, k.Norm, k.Src = bias, norm, v.source(src)
	sums := &planValue{size: k.PartialLen(), first: -1}
	s := step{node: n, reads: append([]*planValue{src}, t.reads...), writes: []*planValue{sums}, tasks: k.Parts()}
	done := func(*frame, []float32, int, int, int) {}
	if c.want(n, 0) {
		done = c.joinedInput(n, v, &s)
	}
	size := k.ScratchLen()
	buf := c.newScratch(&s, size+k.MadeLen())
	s.task = func(f *frame, i int) {
		slot, data := buf.take(f)
		k.RunReady(f.of(sums), f.of(src), data[:size], data[size:], i,
			func(dy []float32, r0, r1 int) { t.dense(f, dy, r0, r1) },
			func(dy []float32, box, r0, r1 int) { done(f, dy, box, r0, r1) })
		buf.give(slot)
	}
	c.emit(s)
	c.reduceSums(n, sums, to, k.Blocks(), k.Reduce)
}

// joinedInput has s compute the gradient by the input of n, some rows at a time, from those of the gradient by its
// output, one pixel behind another; the sums of a normalisation that made the input follow.
func (c *tapeCompiler) joinedInput(n *Node, v *tapeConv, s *step) func(f *frame, dy []float32, box, r0, r1 int) {
	g := c.inputGradOf(n)
	k := v.conv
	k.N = g.dy.n
	all := k.GradInput(g.picture(v.win), g.dy.grid())
	packed := c.packedBy(packKey{n, packBackward}, c.trains(n, v), all.PackedLen(), c.withWeights(n, v, func(p, w, _ []float32) { all.Pack(p, w) }))
	p := &all.Phases[0]
	if g.sum != nil {
		p.Res = resultGrid(p.Dst, g.dx.grid(), g.sum.grid())
		s.reads = append(s.reads, g.sum)
	}
	s.reads, s.writes = append(s.reads, g.dx), append(s.writes, g.dx)
	follow := func(*frame, int) {}
	if t := c.clipSumsOf(n.Inputs[0], g.dx, all.PackedLen()); t != nil {
		s.reads, s.writes, follow = append(s.reads, t.reads...), append(s.writes, t.sums), t.run
	}
	return func(f *frame, dy []float32, box, r0, r1 int) {
		for r := r0; r < r1; {
			pic, y := r/p.OutH, r%p.OutH
			rows := min(r1-r, p.OutH-y)
			part := *p
			part.N, part.OutH = 1, rows
			part.Src = kernel.Grid{Start: (r - r0) * p.OutW * p.InC, Image: rows * p.OutW * p.InC, Row: p.OutW * p.InC, Pixel: p.InC}
			part.Dst.Start = p.Dst.At(pic, y, 0)
			if g.sum != nil {
				part.Res.Start = p.Res.At(pic, y, 0)
			}
			part.Run(f.of(g.dx), dy, f.orNil(g.sum), p.Packed(packed), 0, rows*p.OutW, 0, p.Blocks())
			r += rows
		}
		follow(f, box)
	}
}

// joinsDepthwise is joinsGrads for a depthwise convolution.
func (c *tapeCompiler) joinsDepthwise(n *Node, v *tapeConv) bool {
	if !c.want(n, 0) || c.grads[n.Inputs[0]] != nil {
		return false
	}
	return c.depthwiseGrad(n, v).Joins()
}

// depthwiseGrad returns both gradients of a depthwise convolution.
func (c *tapeCompiler) depthwiseGrad(n *Node, v *tapeConv) *kernel.DepthwiseGrad {
	src, norm := c.sourceOf(n.Inputs[0])
	k := &kernel.DepthwiseGrad{Weight: kernel.DepthwiseGradWeight{Depthwise: v.depth()}}
	w := &k.Weight
	w.N, w.Src = src.n, v.source(src)
	if norm != nil {
		w.Input = v.normalized(w.Depthwise, src, norm)
	}
	k.In = w.GradInput(kernel.Picture{H: src.h, W: src.w, Top: v.win[0].padBegin, Left: v.win[1].padBegin}, kernel.Grid{})
	return k
}

// joinedDepthwise is joinedGrads for a depthwise convolution.
func (c *tapeCompiler) joinedDepthwise(n *Node, v *tapeConv, t *leader, to gradTarget) {
	src, _ := c.sourceOf(n.Inputs[0])
	k := c.depthwiseGrad(n, v)
	w := &k.Weight
	g := c.inputGradOf(n)
	k.In = w.GradInput(g.picture(v.win), kernel.Grid{})
	packed := c.packedBy(packKey{n, packBackward}, c.trains(n, v), k.In.PackedLen(), c.withWeights(n, v, func(p, w, _ []float32) { k.In.Pack(p, w) }))
	sums := &planValue{size: w.PartialLen(), first: -1}
	s := step{node: n, reads: append([]*planValue{src}, t.reads...), writes: []*planValue{g.dx, sums}, tasks: w.Parts()}
	follow := func(*frame, int) {}
	if t := c.clipSumsOf(n.Inputs[0], g.dx, 0); t != nil {
		s.reads, s.writes, follow = append(s.reads, t.reads...), append(s.writes, t.sums), t.run
	}
	buf := c.newScratch(&s, k.ScratchLen())
	s.task = func(f *frame, i int) {
		slot, data := buf.take(f)
		k.Run(f.of(sums), f.of(g.dx), f.of(src), packed, data, i,
			func(dst []float32, pic, y int) { t.dense(f, dst, pic*w.OutH+y, pic*w.OutH+y+1) },
			func(unit int) { follow(f, unit) })
		buf.give(slot)
	}
	c.emit(s)
	c.reduceDepthwise(n, w, sums, to)
}
