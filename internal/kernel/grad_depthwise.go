package kernel

// DepthwiseGradWeight is the gradient of a depthwise convolution by its weights: for each tap and channel the sum
// over the pixels of dY·X. Src places X as for the convolution, Dst places dY; Res and Act are not read. Parts are
// joined as in ConvGradWeight.
type DepthwiseGradWeight struct {
	Depthwise
	Input *NormalizedDepthwise // how X is made of what is read as src; nil: it is what is read
}

// ScratchLen returns the number of elements that Run needs for itself.
func (d *DepthwiseGradWeight) ScratchLen() int {
	if d.Input == nil {
		return 0
	}
	return d.Input.ScratchLen()
}

// UnitRows returns the number of rows of a unit, all of one picture: a part has whole units, and what one reads and
// makes stays in the second-level cache.
func (d *DepthwiseGradWeight) UnitRows() int {
	const elements = 1 << 15
	return max(1, min(d.OutH, elements/max(1, d.OutW*d.StrideH*d.StrideW*d.C)))
}

// unit returns the rows of a unit.
func (d *DepthwiseGradWeight) unit(u int) (n, y0, y1 int) {
	rows := d.UnitRows()
	per := evenParts(d.OutH, rows)
	y0 = u % per * rows
	return u / per, y0, min(y0+rows, d.OutH)
}

// units returns those of a part.
func (d *DepthwiseGradWeight) units(part int) (u0, u1 int) {
	all, parts := d.N*evenParts(d.OutH, d.UnitRows()), d.Parts()
	return part * all / parts, (part + 1) * all / parts
}

// firstRow returns the first row of a unit, counted over all N·OutH; that of the unit behind the last is the end.
func (d *DepthwiseGradWeight) firstRow(u int) int {
	if u == d.N*evenParts(d.OutH, d.UnitRows()) {
		return d.N * d.OutH
	}
	n, y, _ := d.unit(u)
	return n*d.OutH + y
}

// Parts returns the number of parts of the pixels: one for each picture, so that the rows around a part need not be made
// twice, and some where pictures are few.
func (d *DepthwiseGradWeight) Parts() int {
	const few, most = 16, 64
	return max(1, min(d.N*evenParts(d.OutH, d.UnitRows()), max(d.N, few), most))
}

// PartialLen returns the number of elements of the sums of all parts.
func (d *DepthwiseGradWeight) PartialLen() int { return d.Parts() * d.PackedLen() }

// Run computes the sums of a part, for the channels [c0, c1), and stores them to partial [PartialLen]: those of dY,
// then those of each tap. scratch has ScratchLen elements.
func (d *DepthwiseGradWeight) Run(partial, src, dy, scratch []float32, part, c0, c1 int) {
	d.RunReady(partial, src, dy, scratch, part, c0, c1, func(int, int) {})
}

// RunReady is Run, which calls ready for the rows [r0, r1) of dY, counted over all N·OutH, just before it reads them: they
// may be computed there, few enough to stay in a cache.
func (d *DepthwiseGradWeight) RunReady(partial, src, dy, scratch []float32, part, c0, c1 int, ready func(r0, r1 int)) {
	must("depthwise gradient part", d.Parts(), 0, part+1)
	must("depthwise gradient sums", len(partial), 0, d.PartialLen())
	must("depthwise gradient channels", d.C, c0, c1)
	sums := partial[part*d.PackedLen():][:d.PackedLen()]
	for k := range 1 + d.KH*d.KW {
		clear(sums[k*d.C+c0 : k*d.C+c1])
	}
	if c0 >= c1 || d.N*d.OutH*d.OutW == 0 {
		return
	}
	must("depthwise gradient output", len(dy), d.Dst.Start, d.Dst.At(d.N-1, d.OutH-1, d.OutW-1)+d.C)
	u0, u1 := d.units(part)
	r0, end := d.firstRow(u0), d.firstRow(u1)
	if d.Input != nil {
		d.runNormalized(sums, src, dy, scratch, r0, end, c0, c1, ready)
		return
	}
	y, x := (d.OutH-1)*d.StrideH+(d.KH-1)*d.DilH, (d.OutW-1)*d.StrideW+(d.KW-1)*d.DilW
	must("depthwise gradient input", len(src), d.Src.Start, d.Src.At(d.N-1, y, x)+d.C)
	for most := d.rowsAtOnce(c1 - c0); r0 < end; {
		r1 := min(r0+most, end, (r0/d.OutH+1)*d.OutH)
		ready(r0, r1)
		d.gradRows(sums, src, dy, r0, r1, c0, c1)
		r0 = r1
	}
}

// runNormalized is RunReady for the rows [r0, end) of what Input makes of x.
func (d *DepthwiseGradWeight) runNormalized(sums, x, dy, scratch []float32, r0, end, c0, c1 int, ready func(r0, r1 int)) {
	win, most := d.Input.window(x)
	win.Start(scratch)
	k := *d
	k.N, k.Src = 1, win.Grid()
	for r0 < end {
		n, y := r0/d.OutH, r0%d.OutH
		k.OutH = min(most, end-r0, d.OutH-y)
		ready(r0, r0+k.OutH)
		lo, hi := d.Input.inputs(y, y+k.OutH)
		k.Dst.Start = d.Dst.At(n, y, 0)
		k.gradRows(sums, win.At(n, lo, hi), dy, 0, k.OutH, c0, c1)
		r0 += k.OutH
	}
}

// rowsAtOnce returns for how many rows of so many channels all taps are computed together: few enough for a cache,
// because every tile of taps and every vector of channels goes through them.
func (d *DepthwiseGradWeight) rowsAtOnce(channels int) int {
	const cache = 16 << 10
	return max(1, cache/(d.OutW*channels))
}

// gradRowsGeneric adds the products of the rows [r0, r1) of pixels to sums.
func (d *DepthwiseGradWeight) gradRowsGeneric(sums, src, dy []float32, r0, r1, c0, c1 int) {
	for r := r0; r < r1; r++ {
		n, y := r/d.OutH, r%d.OutH
		for x := range d.OutW {
			g := dy[d.Dst.At(n, y, x):][c0:c1]
			addRow(sums[c0:], g)
			at := d.Src.At(n, y*d.StrideH, x*d.StrideW)
			for ky := range d.KH {
				for kx := range d.KW {
					addProducts(sums[(1+ky*d.KW+kx)*d.C+c0:], g, src[at+ky*d.DilH*d.Src.Row+kx*d.DilW*d.Src.Pixel+c0:])
				}
			}
		}
	}
}

func addRow(sum, a []float32) {
	sum = sum[:len(a)]
	for i, v := range a {
		sum[i] += v
	}
}

func addProducts(sum, a, b []float32) {
	sum, b = sum[:len(a)], b[:len(a)]
	for i, v := range a {
		sum[i] += float32(v * b[i])
	}
}

// Reduce adds the parts in their order and writes the gradient to dw [C, 1, KH, KW] and, unless it is nil, db [C], or
// adds it to what is there. It changes partial.
func (d *DepthwiseGradWeight) Reduce(dw, db, partial []float32, add bool) {
	must("depthwise gradient sums", len(partial), 0, d.PartialLen())
	taps, n := d.KH*d.KW, d.PackedLen()
	must("depthwise gradient", len(dw), 0, d.C*taps)
	sums := partial[:n]
	for p := 1; p < d.Parts(); p++ {
		Binary(Add, sums, sums, partial[p*n:][:n])
	}
	put := func(to *float32, v float32) {
		if add {
			v += *to
		}
		*to = v
	}
	for c := range d.C {
		if db != nil {
			put(&db[c], sums[c])
		}
		for k := range taps {
			put(&dw[c*taps+k], sums[(1+k)*d.C+c])
		}
	}
}

// DepthwiseGradInput is the gradient of a depthwise convolution by its input, as ConvGradInput is.
type DepthwiseGradInput struct {
	Phases                   []DepthwisePhase
	Top, Left, Bottom, Right int // zeros around dY
}

// DepthwisePhase computes the pixels of one phase; its Depthwise has stride 1.
type DepthwisePhase struct {
	Depthwise
	kw   int // taps of a row of the forward weights
	y, x phaseAxis
	at   int
}

// GradInput is Conv.GradInput for a depthwise convolution.
func (d *Depthwise) GradInput(dx Picture, dy Grid) DepthwiseGradInput {
	c := Conv{Filter: Filter{OutC: d.C, InC: 1, KH: d.KH, KW: d.KW, Groups: d.C}, StrideH: d.StrideH, StrideW: d.StrideW, DilH: d.DilH, DilW: d.DilW,
		N: d.N, OutH: d.OutH, OutW: d.OutW}
	all := c.GradInput(dx, dy)
	g := DepthwiseGradInput{Top: all.Top, Left: all.Left, Bottom: all.Bottom, Right: all.Right}
	at := 0
	for i := range all.Phases {
		p := &all.Phases[i]
		g.Phases = append(g.Phases, DepthwisePhase{Depthwise: Depthwise{C: d.C, KH: p.KH, KW: p.KW, StrideH: 1, StrideW: 1, DilH: p.DilH, DilW: p.DilW,
			N: d.N, OutH: p.OutH, OutW: p.OutW, Src: p.Src, Dst: p.Dst, Res: p.Res}, kw: d.KW, y: p.y, x: p.x, at: at})
		at += g.Phases[i].PackedLen()
	}
	return g
}

// PackedLen returns the number of elements of the packed weights of all phases.
func (g *DepthwiseGradInput) PackedLen() int {
	n := 0
	for i := range g.Phases {
		n += g.Phases[i].PackedLen()
	}
	return n
}

// Packed returns the packed weights of the phase among those of all phases.
func (p *DepthwisePhase) Packed(packed []float32) []float32 { return packed[p.at:][:p.PackedLen()] }

// Pack writes the forward weights w [C, 1, KH, KW] for all phases to dst [PackedLen].
func (g *DepthwiseGradInput) Pack(dst, w []float32) {
	must("packed weights", len(dst), 0, g.PackedLen())
	for i := range g.Phases {
		p := &g.Phases[i]
		out, taps := p.Packed(dst), len(w)/max(1, p.C)
		clear(out[:p.C])
		for ky := p.y.taps - 1; ky >= 0; ky-- {
			for kx := p.x.taps - 1; kx >= 0; kx-- {
				out = out[p.C:]
				gather(out[:p.C], w[(p.y.tap+ky*p.y.step)*p.kw+p.x.tap+kx*p.x.step:], taps)
			}
		}
	}
}

// Run computes the rows [r0, r1) of the phase's pixels, counted over all N·OutH, and adds res unless it is nil.
// packed is what Packed returns. dst may be res, not dy.
func (p *DepthwisePhase) Run(dst, dy, res, packed []float32, r0, r1 int) {
	if p.KH*p.KW > 0 {
		p.Depthwise.Run(dst, dy, res, packed, r0, r1)
		return
	}
	for r := r0; r < r1; r++ {
		for x := range p.OutW {
			out := dst[p.Dst.At(r/p.OutH, r%p.OutH, x):][:p.C]
			if res == nil {
				clear(out)
			} else {
				copy(out, res[p.Res.At(r/p.OutH, r%p.OutH, x):])
			}
		}
	}
}
