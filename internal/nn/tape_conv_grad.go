package nn

import "github.com/graft-ml/graft/internal/kernel"

// inputGrad is the gradient of a convolution by its input, in the phases that its stride makes.
type inputGrad struct {
	reads  []*planValue
	dy, dx *planValue
	sum    *planValue // nil: none
}

// inputGradOf says where the gradient by the input of n is computed from, and to.
func (c *tapeCompiler) inputGradOf(n *Node) *inputGrad {
	g := &inputGrad{}
	g.dy, _ = c.gradPixels(n.Outputs[0])
	g.dx, g.sum = c.contribute(n.Inputs[0], true)
	g.reads = []*planValue{g.dy}
	if g.sum != nil {
		g.reads = append(g.reads, g.sum)
	}
	return g
}

// targets returns what phase i writes: the first clears the halo, which is the same for all.
func (g *inputGrad) targets(i int) []*planValue {
	if i == 0 {
		g.reads = append(g.reads, g.dx)
		return []*planValue{g.dx}
	}
	return nil
}

// picture is where dX lies, whose forward pass had the padding of win.
func (g *inputGrad) picture(win window) kernel.Picture {
	return kernel.Picture{Grid: g.dx.grid(), H: g.dx.h, W: g.dx.w, Top: win[0].padBegin, Left: win[1].padBegin}
}

// convGradInput emits the gradient by the input of a convolution: that of the output, convolved with the flipped
// weights.
func (c *tapeCompiler) convGradInput(n *Node, v *tapeConv) {
	g := c.inputGradOf(n)
	if k := v.winogradBack(); k != nil {
		c.winogradGradInput(n, v, g, k)
		return
	}
	k := v.conv
	k.N = g.dy.n
	all := k.GradInput(g.picture(v.win), g.dy.grid())
	packed := c.packedBy(packKey{n, packBackward}, c.trains(n, v), all.PackedLen(), c.withWeights(n, v, func(p, w, _ []float32) { all.Pack(p, w) }))
	for i := range all.Phases {
		p := &all.Phases[i]
		if g.sum != nil {
			p.Res = resultGrid(p.Dst, g.dx.grid(), g.sum.grid())
		}
		pixels, weights := p.N*p.OutH*p.OutW, p.Packed(packed)
		blocks, parts := cutConv(pixels, p.InC, p.Blocks(), max(1, len(weights)/p.Blocks()), c.plan.pool.Threads())
		s := step{node: n, reads: g.reads, writes: g.targets(i), tasks: blocks.parts * parts.parts, task: func(f *frame, i int) {
			b0, b1 := blocks.at(i / parts.parts)
			p0, p1 := parts.at(i % parts.parts)
			p.Run(f.of(g.dx), f.of(g.dy), f.orNil(g.sum), weights, p0, p1, b0, b1)
		}}
		if len(all.Phases) == 1 {
			if t := c.clipSumsOf(n.Inputs[0], g.dx, len(weights)); t != nil {
				s.follow(t, func(f *frame, r0, r1 int) {
					p.Run(f.of(g.dx), f.of(g.dy), f.orNil(g.sum), weights, r0*p.OutW, r1*p.OutW, 0, p.Blocks())
				})
			}
		}
		c.emit(s)
	}
}

// winogradGradInput is convGradInput by Winograd's algorithm.
func (c *tapeCompiler) winogradGradInput(n *Node, v *tapeConv, g *inputGrad, k *kernel.Winograd) {
	k.N, k.Src, k.Dst = g.dy.n, g.dy.grid(), g.dx.grid()
	k.Src.Start -= (2-v.win[0].padBegin)*k.Src.Row + (2-v.win[1].padBegin)*k.Src.Pixel
	if g.sum != nil {
		k.Res = g.sum.grid()
	}
	back := &Node{Op: "Conv", Name: n.Name} // stands for the convolution that the gradient is
	c.plan.packed[back] = c.repacked(n, v, packBackward, k)
	s := step{node: n, reads: g.reads, writes: g.targets(0)}
	c.winograd(&s, back, k, nil, g.dy, g.dx, g.sum)
	s.reads = g.reads
	c.emit(s)
}

// resultGrid returns the pixels of a phase in the grid of sum, those in the grid dx being phase.
func resultGrid(phase, dx, sum kernel.Grid) kernel.Grid {
	if dx == sum {
		return phase
	}
	stepH, stepW := phase.Row/dx.Row, phase.Pixel/dx.Pixel
	first := phase.Start - dx.Start
	y, x := first/dx.Row, first%dx.Row/dx.Pixel
	return kernel.Grid{Start: sum.At(0, y, x), Image: sum.Image, Row: stepH * sum.Row, Pixel: stepW * sum.Pixel}
}

// depthwiseGradInput is convGradInput where each channel has its own kernel.
func (c *tapeCompiler) depthwiseGradInput(n *Node, v *tapeConv) {
	g := c.inputGradOf(n)
	d := v.depth()
	d.N = g.dy.n
	all := d.GradInput(g.picture(v.win), g.dy.grid())
	packed := c.packedBy(packKey{n, packBackward}, c.trains(n, v), all.PackedLen(), c.withWeights(n, v, func(p, w, _ []float32) { all.Pack(p, w) }))
	for i := range all.Phases {
		p := &all.Phases[i]
		if g.sum != nil {
			p.Res = resultGrid(p.Dst, g.dx.grid(), g.sum.grid())
		}
		weights := p.Packed(packed)
		run := func(f *frame, r0, r1 int) { p.Run(f.of(g.dx), f.of(g.dy), f.orNil(g.sum), weights, r0, r1) }
		rows := newCut(p.N*p.OutH, 4*p.OutW*max(p.C, len(weights)))
		s := step{node: n, reads: g.reads, writes: g.targets(i), tasks: rows.parts, task: func(f *frame, i int) {
			r0, r1 := rows.at(i)
			run(f, r0, r1)
		}}
		if len(all.Phases) == 1 {
			if t := c.clipSumsOf(n.Inputs[0], g.dx, len(weights)); t != nil {
				s.follow(t, run)
			}
		}
		c.emit(s)
	}
}

// convGradWeight emits the gradient by weights and bias.
func (c *tapeCompiler) convGradWeight(n *Node, v *tapeConv) {
	c.convSums(n, v, c.convGrads(n), c.want(n, 2))
}

// convSums is convGradWeight to the given place.
func (c *tapeCompiler) convSums(n *Node, v *tapeConv, to gradTarget, bias bool) {
	if v.low {
		c.halvesSums(n, v, to, bias)
		return
	}
	dy, _ := c.gradPixels(n.Outputs[0])
	src, norm := c.sourceOf(n.Inputs[0])
	if v.depthwise() {
		k := &kernel.DepthwiseGradWeight{Depthwise: v.depth()}
		k.N, k.Src, k.Dst = src.n, v.source(src), dy.grid()
		if norm != nil {
			k.Input = v.normalized(k.Depthwise, src, norm)
		}
		c.depthwiseSums(n, k, src, dy, to)
		return
	}
	if v.conv.WinogradGrad() {
		k := &kernel.WinogradGradWeight{Conv: v.conv, Bias: bias}
		k.N, k.Src, k.Dst = src.n, v.source(src), dy.grid()
		c.winogradSums(n, k, src, dy, to)
		return
	}
	k := &kernel.ConvGradWeight{Conv: v.conv, Bias: bias, Norm: norm}
	k.N, k.Src, k.Dst = src.n, v.source(src), dy.grid()
	c.weightSums(n, k, src, dy, to)
}

// weightSums emits the sums of a gradient by weights over parts of the pixels, and what joins them.
func (c *tapeCompiler) weightSums(n *Node, k *kernel.ConvGradWeight, src, dy *planValue, to gradTarget) {
	tasks := 4
	if k.Norm != nil {
		tasks = 2 // each normalises what it reads: few should read the same
	}
	c.partSums(n, k, tasks, []*planValue{src, dy}, to, func(f *frame, sums, scratch []float32, part, b0, b1 int) {
		k.Run(sums, f.of(src), f.of(dy), scratch, part, b0, b1)
	})
}

// gradParts is a gradient by weights that is summed up in parts.
type gradParts interface {
	Blocks() int
	Parts() int
	PartialLen() int
	ScratchLen() int
	Reduce(dw, db, partial []float32, b0, b1 int, add bool)
}

// partSums is weightSums where run computes a part, in so many tasks for a thread or more.
func (c *tapeCompiler) partSums(n *Node, k gradParts, tasks int, reads []*planValue, to gradTarget, run func(f *frame, sums, scratch []float32, part, b0, b1 int)) {
	s := step{node: n, reads: reads}
	parts := k.Parts()
	sums := &planValue{size: k.PartialLen(), first: -1}
	buf := c.newScratch(&s, k.ScratchLen())
	s.writes = append(s.writes, sums)
	blocks := cutInto(k.Blocks(), max(1, k.Blocks()*parts/(tasks*c.plan.pool.Threads())))
	s.tasks = blocks.parts * parts
	s.task = func(f *frame, i int) {
		slot, data := buf.take(f)
		b0, b1 := blocks.at(i % blocks.parts)
		run(f, f.of(sums), data, i/blocks.parts, b0, b1)
		buf.give(slot)
	}
	c.emit(s)
	c.reduceSums(n, sums, to, k.Blocks(), k.Reduce)
}

// reduceSums emits what joins the parts of a gradient by weights.
func (c *tapeCompiler) reduceSums(n *Node, sums *planValue, to gradTarget, blocks int, reduce func(dw, db, partial []float32, b0, b1 int, add bool)) {
	each := newCut(blocks, 4*sums.size/blocks)
	c.emit(step{node: n, reads: []*planValue{sums}, writes: to.writes, tasks: each.parts, task: func(f *frame, i int) {
		b0, b1 := each.at(i)
		dw, db, add := to.at(f)
		reduce(dw, db, f.of(sums), b0, b1, add)
	}})
}

// winogradSums is weightSums by Winograd's algorithm: the transforms of both pictures in one step, their products in
// another.
func (c *tapeCompiler) winogradSums(n *Node, k *kernel.WinogradGradWeight, src, dy *planValue, to gradTarget) {
	squares, sums := &planValue{size: k.TransformedLen(), first: -1}, &planValue{size: k.PartialLen(), first: -1}
	s := step{node: n, reads: []*planValue{src, dy}, writes: []*planValue{squares}, tasks: k.Slices()}
	buf := c.newScratch(&s, k.ScratchLen())
	s.task = func(f *frame, i int) {
		slot, data := buf.take(f)
		k.Transform(f.of(squares), f.of(src), f.of(dy), data, i)
		buf.give(slot)
	}
	c.emit(s)
	blocks := cutInto(k.Blocks(), kernel.TogetherBlocks)
	s = step{node: n, reads: []*planValue{squares}, writes: []*planValue{sums}, tasks: k.Parts() * k.Chunks() * blocks.parts}
	data := c.newScratch(&s, k.ScratchLen())
	s.task = func(f *frame, i int) {
		slot, scratch := data.take(f)
		b0, b1 := blocks.at(i % blocks.parts)
		i /= blocks.parts
		k.Run(f.of(sums), f.of(squares), scratch, i/k.Chunks(), i%k.Chunks(), b0, b1)
		data.give(slot)
	}
	c.emit(s)
	c.reduceSums(n, sums, to, k.Blocks(), k.Reduce)
}

// depthwiseSums is weightSums where each channel has its own kernel.
func (c *tapeCompiler) depthwiseSums(n *Node, k *kernel.DepthwiseGradWeight, src, dy *planValue, to gradTarget) {
	sums := &planValue{size: k.PartialLen(), first: -1}
	s := step{node: n, reads: []*planValue{src, dy}, writes: []*planValue{sums}, tasks: k.Parts()}
	ready := func(*frame, int, int) {}
	if lead := c.leaders[n]; lead != nil {
		s.reads, s.writes, ready = append(s.reads, lead.reads...), append(s.writes, lead.dx), lead.inPlace
	}
	buf := c.newScratch(&s, k.ScratchLen())
	s.task = func(f *frame, i int) {
		slot, data := buf.take(f)
		k.RunReady(f.of(sums), f.of(src), f.of(dy), data, i, 0, k.C, func(r0, r1 int) { ready(f, r0, r1) })
		buf.give(slot)
	}
	c.emit(s)
	c.reduceDepthwise(n, k, sums, to)
}

// reduceDepthwise emits what joins the parts of a gradient by the weights of a depthwise convolution.
func (c *tapeCompiler) reduceDepthwise(n *Node, k *kernel.DepthwiseGradWeight, sums *planValue, to gradTarget) {
	c.emit(step{node: n, reads: []*planValue{sums}, writes: to.writes, tasks: 1, task: func(f *frame, _ int) {
		dw, db, add := to.at(f)
		k.Reduce(dw, db, f.of(sums), add)
	}})
}

// gradTarget is where a gradient by weights and bias is written, the latter nil if it is not wanted, and whether it is
// added to what is there.
type gradTarget struct {
	writes []*planValue
	at     func(f *frame) (dw, db []float32, add bool)
}

// target returns the gradients of two parameters as a target.
func (c *tapeCompiler) target(dw, db paramGrad) gradTarget {
	t, added := c.t, dw.added || db.added
	return gradTarget{at: func(*frame) (_, _ []float32, add bool) { return dw.data, db.data, added || t.add }}
}

// paramGrad is where the gradient by a parameter goes, and whether something of the same run is there already.
type paramGrad struct {
	data  []float32
	added bool
}

// gradOfParam returns where to put the gradient by input i of n, without data if it is not a parameter.
func (c *tapeCompiler) gradOfParam(n *Node, i int) paramGrad {
	g := c.t.grads[n.inputName(i)]
	if g == nil {
		return paramGrad{}
	}
	return paramGrad{g.F, c.addsTo(n.Inputs[i])}
}

// convGrads returns where the gradients by weights and bias go. Kernels always give that by the weights, and add both
// or none: what is not wanted, or not alike, has memory that nobody reads.
func (c *tapeCompiler) convGrads(n *Node) gradTarget {
	var dw, db paramGrad
	if c.want(n, 1) {
		dw = c.gradOfParam(n, 1)
	} else {
		dw.data = make([]float32, product(c.infos[n.Inputs[1]].Shape))
	}
	if c.want(n, 2) {
		db = c.gradOfParam(n, 2)
	}
	return c.target(dw, db)
}
