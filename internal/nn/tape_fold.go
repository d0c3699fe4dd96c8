package nn

import (
	"math"
	"slices"

	"github.com/graft-ml/graft/internal/kernel"
)

// foldedNorm is a normalisation by given statistics behind a convolution that nothing else reads. As at prediction it
// is folded into the weights, at each step anew: what lies between them is never stored, and the gradients by its
// parameters come from those by the folded weights.
type foldedNorm struct {
	gamma, beta, mean, variance []float32
	eps                         float64
	node                        *Node
}

// inverse returns 1/√(variance + ε) of channel ch.
func (d *foldedNorm) inverse(ch int) float64 { return 1 / math.Sqrt(float64(d.variance[ch])+d.eps) }

// fold writes weights w [M, …] and bias b, nil for zeros, with the normalisation to toW and toB [M].
func (d *foldedNorm) fold(toW, toB, w, b []float32) {
	per := len(w) / len(toB)
	for ch := range toB {
		scale := float64(d.gamma[ch]) * d.inverse(ch)
		from, to, s := w[ch*per:][:per], toW[ch*per:][:per], float32(scale)
		for i, v := range from {
			to[i] = v * s
		}
		shift := -float64(d.mean[ch])
		if b != nil {
			shift += float64(b[ch])
		}
		toB[ch] = float32(shift*scale + float64(d.beta[ch]))
	}
}

// foldable returns the convolution into which the normalisation of g is folded, nil if there is none.
func (c *tapeCompiler) foldable(g *normGroup, l *links) *Node {
	n := g.node
	conv := l.only(n.Inputs[0], "Conv")
	if g.norm.batch || conv == nil || !c.t.path[conv] || c.convAt(conv) == nil || !l.owns(conv) {
		return nil
	}
	return conv
}

// owns reports whether no other node reads the inputs of n but for the first.
func (l *links) owns(n *Node) bool {
	return !slices.ContainsFunc(n.Inputs[1:], func(in string) bool { return in != "" && l.uses[in] > 1 })
}

// foldedForward emits a group whose normalisation is folded into a convolution.
func (c *tapeCompiler) foldedForward(g *normGroup) {
	var res *planValue
	if g.res != "" {
		res = c.pixelsOf(g.res)
	}
	c.convolve(g.conv, c.convAt(g.conv), g.last, res, g.act)
}

// foldedBackward emits the gradients of such a group.
func (c *tapeCompiler) foldedBackward(g *normGroup) {
	n, v := g.conv, c.convAt(g.conv)
	if c.foldedJoined(g) {
		return
	}
	dy := c.clippedGrad(g)
	if g.act.Func != kernel.Identity {
		c.byRow(g.last, dy, []*planValue{dy, c.pixelsOf(g.last.Outputs[0])}, 4, c.maskRows(g, dy))
	}
	if g.res != "" && c.t.wants[g.res] {
		c.pass(g.res, dy)
	}
	c.setGrad(n.Outputs[0], dy)
	if c.trains(n, v) {
		c.foldedGradWeight(n, v, func(to gradTarget) { c.convSums(n, v, to, true) })
	}
	if c.want(n, 0) {
		c.convInput(n, v)
	}
	c.drop(n.Outputs[0])
}

// maskRows returns what clears rows of dy, in place, where the output of g is clipped.
func (c *tapeCompiler) maskRows(g *normGroup, dy *planValue) func(f *frame, pic, r int) {
	y := c.pixelsOf(g.last.Outputs[0])
	rows := kernel.Rows{N: dy.w, Width: dy.c, To: dy.c, From: dy.c, From2: dy.c}
	return func(f *frame, pic, r int) {
		g.act.GradRows(f.row(dy, pic, r), f.row(dy, pic, r), f.row(y, pic, r), rows)
	}
}

// foldedJoined has one step compute both gradients of a folded convolution, and clear dY where the output is clipped as
// it reads it; it reports whether that is possible.
func (c *tapeCompiler) foldedJoined(g *normGroup) bool {
	n, v := g.conv, c.convAt(g.conv)
	if g.act.Func == kernel.Identity || g.res != "" || c.segmented || !c.trains(n, v) || !c.want(n, 0) {
		return false
	}
	out := g.last.Outputs[0]
	dy, _ := c.gradPixels(out)
	if !v.depthwise() && !c.joinsGrads(v, dy) || v.depthwise() && !c.joinsDepthwise(n, v) {
		return false
	}
	y := c.pixelsOf(out)
	t := &leader{reads: []*planValue{y, dy}, dx: dy, k: kernel.BatchNorm{C: dy.c, N: dy.n, H: dy.h, W: dy.w}}
	t.run = func(f *frame, k kernel.BatchNorm, dst []float32, r0, r1 int) {
		rows := kernel.Rows{N: dy.w, Width: dy.c, To: k.DX.Pixel, From: dy.c, From2: dy.c}
		for r := r0; r < r1; r++ {
			g.act.GradRows(dst[k.DX.At(r/dy.h, r%dy.h, 0):], f.row(dy, r/dy.h, r%dy.h), f.row(y, r/dy.h, r%dy.h), rows)
		}
	}
	c.setGrad(n.Outputs[0], dy)
	c.foldedGradWeight(n, v, func(to gradTarget) {
		if v.depthwise() {
			c.joinedDepthwise(n, v, t, to)
		} else {
			c.joinedGrads(n, v, t, to, true)
		}
	})
	c.drop(n.Outputs[0])
	return true
}

// foldedGradWeight emits the gradients by weights and bias of a convolution and by scale and shift of its
// normalisation from those by the folded ones, which sums emits. With W' = s·W and b' = s·(b − mean) + beta, s = gamma·inverse:
//
//	dW = s·dW'    db = s·db'    dbeta = db'    dgamma = inverse·(Σ dW'·W + (b − mean)·db')
func (c *tapeCompiler) foldedGradWeight(n *Node, v *tapeConv, sums func(to gradTarget)) {
	d := v.fold
	w, b := c.data(n.Inputs[1]), c.data(n.inputName(2))
	raw := &planValue{size: len(w) + len(d.gamma), first: -1}
	sums(gradTarget{writes: []*planValue{raw}, at: func(f *frame) (_, _ []float32, add bool) {
		return f.of(raw)[:len(w)], f.of(raw)[len(w):], false
	}})
	dw, db, dgamma, dbeta := c.gradOfParam(n, 1), c.gradOfParam(n, 2), c.gradOfParam(d.node, 1), c.gradOfParam(d.node, 2)
	per := len(w) / len(d.gamma)
	channels := newCut(len(d.gamma), 4*per)
	c.emit(step{node: n, reads: []*planValue{raw}, tasks: channels.parts, task: func(f *frame, i int) {
		sums, shifts, add := f.of(raw)[:len(w)], f.of(raw)[len(w):], c.t.add
		lo, hi := channels.at(i)
		for ch := lo; ch < hi; ch++ {
			inverse := d.inverse(ch)
			scale, g := float64(d.gamma[ch])*inverse, sums[ch*per:][:per]
			if dgamma.data != nil {
				away := -float64(d.mean[ch])
				if b != nil {
					away += float64(b[ch])
				}
				along := away * float64(shifts[ch])
				for k, x := range w[ch*per:][:per] {
					along += float64(g[k]) * float64(x)
				}
				put(dgamma.data, ch, float32(along*inverse), add)
			}
			put(dbeta.data, ch, shifts[ch], add)
			put(db.data, ch, float32(scale*float64(shifts[ch])), add)
			if dw.data != nil {
				scaleTo(dw.data[ch*per:][:per], g, float32(scale), add)
			}
		}
	}})
}

// put sets s[i] to v or adds it, unless s is nil.
func put(s []float32, i int, v float32, add bool) {
	switch {
	case s == nil:
	case add:
		s[i] += v
	default:
		s[i] = v
	}
}

// scaleTo sets dst to by·src, or adds that.
func scaleTo(dst, src []float32, by float32, add bool) {
	if !add {
		clear(dst)
	}
	for i, v := range src {
		dst[i] += by * v
	}
}
