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
)

// tapeConv is a convolution of pictures, of which each way has a kernel.
type tapeConv struct {
	win   window
	shape tensor.Shape // of the weights
	conv  kernel.Conv  // without N and places
	fold  *foldedNorm  // what is folded into the weights; nil: nothing
	low   bool         // it is computed in bfloat16
}

// trains reports whether what kernels compute n with changes from step to step.
func (c *tapeCompiler) trains(n *Node, v *tapeConv) bool {
	return c.want(n, 1) || c.want(n, 2) || v.fold != nil && (c.want(v.fold.node, 1) || c.want(v.fold.node, 2))
}

// withWeights returns what calls pack with the weights and bias that kernels compute n with.
func (c *tapeCompiler) withWeights(n *Node, v *tapeConv, pack func(p, w, b []float32)) func(p []float32) {
	w, b := c.data(n.Inputs[1]), c.data(n.inputName(2))
	d, t := v.fold, c.t
	if d == nil {
		return func(p []float32) { pack(p, w, b) }
	}
	return func(p []float32) {
		scratch := t.takeScratch(len(w) + len(d.gamma))
		toW, toB := (*scratch)[:len(w)], (*scratch)[len(w):][:len(d.gamma)]
		d.fold(toW, toB, w, b)
		pack(p, toW, toB)
		t.scratch.Put(scratch)
	}
}

// depthwise reports whether each channel has its own kernel.
func (v *tapeConv) depthwise() bool {
	return v.conv.Groups > 1 && v.conv.InC == 1 && v.conv.OutC == v.conv.Groups
}

// depth returns the convolution as one whose channels have their own kernels.
func (v *tapeConv) depth() kernel.Depthwise {
	k := &v.conv
	return kernel.Depthwise{C: k.OutC, KH: k.KH, KW: k.KW, StrideH: k.StrideH, StrideW: k.StrideW, DilH: k.DilH, DilW: k.DilW,
		OutH: k.OutH, OutW: k.OutW}
}

// source returns the grid in which the first tap of the first output finds src.
func (v *tapeConv) source(src *planValue) kernel.Grid {
	g := src.grid()
	g.Start -= v.win[0].padBegin*g.Row + v.win[1].padBegin*g.Pixel
	return g
}

// data returns the values of a parameter or constant, nil for another value.
func (c *tapeCompiler) data(name string) []float32 {
	if p := c.t.params[name]; p != nil {
		return p.F
	}
	return c.floats(name)
}

// convAt returns n as a convolution that kernels compute, nil if they do not.
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
	v := &tapeConv{win: win, shape: w, conv: convOf(n, win, w)}
	v.low = c.t.o.Precision == BF16 && v.lowTraining(x[2]*x[3])
	c.convs[n] = v
	return v
}

// findTapeHalos sets the halos of pictures and of their gradients.
func (c *tapeCompiler) findTapeHalos() {
	for _, n := range c.g.Nodes {
		if n.Op == "Conv" {
			if v := c.convAt(n); v != nil && v.low {
				c.halvesHalo(n, v)
			} else if v != nil {
				c.halos[n.Inputs[0]] = c.halos[n.Inputs[0]].widen(haloOf(v.win)).widen(c.winogradHalo(&v.conv, v.win))
			}
		}
		if op := tapeOps[n.Op]; op.halo != nil {
			op.halo(c, n)
		}
	}
}

func tapeConvHalo(c *tapeCompiler, n *Node) {
	v := c.convAt(n)
	if v == nil || v.low {
		return
	}
	if v.conv.WinogradGrad() && c.trains(n, v) {
		k := kernel.WinogradGradWeight{Conv: v.conv}
		xH, xW, yH, yW := k.Reach()
		y, x := v.win[0], v.win[1]
		c.halos[n.Inputs[0]] = c.halos[n.Inputs[0]].widen(halo{bottom: max(0, xH-y.padBegin-y.in), right: max(0, xW-x.padBegin-x.in)})
		c.gradHalos[n.Outputs[0]] = c.gradHalos[n.Outputs[0]].widen(halo{bottom: yH - y.out, right: yW - x.out})
	}
	if !c.want(n, 0) {
		return
	}
	in := c.infos[n.Inputs[0]].Shape
	g := v.conv.GradInput(kernel.Picture{H: in[2], W: in[3], Top: v.win[0].padBegin, Left: v.win[1].padBegin}, kernel.Grid{})
	h := halo{g.Top, g.Left, g.Bottom, g.Right}
	if w := v.winogradBack(); w != nil {
		rows, cols := w.Reach()
		h = h.widen(halo{top: g.Top, left: g.Left, bottom: max(0, rows-g.Top-v.win[0].out), right: max(0, cols-g.Left-v.win[1].out)})
	}
	c.gradHalos[n.Outputs[0]] = c.gradHalos[n.Outputs[0]].widen(h)
}

// winogradBack returns the gradient by the input as a convolution by Winograd's algorithm, without N and places, nil
// where that is not what computes it.
func (v *tapeConv) winogradBack() *kernel.Winograd {
	y, x := v.win[0], v.win[1]
	if y.stride != 1 || x.stride != 1 || max(y.padBegin, x.padBegin) > 2 {
		return nil
	}
	k := v.conv
	k.Filter = k.Flipped()
	k.OutH, k.OutW = y.in, x.in
	if tile := k.WinogradTile(); tile > 0 {
		return &kernel.Winograd{Conv: k, Tile: tile}
	}
	return nil
}

// packedBy returns weights in a kernel's order, which pack writes ahead of each run if they train, and else once.
func (c *tapeCompiler) packedBy(key packKey, trains bool, size int, pack func(dst []float32)) []float32 {
	p, ok := c.t.packs[key]
	if !ok {
		p = make([]float32, size)
		c.t.packs[key] = p
	}
	c.fill(key, trains, !ok, size, func() { pack(p) })
	return p
}

// fill has pack write weights, of so many elements, ahead of each run if they train, and else at once if they are new.
func (c *tapeCompiler) fill(key packKey, trains, isNew bool, size int, pack func()) {
	switch {
	case !trains && isNew:
		pack()
	case trains && !c.packed[key]:
		c.packed[key] = true
		c.prepare = append(c.prepare, preparation{size, pack})
	}
}

// repacked is packedBy for Winograd's algorithm.
func (c *tapeCompiler) repacked(n *Node, v *tapeConv, kind packKind, k *kernel.Winograd) []float32 {
	t := c.t
	return c.packedBy(packKey{n, kind}, c.trains(n, v), k.PackedLen(), c.withWeights(n, v, func(p, w, b []float32) {
		scratch := t.takeScratch(k.RepackLen())
		if kind == packBackward {
			k.Repack(p, w, nil, *scratch, true)
		} else {
			k.Repack(p, w, b, *scratch, false)
		}
		t.scratch.Put(scratch)
	}))
}

// takeScratch returns memory of at least n elements, to be put back.
func (t *Tape) takeScratch(n int) *[]float32 {
	s, ok := t.scratch.Get().(*[]float32)
	if !ok {
		s = new([]float32)
	}
	if len(*s) < n {
		*s = make([]float32, n)
	}
	return s
}

func tapeConvForward(c *tapeCompiler, n *Node) bool {
	v := c.convAt(n)
	if v == nil {
		return false
	}
	c.convolve(n, v, n, nil, kernel.Act{})
	return true
}

// convolve emits convolution n with what follows it up to last: act(conv + res), res nil for none.
func (c *tapeCompiler) convolve(n *Node, v *tapeConv, last *Node, res *planValue, act kernel.Act) {
	if v.low {
		c.convolveHalves(n, v, last, res, act)
		return
	}
	src, norm := c.sourceOf(n.Inputs[0])
	dst := c.newPixels(last.Outputs[0])
	k := v.conv
	k.N, k.Src, k.Dst, k.Act = src.n, v.source(src), dst.grid(), act
	s := step{node: n, reads: []*planValue{src}, writes: []*planValue{dst}}
	if res != nil {
		k.Res = res.grid()
		s.reads = append(s.reads, res)
	}
	key, trains := packKey{n, packForward}, c.trains(n, v)
	switch tile := c.winogradTile(&k); {
	case v.depthwise():
		d := v.depth()
		c.plan.packed[n] = c.packedBy(key, trains, d.PackedLen(), c.withWeights(n, v, func(p, w, b []float32) { d.Pack(p, w, b) }))
		c.depthwiseFollowed(&s, n, &k, convValues{src, dst, res, norm}, c.momentsOf(n, dst, d.PackedLen()))
	case tile > 0:
		wino := &kernel.Winograd{Conv: k, Tile: tile}
		c.plan.packed[n] = c.repacked(n, v, packForward, wino)
		c.winograd(&s, n, wino, nil, src, dst, res)
	default:
		c.plan.packed[n] = c.packedBy(key, trains, k.PackedLen(), c.withWeights(n, v, func(p, w, b []float32) { k.Pack(p, w, b) }))
		c.convFollowed(&s, n, &k, convValues{src, dst, res, norm}, c.momentsOf(n, dst, k.PackedLen()))
	}
	c.emit(s)
}

func tapeConvBackward(c *tapeCompiler, n *Node) bool {
	v := c.convAt(n)
	if v == nil {
		return false
	}
	if t := c.leaders[n]; t != nil && v.low {
		c.leadHalves(n, t)
	} else if t != nil {
		if !v.depthwise() {
			c.joinedGrads(n, v, t, c.convGrads(n), c.want(n, 2))
			return true
		}
		if c.joinsDepthwise(n, v) {
			c.joinedDepthwise(n, v, t, c.convGrads(n))
			return true
		}
	}
	if c.want(n, 1) || c.want(n, 2) {
		if c.want(n, 2) && c.added[n.Inputs[1]] != c.added[n.Inputs[2]] { // one of them is shared with another node
			c.backwardTo(n, func(i int) bool { return i > 0 })
		} else {
			c.convGradWeight(n, v)
		}
	}
	if c.want(n, 0) {
		c.convInput(n, v)
	}
	return true
}

// convInput emits the gradient by the input of a convolution.
func (c *tapeCompiler) convInput(n *Node, v *tapeConv) {
	switch {
	case v.depthwise():
		c.depthwiseGradInput(n, v)
	case v.low:
		c.halvesGradInput(n, v)
	default:
		c.convGradInput(n, v)
	}
}
