package kernel

// Picture is where and how large the pictures are that a gradient by an input is wanted for: h×w pixels without the
// padding, of which Top rows and Left columns stood in front of them in the forward pass.
type Picture struct {
	Grid
	H, W      int
	Top, Left int
}

// ConvGradInput is the gradient of a convolution by its input. It is a convolution of dY with the weights turned
// around, their input and output channels exchanged. Where the stride is s, only each s-th tap meets an output: the
// pixels of dX fall into s×s phases, each with the taps that it meets, and each phase is a convolution of its own.
type ConvGradInput struct {
	Phases []GradPhase

	// Top, Left, Bottom and Right are the zeros around dY that the phases read.
	Top, Left, Bottom, Right int
}

// GradPhase computes the pixels of one phase. Its Conv has stride 1; Src places dY, Dst and Res the pixels of dX.
type GradPhase struct {
	Conv
	forward Filter
	y, x    phaseAxis
	at      int // of its weights among those of all phases
}

// phaseAxis is a phase along one axis: the pixels first, first+stride and so on meet the taps tap, tap+step and so
// on, of which there are n.
type phaseAxis struct {
	first, pixels   int
	tap, step, taps int
	dil             int // outputs between what two consecutive taps meet
	from            int // the output that the last tap of the first pixel meets, before the first one if negative
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// phasesOf returns the phases of an axis of size pixels with pad zeros in front.
func phasesOf(size, pad, stride, dil, taps int) []phaseAxis {
	var all []phaseAxis
	g := gcd(stride, dil)
	for first := 0; first < min(stride, size); first++ {
		a := phaseAxis{first: first, pixels: (size - first + stride - 1) / stride, step: stride / g, dil: dil / g}
		for a.tap < min(taps, a.step) && (first+pad-a.tap*dil)%stride != 0 {
			a.tap++
		}
		if a.tap < min(taps, a.step) {
			a.taps = (taps - a.tap + a.step - 1) / a.step
			a.from = (first+pad-a.tap*dil)/stride - (a.taps-1)*a.dil
		}
		all = append(all, a)
	}
	return all
}

// reach returns how many zeros the phase reads before and behind size outputs.
func (a *phaseAxis) reach(size int) (before, behind int) {
	if a.taps == 0 {
		return 0, 0
	}
	return max(0, -a.from), max(0, a.from+a.pixels-1+(a.taps-1)*a.dil-(size-1))
}

// GradInput returns the gradient by the input of c, from dY in the place that the grid tells and with the zeros
// around it that the result tells. Of c's grids none is read.
func (c *Conv) GradInput(dx Picture, dy Grid) ConvGradInput {
	var g ConvGradInput
	at := 0
	for _, y := range phasesOf(dx.H, dx.Top, c.StrideH, c.DilH, c.KH) {
		for _, x := range phasesOf(dx.W, dx.Left, c.StrideW, c.DilW, c.KW) {
			p := GradPhase{forward: c.Filter, y: y, x: x, at: at}
			if p.Filter = c.Flipped(); y.taps == 0 || x.taps == 0 {
				p.y.taps, p.x.taps = 0, 0
			}
			p.KH, p.KW = p.y.taps, p.x.taps
			p.StrideH, p.StrideW, p.DilH, p.DilW = 1, 1, y.dil, x.dil
			p.N, p.OutH, p.OutW = c.N, y.pixels, x.pixels
			p.Src = dy
			p.Src.Start = dy.At(0, y.from, x.from)
			p.Dst = Grid{Start: dx.At(0, y.first, x.first), Image: dx.Image, Row: c.StrideH * dx.Row, Pixel: c.StrideW * dx.Pixel}
			p.Res = p.Dst
			g.widen(&p, c.OutH, c.OutW)
			g.Phases = append(g.Phases, p)
			at += p.PackedLen()
		}
	}
	return g
}

// widen makes the zeros around h×w outputs enough for a phase.
func (g *ConvGradInput) widen(p *GradPhase, h, w int) {
	if p.empty() {
		return
	}
	top, bottom := p.y.reach(h)
	left, right := p.x.reach(w)
	g.Top, g.Left, g.Bottom, g.Right = max(g.Top, top), max(g.Left, left), max(g.Bottom, bottom), max(g.Right, right)
}

// empty reports whether the pixels of the phase meet no output.
func (p *GradPhase) empty() bool { return p.KH*p.KW == 0 }

// PackedLen returns the number of elements of the packed weights of a phase: none, if its pixels meet no output.
func (p *GradPhase) PackedLen() int {
	if p.empty() {
		return 0
	}
	return p.Filter.PackedLen()
}

// PackedLen returns the number of elements of the packed weights of all phases.
func (g *ConvGradInput) PackedLen() int {
	n := 0
	for i := range g.Phases {
		n += g.Phases[i].PackedLen()
	}
	return n
}

// Packed returns the packed weights of the phase among those of all phases.
func (p *GradPhase) Packed(packed []float32) []float32 { return packed[p.at:][:p.PackedLen()] }

// Pack writes the forward weights w [OutC, InC, KH, KW] for all phases to dst [PackedLen].
func (g *ConvGradInput) Pack(dst, w []float32) {
	for i := range g.Phases {
		p := &g.Phases[i]
		if !p.empty() {
			p.Pack(p.Packed(dst), w, 0, p.Blocks())
		}
	}
}

// Pack writes the blocks [b0, b1) of the phase's weights, of which w [OutC, InC, KH, KW] are the forward ones, to dst
// [PackedLen]. The phase must not be empty.
func (p *GradPhase) Pack(dst, w []float32, b0, b1 int) {
	p.forward.packFlipped(dst, w, p.Filter, p.y, p.x, b0, b1)
}

// Run computes the channel blocks [b0, b1) of the pixels [p0, p1) of the phase, counted over all N·OutH·OutW, and
// adds res unless it is nil. packed is what Packed returns. dst may be res, not dy. Pixels that meet no output
// become zero or those of res.
func (p *GradPhase) Run(dst, dy, res, packed []float32, p0, p1, b0, b1 int) {
	if !p.empty() {
		p.Conv.Run(dst, dy, res, packed, p0, p1, b0, b1)
		return
	}
	c0, c1 := p.firstC(b0), p.firstC(b1)
	k := walkFrom(p0, p.OutH, p.OutW)
	for ; p0 < p1; p0++ {
		out := dst[p.Dst.At(k.n, k.y, k.x)+c0:][:c1-c0]
		if res == nil {
			clear(out)
		} else {
			copy(out, res[p.Res.At(k.n, k.y, k.x)+c0:])
		}
		k.next()
	}
}
