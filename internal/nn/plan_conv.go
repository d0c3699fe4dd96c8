package nn

import (
	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/tensor"
)

// fastConv returns the geometry of a Conv that the kernels can run: over pictures, with constant weights, and
// with padding that is worth being stored.
func fastConv(g *Graph, infos map[string]Info, n *Node) (window, bool) {
	x, w := infos[n.Inputs[0]].Shape, g.constant(n.Inputs[1])
	if w == nil || len(w.Shape) != 4 || product(w.Shape) == 0 || len(x) != 4 || x[2] < 1 || x[3] < 1 {
		return nil, false
	}
	if name := n.inputName(2); name != "" && g.constant(name) == nil {
		return nil, false
	}
	win, err := newWindow(n, x[2:], w.Shape[2:])
	if err != nil || product(win.outputs()) == 0 {
		return nil, false
	}
	h := haloOf(win)
	padded := (h.top + x[2] + h.bottom) * (h.left + x[3] + h.right)
	return win, padded <= 16*(x[2]*x[3]+product(win.outputs()))+1<<12
}

// haloOf returns how far the taps of a convolution reach over the border of its input.
func haloOf(w window) halo {
	end := func(a axisWindow) int { return max(0, (a.out-1)*a.stride+a.reach()-a.padBegin-a.in) }
	return halo{top: w[0].padBegin, left: w[1].padBegin, bottom: end(w[0]), right: end(w[1])}
}

// convOf returns what is known of a convolution from its weights and window alone.
func convOf(n *Node, win window, w tensor.Shape) kernel.Conv {
	return kernel.Conv{
		Filter:  kernel.Filter{OutC: w[0], InC: w[1], KH: w[2], KW: w[3], Groups: n.Attrs.Int("group", 1)},
		StrideH: win[0].stride, StrideW: win[1].stride, DilH: win[0].dilation, DilW: win[1].dilation,
		OutH: win[0].out, OutW: win[1].out,
	}
}

// findHalos sets the halo of each picture to the widest that a convolution needs.
func (c *compiler) findHalos() {
	for _, n := range c.g.Nodes {
		if n.Op != "Conv" {
			continue
		}
		if win, ok := fastConv(c.g, c.infos, n); ok {
			k := convOf(n, win, c.g.constant(n.Inputs[1]).Shape)
			c.halos[n.Inputs[0]] = c.halos[n.Inputs[0]].widen(haloOf(win))
			if !c.plan.low.nodes[n] {
				c.halos[n.Inputs[0]] = c.halos[n.Inputs[0]].widen(c.winogradHalo(&k, win))
			}
		}
	}
}

// floats returns the data of a constant, nil for an absent one.
func (c *compiler) floats(name string) []float32 {
	if t := c.g.constant(name); t != nil {
		return t.F
	}
	return nil
}

// packed returns the weights of n in the kernel's order, packed by pack on the first call of the plan.
func (c *compiler) packedOf(n *Node, size int, pack func(dst []float32)) []float32 {
	w := c.plan.packed[n]
	if w == nil {
		w = make([]float32, size)
		pack(w)
		c.plan.packed[n] = w
	}
	return w
}

func (c *compiler) packedConv(n *Node, k *kernel.Conv) []float32 {
	return c.packedOf(n, k.PackedLen(), func(p []float32) { k.Pack(p, c.floats(n.Inputs[1]), c.floats(n.inputName(2))) })
}

func (c *compiler) packedDepthwise(n *Node, d *kernel.Depthwise) []float32 {
	return c.packedOf(n, d.PackedLen(), func(p []float32) { d.Pack(p, c.floats(n.Inputs[1]), c.floats(n.inputName(2))) })
}

// epilogue returns what is fused into n.
func epilogue(n *Node) (act kernel.Act, residual string) {
	act, _ = n.Attrs[actAttr].(kernel.Act)
	return act, n.inputName(residualInput)
}

func lowerConv(c *compiler, n *Node) bool {
	if c.plan.low.nodes[n] {
		c.lowerLowConv(n)
		return true
	}
	win, ok := fastConv(c.g, c.infos, n)
	if !ok || !c.isPicture(n.Inputs[0]) {
		return false
	}
	w := c.g.constant(n.Inputs[1])
	act, residual := epilogue(n)
	src := c.pixelsOf(n.Inputs[0])
	reads := []*planValue{src}
	var res *planValue
	if residual != "" {
		res = c.pixelsOf(residual)
		reads = append(reads, res)
	}
	dst := c.newPixels(n.Outputs[0])
	k := convOf(n, win, w.Shape)
	k.N, k.Src, k.Dst, k.Act = src.n, src.grid(), dst.grid(), act
	k.Src.Start -= win[0].padBegin*k.Src.Row + win[1].padBegin*k.Src.Pixel
	if res != nil {
		k.Res = res.grid()
	}
	s := step{node: n, reads: reads, writes: []*planValue{dst}}
	switch tile := c.winogradTile(&k); {
	case k.Groups == src.c && k.InC == 1 && k.OutC == src.c && src.c > 1:
		c.depthwise(&s, n, &k, src, dst, res)
	case tile > 0:
		c.winograd(&s, n, &kernel.Winograd{Conv: k, Tile: tile}, w, src, dst, res)
	default:
		c.conv(&s, n, &k, src, dst, res)
	}
	c.emit(s)
	return true
}

// conv makes s the tasks of a convolution: parts of the output's pixels by blocks of its channels.
func (c *compiler) conv(s *step, n *Node, k *kernel.Conv, src, dst, res *planValue) {
	packed := c.packedConv(n, k)
	pixels := k.N * k.OutH * k.OutW
	blocks, parts := cutConv(pixels, k.InC, k.Blocks(), len(packed)/k.Blocks(), c.plan.pool.Threads())
	s.tasks = blocks.parts * parts.parts
	s.task = func(f *frame, i int) {
		b0, b1 := blocks.at(i / parts.parts)
		p0, p1 := parts.at(i % parts.parts)
		k.Run(f.of(dst), f.of(src), f.orNil(res), packed, p0, p1, b0, b1)
	}
}

// orNil is of for a value that may be absent.
func (f *frame) orNil(v *planValue) []float32 {
	if v == nil {
		return nil
	}
	return f.of(v)
}

// cutConv cuts the products of pixels of so many channels with blocks of weights, of which one pixel and block takes
// work multiply-adds, into a few tasks for each thread. A task has at most as many pixels as the second-level cache
// holds, and as many blocks as may be: it then reads its pixels from memory once, and asks for the weights of a block
// while it computes the one before.
func cutConv(pixels, channels, blocks, work, threads int) (byBlock, byPixel cut) {
	const cache, tile, few = 128 << 10, 14, 8
	tasks := min(1+pixels*blocks*work/taskWork, 4*threads)
	parts := max(1, min(tasks, pixels/(few*tile)), pixels*channels/cache)
	if parts == 1 && blocks < tasks && blocks%threads != 0 && pixels >= few*tile {
		parts = 2 // or else a thread would wait for another's last block
	}
	part := (pixels + parts*tile - 1) / (parts * tile) * tile
	byPixel = cutInto(pixels, part)
	groups := min(blocks, (tasks+byPixel.parts-1)/byPixel.parts)
	part = (blocks + groups - 1) / groups
	if byPixel.parts == 1 {
		part = evenPart(blocks, part, threads)
	}
	return cutInto(blocks, part), byPixel
}

// evenPart returns the size of parts, of at most part and at least half of that, with which threads that take one after
// another of total end soonest; the larger of two that are as good.
func evenPart(total, part, threads int) int {
	best, least := part, total+1
	for size := part; size >= max(1, part/2); size-- {
		parts := (total + size - 1) / size
		load := (parts + threads - 1) / threads * size
		if parts%threads == 1 || threads == 1 {
			load -= parts*size - total // the last part, which is shorter, comes on top
		}
		if load < least {
			best, least = size, load
		}
	}
	return best
}

// depthwiseOf is k as a depthwise convolution.
func depthwiseOf(k *kernel.Conv) kernel.Depthwise {
	return kernel.Depthwise{C: k.OutC, KH: k.KH, KW: k.KW, StrideH: k.StrideH, StrideW: k.StrideW, DilH: k.DilH, DilW: k.DilW,
		N: k.N, OutH: k.OutH, OutW: k.OutW, Src: k.Src, Dst: k.Dst, Res: k.Res, Act: k.Act}
}

// depthwise makes s the tasks of a depthwise convolution: parts of the output's rows.
func (c *compiler) depthwise(s *step, n *Node, k *kernel.Conv, src, dst, res *planValue) {
	d := depthwiseOf(k)
	packed := c.packedDepthwise(n, &d)
	rows := newCut(d.N*d.OutH, 4*d.OutW*len(packed)) // a multiply-add costs some four of those of a convolution
	s.tasks = rows.parts
	s.task = func(f *frame, i int) {
		r0, r1 := rows.at(i)
		d.Run(f.of(dst), f.of(src), f.orNil(res), packed, r0, r1)
	}
}
