package nn

import (
	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/tensor"
)

// packKey names weights in the order in which a kernel reads them.
type packKey struct {
	node *Node
	kind packKind
}

type packKind int

const (
	packForward  packKind = iota
	packBackward          // for the gradient by the input
	packFlipped           // row-major, flipped, with inputs and outputs exchanged
)

// tapeConv is a convolution of pictures, of which each way has a kernel.
type tapeConv struct {
	win   window
	shape tensor.Shape // of the weights
	conv  kernel.Conv  // without N and places
	back  *Node        // stands for the convolution that the gradient by the input is
}

// depthwise reports whether each channel has its own kernel.
func (v *tapeConv) depthwise() bool {
	return v.conv.Groups > 1 && v.conv.InC == 1 && v.conv.OutC == v.conv.Groups
}

// unit reports whether the stride is 1: the gradient by the input is then a convolution.
func (v *tapeConv) unit() bool { return v.conv.StrideH == 1 && v.conv.StrideW == 1 }

// data returns the values of a parameter or constant, nil for another value.
func (c *tapeCompiler) data(name string) []float32 {
	if p := c.t.params[name]; p != nil {
		return p.F
	}
	return c.floats(name)
}

// convOf returns n as a convolution that kernels compute, nil if they do not.
func (c *tapeCompiler) convAt(n *Node) *tapeConv {
	if v, ok := c.convs[n]; ok {
		return v
	}
	c.convs[n] = nil
	x, w := c.infos[n.Inputs[0]].Shape, c.infos[n.Inputs[1]].Shape
	if len(x) != 4 || product(x) == 0 || len(w) != 4 || product(w) == 0 || c.data(n.Inputs[1]) == nil {
		return nil
	}
	if b := n.inputName(2); b != "" && c.data(b) == nil {
		return nil
	}
	win, err := newWindow(n, x[2:], w[2:])
	if err != nil || product(win.outputs()) == 0 {
		return nil
	}
	h := haloOf(win)
	if padded := (h.top + x[2] + h.bottom) * (h.left + x[3] + h.right); padded > 16*(x[2]*x[3]+product(win.outputs()))+1<<12 {
		return nil
	}
	c.convs[n] = &tapeConv{win: win, shape: w, conv: convOf(n, win, w), back: &Node{Op: "Conv", Name: n.Name}}
	return c.convs[n]
}

// findTapeHalos sets the halos of pictures and of their gradients.
func (c *tapeCompiler) findTapeHalos() {
	if c.t.plain {
		return
	}
	for _, n := range c.g.Nodes {
		if n.Op == "Conv" {
			if v := c.convAt(n); v != nil {
				c.halos[n.Inputs[0]] = c.halos[n.Inputs[0]].widen(haloOf(v.win))
			}
		}
		if op := tapeOps[n.Op]; op.halo != nil {
			op.halo(c, n)
		}
	}
}

// gradHalo returns how far the taps of the gradient by the input reach over the border of that by the output.
func (v *tapeConv) gradHalo() halo {
	before := func(a axisWindow) int { return max(0, a.reach()-1-a.padBegin) }
	behind := func(a axisWindow) int { return max(0, a.in+a.padBegin-a.out) }
	y, x := v.win[0], v.win[1]
	return halo{top: before(y), left: before(x), bottom: behind(y), right: behind(x)}
}

func tapeConvHalo(c *tapeCompiler, n *Node) {
	if v := c.convAt(n); v != nil && v.unit() && c.want(n, 0) {
		c.gradHalos[n.Outputs[0]] = c.gradHalos[n.Outputs[0]].widen(v.gradHalo())
	}
}

// packedBy returns weights in a kernel's order, which pack writes ahead of each run if they train, and else once.
func (c *tapeCompiler) packedBy(key packKey, trains bool, size int, pack func(dst []float32)) []float32 {
	p, ok := c.t.packs[key]
	if !ok {
		p = make([]float32, size)
		c.t.packs[key] = p
		if !trains {
			pack(p)
		}
	}
	if trains && !c.packed[key] {
		c.packed[key] = true
		c.prepare = append(c.prepare, func() { pack(p) })
	}
	return p
}

func tapeConvForward(c *tapeCompiler, n *Node) bool {
	v := c.convAt(n)
	if v == nil {
		return false
	}
	src := c.pixelsOf(n.Inputs[0])
	dst := c.newPixels(n.Outputs[0])
	k := v.conv
	k.N, k.Src, k.Dst = src.n, src.grid(), dst.grid()
	k.Src.Start -= v.win[0].padBegin*k.Src.Row + v.win[1].padBegin*k.Src.Pixel
	w, b := c.data(n.Inputs[1]), c.data(n.inputName(2))
	trains := c.want(n, 1) || c.want(n, 2)
	s := step{node: n, reads: []*planValue{src}, writes: []*planValue{dst}}
	if v.depthwise() {
		d := kernel.Depthwise{C: k.OutC, KH: k.KH, KW: k.KW}
		c.plan.packed[n] = c.packedBy(packKey{n, packForward}, trains, d.PackedLen(), func(p []float32) { d.Pack(p, w, b) })
		c.depthwise(&s, n, &k, src, dst, nil)
	} else {
		c.plan.packed[n] = c.packedBy(packKey{n, packForward}, trains, k.PackedLen(), func(p []float32) { k.Pack(p, w, b) })
		c.conv(&s, n, &k, src, dst, nil)
	}
	c.emit(s)
	return true
}

func tapeConvBackward(c *tapeCompiler, n *Node) bool {
	v := c.convAt(n)
	if v == nil {
		return false
	}
	if c.want(n, 1) || c.want(n, 2) {
		c.convGradWeight(n, v)
	}
	if !c.want(n, 0) {
		return true
	}
	if v.unit() {
		c.convGradInput(n, v)
	} else {
		c.backwardTo(n, func(i int) bool { return i == 0 })
	}
	return true
}

// convGradInput emits the gradient by the input of a convolution of stride 1: that of the output, convolved with the
// flipped weights.
func (c *tapeCompiler) convGradInput(n *Node, v *tapeConv) {
	dy, _ := c.gradPixels(n.Outputs[0])
	dx, sum := c.contribute(n.Inputs[0], true)
	k := v.conv
	k.Filter = kernel.Filter{OutC: k.InC * k.Groups, InC: k.OutC / k.Groups, KH: k.KH, KW: k.KW, Groups: k.Groups}
	k.OutH, k.OutW = v.win[0].in, v.win[1].in
	k.N, k.Src, k.Dst = dy.n, dy.grid(), dx.grid()
	y, x := v.win[0], v.win[1]
	k.Src.Start -= (y.reach()-1-y.padBegin)*k.Src.Row + (x.reach()-1-x.padBegin)*k.Src.Pixel
	reads := []*planValue{dy}
	if sum != nil {
		k.Res = sum.grid()
		reads = append(reads, sum)
	}
	w, trains := c.data(n.Inputs[1]), c.want(n, 1)
	s := step{node: n, reads: reads, writes: []*planValue{dx}}
	flipped := make([]float32, len(w))
	if v.depthwise() {
		d := kernel.Depthwise{C: k.OutC, KH: k.KH, KW: k.KW}
		c.plan.packed[v.back] = c.packedBy(packKey{n, packBackward}, trains, d.PackedLen(), func(p []float32) {
			flip(flipped, w, v.shape, v.conv.Groups)
			d.Pack(p, flipped, nil)
		})
		c.depthwise(&s, v.back, &k, dy, dx, sum)
	} else {
		c.plan.packed[v.back] = c.packedBy(packKey{n, packBackward}, trains, k.PackedLen(), func(p []float32) {
			flip(flipped, w, v.shape, v.conv.Groups)
			k.Pack(p, flipped, nil)
		})
		c.conv(&s, v.back, &k, dy, dx, sum)
	}
	c.emit(s)
}

// flip writes weights w of the given shape [M,C/group,KH,KW] to dst as those of the convolution that is the gradient
// by the input: [C,M/group,KH,KW], with the taps in reverse.
func flip(dst, w []float32, s tensor.Shape, groups int) {
	per, taps := s[0]/groups, s[2]*s[3]
	for oc := range s[0] {
		g, o := oc/per, oc%per
		for ic := range s[1] {
			from, to := w[(oc*s[1]+ic)*taps:][:taps], dst[((g*s[1]+ic)*per+o)*taps:][:taps]
			for i, x := range from {
				to[taps-1-i] = x
			}
		}
	}
}

// convGradWeight emits the gradient by weights and bias.
func (c *tapeCompiler) convGradWeight(n *Node, v *tapeConv) {
	c.backwardTo(n, func(i int) bool { return i != 0 })
}
