package nn

import "github.com/graft-ml/graft/internal/kernel"

// A normalisation by the statistics of the batch that one convolution alone reads is deferred: no step computes it and
// no memory holds it. Each task of that convolution normalises the rows that it is about to read, and the sums for its
// weights do so again on the way back, when they are in a cache.

// defers reports whether g is deferred.
func (c *tapeCompiler) defers(g *normGroup) bool {
	n := g.reader
	if n == nil || c.segmented || !g.norm.batch || g.res != "" {
		return false
	}
	v := c.convAt(n)
	if v == nil {
		return false
	}
	return v.depthwise() || v.low || v.small1x1() // the second reads a copy in any case
}

// small1x1 reports whether v reads each pixel once, for the output at the same place, with weights that stay in a cache.
func (v *tapeConv) small1x1() bool {
	k := &v.conv
	return k.KH*k.KW == 1 && k.StrideH*k.StrideW == 1 && k.Groups == 1 && haloOf(v.win) == halo{} && k.PackedLen() <= followWeights
}

// sourceOf returns the picture that a convolution reads, and what it has to do to it as it reads it, nil for nothing.
func (c *tapeCompiler) sourceOf(name string) (*planValue, *kernel.InputNorm) {
	g := c.deferred[name]
	if g == nil {
		return c.pixelsOf(name), nil
	}
	b := g.norm
	return c.pixelsOf(g.node.Inputs[0]), &kernel.InputNorm{Mean: b.center, Scale: b.scale, Shift: c.data(g.node.Inputs[2]), Act: g.act}
}

// convNormalizing is convFollowed for a 1×1 convolution of what is normalised as it is read: some rows of a picture at a
// time, as many as a first-level cache holds.
func (c *tapeCompiler) convNormalizing(s *step, n *Node, k *kernel.Conv, v convValues, t *follower) {
	const pixels = 56
	x, packed := v.src, c.packedConv(n, k)
	most := min((pixels+x.w-1)/x.w, x.h)
	buf := c.newScratch(s, most*x.w*x.c)
	run := func(f *frame, r0, r1 int) {
		slot, data := buf.take(f)
		for r := r0; r < r1; {
			pic, y := r/x.h, r%x.h
			rows := min(most, r1-r, x.h-y)
			for i := range rows {
				v.norm.Rows(data[i*x.w*x.c:], f.row(x, pic, y+i), 0, kernel.Rows{N: x.w, Width: x.c, To: x.c, From: x.c})
			}
			part := *k
			part.N, part.OutH = 1, rows
			part.Src = kernel.Grid{Image: rows * x.w * x.c, Row: x.w * x.c, Pixel: x.c}
			part.Dst.Start = k.Dst.At(pic, y, 0)
			part.Run(f.of(v.dst), data, nil, packed, 0, rows*x.w, 0, k.Blocks())
			r += rows
		}
		buf.give(slot)
	}
	if t != nil {
		s.follow(t, run)
		return
	}
	rows := newCut(x.n*x.h, x.w*len(packed))
	s.tasks = rows.parts
	s.task = func(f *frame, i int) {
		r0, r1 := rows.at(i)
		run(f, r0, r1)
	}
}

// normalized returns depthwise convolution d as one of what norm makes of x.
func (v *tapeConv) normalized(d kernel.Depthwise, x *planValue, norm *kernel.InputNorm) *kernel.NormalizedDepthwise {
	return &kernel.NormalizedDepthwise{Depthwise: d, Norm: norm, X: x.grid(), H: x.h, W: x.w, Top: v.win[0].padBegin, Left: v.win[1].padBegin}
}

// depthwiseNormalizing is convNormalizing for a depthwise convolution. A task has several parts of rows, as the rows
// above one are those of the part before it.
func (c *tapeCompiler) depthwiseNormalizing(s *step, n *Node, k *kernel.Conv, v convValues, t *follower) {
	d, packed := c.convAt(n).normalized(depthwiseOf(k), v.src, v.norm), c.plan.packed[n]
	rows := newCut(d.N*d.OutH, 4*d.OutW*len(packed))
	parts, part, done := rows.parts, rows.at, func(*frame, int) {}
	if t != nil {
		s.reads, s.writes = append(s.reads, t.reads...), append(s.writes, t.sums)
		parts, part, done = t.cut.Parts(), t.cut.PartRows, t.run
	}
	each := cutInto(parts, parts/(8*c.plan.pool.Threads()))
	buf := c.newScratch(s, d.ScratchLen())
	s.tasks = each.parts
	s.task = func(f *frame, i int) {
		slot, data := buf.take(f)
		p0, p1 := each.at(i)
		d.Run(f.of(v.dst), f.of(v.src), packed, data, p0, p1, part, func(p int) { done(f, p) })
		buf.give(slot)
	}
}
