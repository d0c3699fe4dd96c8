package nn

import "github.com/graft-ml/graft/internal/kernel"

// storage is how the elements of a planValue lie in memory.
type storage int

const (
	inFloats storage = iota
	inBytes          // uint8, which a kernel.Quant explains
	inHalves         // bfloat16
)

// perFloat is how many elements take the place of a float32.
var perFloat = [...]int{inFloats: 1, inBytes: 4, inHalves: 2}

// known reports whether the plan can keep a value in its low precision.
func (p *Plan) known(value string) bool {
	_, ok := p.quants[value]
	return ok || p.precision == BF16
}

// newLow makes the form of a value in the plan's low precision, NHWC with the halo that its readers need.
func (c *compiler) newLow(name string, q kernel.Quant) *planValue {
	v := c.newPixels(name)
	delete(c.pixels, name)
	c.low[name] = v
	if v.storage, v.quant = inHalves, q; c.plan.precision == Int8 {
		v.storage = inBytes
	}
	return v
}

// lowOf returns the low form of a value, converting it if need be.
func (c *compiler) lowOf(name string) *planValue {
	if v := c.low[name]; v != nil {
		return v
	}
	src := c.pixelsOf(name)
	dst := c.newLow(name, c.plan.quants[name].kernel())
	rows := kernel.Rows{N: 1, Width: dst.w * dst.c}
	c.byRow(nil, dst, []*planValue{src}, 2, func(f *frame, pic, y int) {
		at, from := dst.grid().At(pic, y, 0), f.row(src, pic, y)
		if dst.storage == inBytes {
			kernel.QuantiseRows(f.bytes(dst)[at:], from, dst.quant, rows)
		} else {
			kernel.ToBF16Rows(f.halves(dst)[at:], from, rows)
		}
	})
	return dst
}

// raise emits the conversion of a value that is low to float32.
func (c *compiler) raise(name string, src *planValue) *planValue {
	dst := c.newPixels(name)
	rows := kernel.Rows{N: 1, Width: dst.w * dst.c}
	c.byRow(nil, dst, []*planValue{src}, 2, func(f *frame, pic, y int) {
		at, to := src.grid().At(pic, y, 0), f.row(dst, pic, y)
		if src.storage == inBytes {
			kernel.DequantiseRows(to, f.bytes(src)[at:], src.quant, rows)
		} else {
			kernel.FromBF16Rows(to, f.halves(src)[at:], rows)
		}
	})
	return dst
}

// lowConv is a convolution in low precision. Its output is low if somebody reads it so, else float32.
type lowConv struct {
	n             *Node
	src, dst, res *planValue
	kernel.Conv
}

// lowerLowConv emits the step of a convolution that findLow has found.
func (c *compiler) lowerLowConv(n *Node) {
	win, _ := fastConv(c.g, c.infos, n)
	k := lowConv{n: n, src: c.lowOf(n.Inputs[0]), Conv: convOf(n, win, c.g.constant(n.Inputs[1]).Shape)}
	s := step{node: n, reads: []*planValue{k.src}}
	act, residual := epilogue(n)
	k.Act = act
	if residual != "" {
		k.res = c.lowOf(residual)
		s.reads = append(s.reads, k.res)
		k.Res = k.res.grid()
	}
	if out := n.Outputs[0]; c.plan.low.read[out] && c.plan.known(out) {
		k.dst = c.newLow(out, c.plan.quants[out].kernel())
	} else {
		k.dst = c.newPixels(out)
	}
	s.writes = []*planValue{k.dst}
	k.N, k.Src, k.Dst = k.src.n, k.src.grid(), k.dst.grid()
	k.Src.Start -= win[0].padBegin*k.Src.Row + win[1].padBegin*k.Src.Pixel
	switch depthwise := isDepthwise(c.g, c.infos, n); {
	case depthwise && c.plan.precision == Int8:
		c.depthwiseInt8(&s, &k)
	case depthwise:
		c.depthwiseBF16(&s, &k)
	case c.plan.precision == Int8:
		c.convInt8(&s, &k)
	default:
		c.convBF16(&s, &k)
	}
	c.emit(s)
}

// cutLow makes s the tasks of a convolution of so many blocks, each of which run computes.
func (c *compiler) cutLow(s *step, k *lowConv, nBlocks int, run func(f *frame, p0, p1, b0, b1 int)) {
	per := perFloat[k.src.storage]
	work := k.OutC * k.InC * k.KH * k.KW / (nBlocks * per)
	blocks, parts := cutConv(k.N*k.OutH*k.OutW, max(1, k.InC/per), nBlocks, max(1, work), c.plan.pool.Threads())
	s.tasks = blocks.parts * parts.parts
	s.task = func(f *frame, i int) {
		b0, b1 := blocks.at(i / parts.parts)
		p0, p1 := parts.at(i % parts.parts)
		run(f, p0, p1, b0, b1)
	}
}

func (c *compiler) convInt8(s *step, k *lowConv) {
	conv := &kernel.ConvInt8{Conv: k.Conv, In: k.src.quant, Out: k.dst.quant, Float: k.dst.storage == inFloats}
	if k.res != nil {
		conv.Res = k.res.quant
	}
	packed := packedLow(c, k.n, func() *kernel.PackedInt8 { w := c.lowWeights(k.n, k.src); return conv.Pack(w.W, w.Scale, w.Bias) })
	c.cutLow(s, k, conv.Blocks(), func(f *frame, p0, p1, b0, b1 int) {
		if conv.Float {
			conv.RunFloat(f.of(k.dst), f.bytes(k.src), f.bytes(k.res), packed, p0, p1, b0, b1)
		} else {
			conv.Run(f.bytes(k.dst), f.bytes(k.src), f.bytes(k.res), packed, p0, p1, b0, b1)
		}
	})
}

func (c *compiler) convBF16(s *step, k *lowConv) {
	conv := &kernel.ConvBF16{Conv: k.Conv, Float: k.dst.storage == inFloats}
	packed := packedLow(c, k.n, func() *kernel.PackedBF16 {
		return conv.Pack(c.floats(k.n.Inputs[1]), c.floats(k.n.inputName(2)))
	})
	c.cutLow(s, k, conv.Blocks(), func(f *frame, p0, p1, b0, b1 int) {
		if conv.Float {
			conv.RunFloat(f.of(k.dst), f.halves(k.src), f.halves(k.res), packed, p0, p1, b0, b1)
		} else {
			conv.Run(f.halves(k.dst), f.halves(k.src), f.halves(k.res), packed, p0, p1, b0, b1)
		}
	})
}

func (c *compiler) depthwiseInt8(s *step, k *lowConv) {
	d := &kernel.DepthwiseInt8{Depthwise: depthwiseOf(&k.Conv), In: k.src.quant, Out: k.dst.quant}
	packed := packedLow(c, k.n, func() *kernel.PackedDepthwiseInt8 {
		w := c.lowWeights(k.n, k.src)
		return d.Pack(w.W, w.Scale, w.Bias)
	})
	rows := newCut(k.N*k.OutH, k.OutW*k.OutC*k.KH*k.KW)
	s.tasks = rows.parts
	s.task = func(f *frame, i int) {
		r0, r1 := rows.at(i)
		d.Run(f.bytes(k.dst), f.bytes(k.src), packed, r0, r1)
	}
}

func (c *compiler) depthwiseBF16(s *step, k *lowConv) {
	d := &kernel.DepthwiseBF16{Depthwise: depthwiseOf(&k.Conv)}
	packed := c.packedDepthwise(k.n, &d.Depthwise)
	rows := newCut(k.N*k.OutH, 4*k.OutW*k.OutC*k.KH*k.KW)
	s.tasks = rows.parts
	s.task = func(f *frame, i int) {
		r0, r1 := rows.at(i)
		d.Run(f.halves(k.dst), f.halves(k.src), packed, r0, r1)
	}
}

// lowWeights quantises those of n, which reads src.
func (c *compiler) lowWeights(n *Node, src *planValue) *LowWeights {
	q := Quant{Scale: src.quant.Scale, Zero: src.quant.Zero, Mean: c.plan.quants[n.Inputs[0]].Mean}
	w := c.g.constant(n.Inputs[1])
	return NewLowWeights(w.F, w.Shape, n.Attrs.Int("group", 1), c.floats(n.inputName(2)), q)
}

// packedLow returns the packed weights of n, packed by pack on the first call of the plan.
func packedLow[T any](c *compiler, n *Node, pack func() *T) *T {
	if w, ok := c.plan.packedLow[n].(*T); ok {
		return w
	}
	w := pack()
	c.plan.packedLow[n] = w
	return w
}

// lowPool is a MaxPool of a value that is low: its output is stored alike.
func (c *compiler) lowPool(n *Node, win window, src *planValue) {
	dst := c.newLow(n.Outputs[0], src.quant)
	k := windowOf(win, src, dst)
	rows := newCut(k.N*k.OutH, k.OutW*k.C*k.KH*k.KW)
	c.emit(step{node: n, reads: []*planValue{src}, writes: []*planValue{dst}, tasks: rows.parts, task: func(f *frame, i int) {
		r0, r1 := rows.at(i)
		if dst.storage == inBytes {
			k.MaxPoolInt8(f.bytes(dst), f.bytes(src), r0, r1)
		} else {
			k.MaxPoolBF16(f.halves(dst), f.halves(src), r0, r1)
		}
	}})
}
