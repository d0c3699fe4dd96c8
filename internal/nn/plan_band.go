package nn

import "github.com/graft-ml/graft/internal/kernel"

// band is a chain of convolutions, 1×1 that expands, depthwise, 1×1 that projects, of which the values in between
// have no other reader. It is computed in bands of rows, so that the thin layers' large values never leave the
// second-level cache. Every element is the same sum as without; the first convolution may be missing.
type band struct {
	expand, depthwise, project *Node
	win                        window // of the depthwise convolution
}

// bandCache is the number of elements that a band's values in between take at most: half of a small second-level
// cache.
const bandCache = 64 << 10

// findBands finds the chains that are worth it and marks all but their last nodes as done.
func (c *compiler) findBands() {
	maker, readers := map[string]*Node{}, map[string]int{}
	for _, n := range c.g.Nodes {
		for _, in := range n.Inputs {
			readers[in]++
		}
		for _, out := range n.Outputs {
			maker[out] = n
		}
	}
	for _, v := range c.g.Outputs {
		readers[v.Name]++
	}
	single := func(n *Node) *Node { // who makes the input of n for n alone
		if readers[n.Inputs[0]] != 1 {
			return nil
		}
		return maker[n.Inputs[0]]
	}
	for _, n := range c.g.Nodes {
		if !c.isPointwise(n) {
			continue
		}
		b := band{depthwise: single(n), project: n}
		if b.depthwise == nil || !c.isDepthwise(b.depthwise, &b.win) || c.plan.direct {
			continue
		}
		if s := c.infos[b.depthwise.Inputs[0]].Shape; product(s[1:]) <= bandCache {
			continue
		}
		if s, ok := c.slice(b.depthwise, single(b.depthwise)); ok && s.beatsBand(c.g) {
			continue
		}
		c.skip[b.depthwise] = true
		if e := single(b.depthwise); e != nil && c.bands[e].project == nil && c.isPointwise(e) && e.inputName(residualInput) == "" {
			b.expand = e
			c.skip[e] = true
		}
		c.bands[n] = b
	}
	c.findSlices(single)
}

// isPointwise reports whether n is a 1×1 convolution, of one group and stride 1, that the kernels can run.
func (c *compiler) isPointwise(n *Node) bool {
	if n.Op != "Conv" || !c.isPicture(n.Inputs[0]) || c.plan.low.nodes[n] {
		return false
	}
	win, ok := fastConv(c.g, c.infos, n)
	if !ok || haloOf(win) != (halo{}) {
		return false
	}
	k := convOf(n, win, c.g.constant(n.Inputs[1]).Shape)
	return k.KH == 1 && k.KW == 1 && k.Groups == 1 && k.StrideH == 1 && k.StrideW == 1
}

// isDepthwise reports whether n is a depthwise convolution that the kernels can run, with no residual; it then sets win.
func (c *compiler) isDepthwise(n *Node, win *window) bool {
	if n.Op != "Conv" || !c.isPicture(n.Inputs[0]) || n.inputName(residualInput) != "" || c.plan.low.nodes[n] {
		return false
	}
	w, ok := fastConv(c.g, c.infos, n)
	if !ok {
		return false
	}
	*win = w
	s := c.infos[n.Inputs[0]].Shape
	k := convOf(n, w, c.g.constant(n.Inputs[1]).Shape)
	return k.Groups == s[1] && k.InC == 1 && k.OutC == s[1] && s[1] > 1
}

// bandKernels is a band in the words of the kernels. Its convolutions are templates: their grids and heights are those
// of the rows at hand.
type bandKernels struct {
	expand, project           *kernel.Conv // no expand: nil
	depthwise                 *kernel.Depthwise
	packedE, packedD, packedP []float32
	src, dst, res             *planValue
	win                       window
	in                        *planValue // what the depthwise convolution reads, of the height of a band; no expand: src
	rows                      int        // of the output in a band
}

// lowerBand emits the step of a band: a part of the rows of a picture is a task.
func (c *compiler) lowerBand(b band) {
	k := c.bandKernels(b)
	s := step{node: b.project, reads: []*planValue{k.src}, writes: []*planValue{k.dst}}
	if k.res != nil {
		s.reads = append(s.reads, k.res)
	}
	parts := cutInto(k.dst.h, max(4, (k.dst.h*k.dst.n+c.plan.pool.Threads()-1)/c.plan.pool.Threads()))
	s.tasks = k.dst.n * parts.parts
	size := k.in.size
	if b.expand == nil {
		size = 0
	}
	out := k.rows * k.dst.w * k.in.c
	buf := c.newScratch(&s, size+out)
	s.task = func(f *frame, i int) {
		slot, data := buf.take(f)
		r0, r1 := parts.at(i % parts.parts)
		k.run(f, data[:size], data[size:], i/parts.parts, r0, r1)
		buf.give(slot)
	}
	c.emit(s)
}

// bandKernels prepares the kernels and values of a band.
func (c *compiler) bandKernels(b band) *bandKernels {
	first := b.depthwise
	if b.expand != nil {
		first = b.expand
	}
	k := &bandKernels{src: c.pixelsOf(first.Inputs[0]), win: b.win}
	d := c.template(b.depthwise)
	k.depthwise = &kernel.Depthwise{C: d.OutC, KH: d.KH, KW: d.KW, StrideH: d.StrideH, StrideW: d.StrideW, DilH: d.DilH, DilW: d.DilW,
		N: 1, OutW: d.OutW, Act: d.Act}
	k.packedD = c.packedDepthwise(b.depthwise, k.depthwise)
	h := haloOf(b.win)
	lines := func(rows int) int { return (rows-1)*d.StrideH + b.win[0].reach() }
	row := (h.left + b.win[1].in + h.right) * d.OutC
	k.rows = 1
	for k.rows < b.win[0].out && lines(k.rows+1)*row+(k.rows+1)*d.OutW*d.OutC <= bandCache {
		k.rows++
	}
	k.in = k.src
	if b.expand != nil {
		k.expand = c.template(b.expand)
		k.packedE = c.packedConv(b.expand, k.expand)
		k.in = &planValue{pixels: true, n: 1, c: d.OutC, h: lines(k.rows), w: b.win[1].in, halo: halo{left: h.left, right: h.right}}
		k.in.size = k.in.grid().Image
	}
	k.project = c.template(b.project)
	k.packedP = c.packedConv(b.project, k.project)
	if name := b.project.inputName(residualInput); name != "" {
		k.res = c.pixelsOf(name)
	}
	k.dst = c.newPixels(b.project.Outputs[0])
	return k
}

// template returns the convolution of n for one picture, without grids.
func (c *compiler) template(n *Node) *kernel.Conv {
	win, _ := fastConv(c.g, c.infos, n)
	k := convOf(n, win, c.g.constant(n.Inputs[1]).Shape)
	k.N = 1
	k.Act, _ = epilogue(n)
	return &k
}

// run computes the output rows [r0, r1) of a picture. in and out are the scratch for what the depthwise convolution
// reads and writes.
func (k *bandKernels) run(f *frame, in, out []float32, pic, r0, r1 int) {
	if k.expand != nil {
		k.clearSides(in)
	}
	done := r0*k.win[0].stride - k.win[0].padBegin // input rows before it are in the scratch, or not needed
	top := done                                    // the input row that is the scratch's first
	for r := r0; r < r1; r += k.rows {
		n := min(k.rows, r1-r)
		first := r*k.win[0].stride - k.win[0].padBegin
		if k.expand != nil {
			k.scroll(in, first-top, done-first)
			top = first
			end := first + (n-1)*k.win[0].stride + k.win[0].reach()
			k.fill(f, in, pic, top, max(done, first), end)
			done = max(done, end)
		}
		k.finish(f, in, out, pic, r, n)
	}
}

// clearSides sets the halo left and right of the rows of the scratch to zero.
func (k *bandKernels) clearSides(in []float32) {
	row := k.in.grid().Row
	for y := range k.in.h {
		line := in[y*row : (y+1)*row]
		clear(line[:k.in.halo.left*k.in.c])
		clear(line[(k.in.halo.left+k.in.w)*k.in.c:])
	}
}

// scroll moves the rows from by on, of which there are n, to the start of the scratch.
func (k *bandKernels) scroll(in []float32, by, n int) {
	if by > 0 && n > 0 {
		row := k.in.grid().Row
		copy(in[:n*row], in[by*row:])
	}
}

// fill computes the rows [y0, y1) of the first convolution in scratch that starts at row top; rows outside the picture
// are zero.
func (k *bandKernels) fill(f *frame, in []float32, pic, top, y0, y1 int) {
	g := k.in.grid()
	for y := y0; y < y1; y++ {
		if y < 0 || y >= k.src.h {
			clear(in[g.At(0, y-top, 0):][:k.in.w*k.in.c])
		}
	}
	y0, y1 = max(y0, 0), min(y1, k.src.h)
	if y0 >= y1 {
		return
	}
	e := *k.expand
	e.OutH = y1 - y0
	e.Src, e.Dst = k.src.grid(), g
	e.Src.Start, e.Dst.Start = e.Src.At(pic, y0, 0), g.At(0, y0-top, 0)
	e.Run(in, f.of(k.src), nil, k.packedE, 0, e.OutH*e.OutW, 0, e.Blocks())
}

// finish computes n output rows from row r on.
func (k *bandKernels) finish(f *frame, in, out []float32, pic, r, n int) {
	d := *k.depthwise
	d.OutH = n
	d.Src, d.Dst = k.in.grid(), kernel.Grid{Row: d.OutW * d.C, Pixel: d.C}
	d.Src.Start = 0
	if k.expand == nil {
		in = f.of(k.src)
		d.Src.Start = k.src.grid().At(pic, r*d.StrideH-k.win[0].padBegin, -k.win[1].padBegin)
	}
	d.Run(out, in, nil, k.packedD, 0, n)
	p := *k.project
	p.OutH = n
	p.Src, p.Dst = d.Dst, k.dst.grid()
	p.Dst.Start = p.Dst.At(pic, r, 0)
	var res []float32
	if k.res != nil {
		p.Res = k.res.grid()
		p.Res.Start = p.Res.At(pic, r, 0)
		res = f.of(k.res)
	}
	p.Run(f.of(k.dst), out, res, k.packedP, 0, n*p.OutW, 0, p.Blocks())
}
