package nn

import "github.com/graft-ml/graft/internal/kernel"

// What of a tape is computed in bfloat16, if its options say so: the products of convolutions, forward and on both ways
// back, on copies of their inputs and of the gradients by their outputs that are rounded to it. Sums, and everything
// between convolutions, are float32, and so are the parameters, which are rounded as they are packed, and their gradients.

// halves is what the convolutions of a tape read in bfloat16.
type halves struct {
	values    map[string]*planValue // copies of values
	grads     map[*Node]*planValue  // copies of the gradients by the outputs of convolutions
	halos     map[string]halo       // around values
	gradHalos map[string]halo       // around gradients by them
}

func newHalves() halves {
	return halves{map[string]*planValue{}, map[*Node]*planValue{}, map[string]halo{}, map[string]halo{}}
}

// lowTraining reports whether a convolution of pictures of so many pixels runs in bfloat16: as at prediction, where it
// has several inputs and more than a pixel, and is not depthwise.
func (v *tapeConv) lowTraining(pixels int) bool {
	return !v.depthwise() && v.conv.InC >= lowChannels && pixels > 1
}

// halvesHalo sets the halos of what a convolution reads in bfloat16.
func (c *tapeCompiler) halvesHalo(n *Node, v *tapeConv) {
	h := &c.halves
	h.halos[n.Inputs[0]] = h.halos[n.Inputs[0]].widen(haloOf(v.win))
	if c.want(n, 0) {
		in := c.infos[n.Inputs[0]].Shape
		g := v.conv.GradInput(kernel.Picture{H: in[2], W: in[3], Top: v.win[0].padBegin, Left: v.win[1].padBegin}, kernel.Grid{})
		h.gradHalos[n.Outputs[0]] = h.gradHalos[n.Outputs[0]].widen(halo{g.Top, g.Left, g.Bottom, g.Right})
	}
}

// halvesOf returns the copy of a value in bfloat16.
func (c *tapeCompiler) halvesOf(name string) *planValue {
	v := c.halves.values[name]
	if v == nil {
		if src, norm := c.sourceOf(name); norm == nil {
			v = c.toHalves(src, name, c.halves.halos[name])
		} else {
			v = c.normalizeToHalves(src, norm, name)
		}
		c.halves.values[name] = v
	}
	return v
}

// normalizeToHalves emits the copy of what norm makes of src, which is nowhere else.
func (c *tapeCompiler) normalizeToHalves(src *planValue, norm *kernel.InputNorm, name string) *planValue {
	return c.makeHalves(name, c.halves.halos[name], []*planValue{src}, func(f *frame, row []float32, pic, y int) {
		norm.Rows(row, f.row(src, pic, y), 0, kernel.Rows{N: src.w, Width: src.c, To: src.c, From: src.c})
	})
}

// leadHalves emits the copy of the gradient by the output of n as t makes it.
func (c *tapeCompiler) leadHalves(n *Node, t *leader) {
	name := n.Outputs[0]
	c.halves.grads[n] = c.makeHalves(name, c.halves.gradHalos[name], t.reads, func(f *frame, row []float32, pic, y int) {
		r := pic*t.dx.h + y
		t.dense(f, row, r, r+1)
	})
}

// makeHalves emits a picture of the shape of name that fill gives in float32, a row at a time.
func (c *tapeCompiler) makeHalves(name string, h halo, reads []*planValue, fill func(f *frame, row []float32, pic, y int)) *planValue {
	dst := c.pixelValue(name, h)
	dst.storage = inHalves
	width, rows := dst.w*dst.c, newCut(dst.n*dst.h, 4*dst.w*dst.c)
	s := step{reads: reads, writes: []*planValue{dst}, tasks: rows.parts}
	buf := c.newScratch(&s, width)
	s.task = func(f *frame, i int) {
		slot, row := buf.take(f)
		lo, hi := rows.at(i)
		for r := lo; r < hi; r++ {
			pic, y := r/dst.h, r%dst.h
			fill(f, row, pic, y)
			kernel.ToBF16Rows(f.halves(dst)[dst.grid().At(pic, y, 0):], row, kernel.Rows{N: 1, Width: width})
		}
		buf.give(slot)
	}
	c.emit(s)
	return dst
}

// gradHalves returns the copy in bfloat16 of the gradient by the output of a convolution.
func (c *tapeCompiler) gradHalves(n *Node) *planValue {
	v := c.halves.grads[n]
	if v == nil {
		dy, _ := c.gradPixels(n.Outputs[0])
		v = c.toHalves(dy, n.Outputs[0], c.halves.gradHalos[n.Outputs[0]])
		c.halves.grads[n] = v
	}
	return v
}

// toHalves emits the copy of src, of the shape of name.
func (c *tapeCompiler) toHalves(src *planValue, name string, h halo) *planValue {
	dst := c.pixelValue(name, h)
	dst.storage = inHalves
	rows := kernel.Rows{N: 1, Width: dst.w * dst.c}
	c.byRow(nil, dst, []*planValue{src}, 2, func(f *frame, pic, y int) {
		kernel.ToBF16Rows(f.halves(dst)[dst.grid().At(pic, y, 0):], f.row(src, pic, y), rows)
	})
	return dst
}

// packedPhases are weights in bfloat16 of the phases of a gradient, nil where there are none, or of a convolution alone.
type packedPhases = []*kernel.PackedBF16

// packedHalves is packedBy for weights in bfloat16.
func (c *tapeCompiler) packedHalves(n *Node, v *tapeConv, kind packKind, place func() packedPhases, repack func(p packedPhases, w, b []float32)) packedPhases {
	key, trains := packKey{n, kind}, c.trains(n, v)
	p, ok := c.t.packedLow[key]
	if !ok {
		p = place()
		c.t.packedLow[key] = p
	}
	run := c.withWeights(n, v, func(_, w, b []float32) { repack(p, w, b) })
	c.fill(key, trains, !ok, product(v.shape), func() { run(nil) })
	return p
}

// convolveHalves is convolve in bfloat16.
func (c *tapeCompiler) convolveHalves(n *Node, v *tapeConv, last *Node, res *planValue, act kernel.Act) {
	src := c.halvesOf(n.Inputs[0])
	dst := c.newPixels(last.Outputs[0])
	k := &kernel.ConvBF16{Conv: v.conv, Float: true}
	k.Conv.N, k.Conv.Src, k.Conv.Dst, k.Conv.Act = src.n, v.source(src), dst.grid(), act
	s := step{node: n, reads: []*planValue{src}, writes: []*planValue{dst}}
	if res != nil {
		k.Conv.Res = res.grid()
		s.reads = append(s.reads, res)
	}
	packed := c.packedHalves(n, v, packForward, func() packedPhases { return packedPhases{k.Place()} },
		func(p packedPhases, w, b []float32) { k.Repack(p[0], w, b) })[0]
	run := func(f *frame, p0, p1, b0, b1 int) {
		k.RunSum(f.of(dst), f.halves(src), f.orNil(res), packed, p0, p1, b0, b1)
	}
	if t := c.momentsOf(n, dst, packed.Len()/4); t != nil {
		s.follow(t, func(f *frame, r0, r1 int) { run(f, r0*k.Conv.OutW, r1*k.Conv.OutW, 0, k.Blocks()) })
	} else {
		c.cutLow(&s, &lowConv{src: src, Conv: k.Conv}, k.Blocks(), run)
	}
	c.emit(s)
}

// halvesGradInput is convGradInput in bfloat16.
func (c *tapeCompiler) halvesGradInput(n *Node, v *tapeConv) {
	dy := c.gradHalves(n)
	g := c.inputGradOf(n)
	g.reads[0] = dy
	k := v.conv
	k.N = dy.n
	all := k.GradInput(g.picture(v.win), dy.grid())
	convs := make([]*kernel.ConvBF16, len(all.Phases))
	packed := make(packedPhases, len(all.Phases))
	for i := range all.Phases {
		p := &all.Phases[i]
		if g.sum != nil {
			p.Res = resultGrid(p.Dst, g.dx.grid(), g.sum.grid())
		}
		if !p.Empty() {
			convs[i], packed[i] = p.BF16()
		}
	}
	packed = c.packedHalves(n, v, packBackward, func() packedPhases { return packed }, func(packed packedPhases, w, _ []float32) {
		for i, p := range packed {
			if p != nil {
				convs[i].Repack(p, w, nil)
			}
		}
	})
	for i := range all.Phases {
		p := &all.Phases[i]
		if convs[i] == nil {
			c.emptyPhase(n, g, p, i)
			continue
		}
		s := step{node: n, reads: g.reads, writes: g.targets(i)}
		c.halvesPhase(&s, g, convs[i], packed[i], len(all.Phases) == 1)
		c.emit(s)
	}
}

// halvesPhase makes s the tasks of a phase of a gradient by an input, the only one or not.
func (c *tapeCompiler) halvesPhase(s *step, g *inputGrad, k *kernel.ConvBF16, packed *kernel.PackedBF16, only bool) {
	n, dy := s.node, g.reads[0]
	run := func(f *frame, p0, p1, b0, b1 int) {
		k.RunSum(f.of(g.dx), f.halves(dy), f.orNil(g.sum), packed, p0, p1, b0, b1)
	}
	c.cutLow(s, &lowConv{src: dy, Conv: k.Conv}, k.Blocks(), run)
	if only {
		if t := c.clipSumsOf(n.Inputs[0], g.dx, packed.Len()/4); t != nil {
			s.follow(t, func(f *frame, r0, r1 int) { run(f, r0*k.Conv.OutW, r1*k.Conv.OutW, 0, k.Blocks()) })
		}
	}
}

// emptyPhase emits the pixels that meet no output.
func (c *tapeCompiler) emptyPhase(n *Node, g *inputGrad, p *kernel.GradPhase, i int) {
	parts := newCut(p.N*p.OutH*p.OutW, 4*g.dx.c)
	c.emit(step{node: n, reads: g.reads, writes: g.targets(i), tasks: parts.parts, task: func(f *frame, i int) {
		p0, p1 := parts.at(i)
		p.Run(f.of(g.dx), nil, f.orNil(g.sum), nil, p0, p1, 0, p.Blocks())
	}})
}

// halvesSums emits the gradient by weights and bias from copies in bfloat16.
func (c *tapeCompiler) halvesSums(n *Node, v *tapeConv, to gradTarget, bias bool) {
	src, dy := c.halvesOf(n.Inputs[0]), c.gradHalves(n)
	k := &kernel.ConvGradWeightBF16{Conv: v.conv, Bias: bias}
	k.N, k.Src, k.Dst = src.n, v.source(src), dy.grid()
	c.partSums(n, k, 4, []*planValue{src, dy}, to, func(f *frame, sums, scratch []float32, part, b0, b1 int) {
		k.Run(sums, f.halves(src), f.halves(dy), scratch, part, b0, b1)
	})
}
