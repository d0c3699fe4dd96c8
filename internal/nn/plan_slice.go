package nn

import "github.com/graft-ml/graft/internal/kernel"

// slice is a 1×1 convolution and the depthwise convolution that alone reads it, of pictures so small that some channels
// of a whole one stay in a first-level cache. They are computed so many channels at a time: weights are read once, and
// the values in between never leave the cache. Every element is the same sum as without.
type slice struct {
	expand *Node
	win    window // of the depthwise convolution
}

const (
	// sliceCache is the number of elements of a picture's channels that are computed together, if it is not fewer than
	// sliceLeast channels; there are always a multiple of these.
	sliceCache, sliceLeast = 16 << 10, 16
	// sliceMost is the number of pixels, with the halo, of the largest pictures that are worth it.
	sliceMost = 18 * 18
)

// findSlices finds the pairs that are in no band, by their second node, and marks the first ones as done. maker returns
// who makes the first input of a node for that node alone, nil if there is no such node.
func (c *compiler) findSlices(maker func(*Node) *Node) {
	for _, n := range c.g.Nodes {
		if c.skip[n] || c.plan.direct {
			continue
		}
		if s, ok := c.slice(n, maker(n)); ok && !c.skip[s.expand] && c.bands[s.expand].project == nil {
			c.slices[n] = s
			c.skip[s.expand] = true
		}
	}
}

// slice returns the slice that n, which alone reads what e makes, is the second node of, if they are one.
func (c *compiler) slice(n, e *Node) (s slice, ok bool) {
	if e == nil || !c.isDepthwise(n, &s.win) || !c.isPointwise(e) || e.inputName(residualInput) != "" {
		return s, false
	}
	h := haloOf(s.win)
	s.expand = e
	return s, (h.top+s.win[0].in+h.bottom)*(h.left+s.win[1].in+h.right) <= sliceMost
}

// beatsBand reports whether a slice is better than a band, which reads all weights and more rows than it makes: that is so
// where windows are large or weights many.
func (s slice) beatsBand(g *Graph) bool {
	const taps, weights = 9, 64 << 10
	return s.win[0].kernel*s.win[1].kernel > taps || product(g.constant(s.expand.Inputs[1]).Shape) > weights
}

// sliceKernels are the two convolutions of some channels, and where their packed weights begin.
type sliceKernels struct {
	expand    kernel.Conv
	depthwise kernel.Depthwise
	atE, atD  int
	first     int // channel
}

// lowerSlice emits the step of a slice: some channels of a picture are a task.
func (c *compiler) lowerSlice(n *Node, s slice) {
	src, dst := c.pixelsOf(s.expand.Inputs[0]), c.newPixels(n.Outputs[0])
	h := haloOf(s.win)
	pixels := (h.top + s.win[0].in + h.bottom) * (h.left + s.win[1].in + h.right)
	units := (dst.c + sliceLeast - 1) / sliceLeast
	width := min(sliceLeast*evenPart(units, max(1, sliceCache/pixels/sliceLeast), c.plan.pool.Threads()), dst.c)
	mid := &planValue{pixels: true, n: 1, c: width, h: s.win[0].in, w: s.win[1].in, halo: h}
	parts, packedE, packedD := c.sliceKernels(n, s, mid, src, dst)
	st := step{node: n, reads: []*planValue{src}, writes: []*planValue{dst}, tasks: dst.n * len(parts)}
	buf := c.newScratch(&st, mid.grid().Image)
	st.task = func(f *frame, i int) {
		slot, data := buf.take(f)
		k, pic := &parts[i%len(parts)], i/len(parts)
		for a, b := range mid.aroundPicture(0) {
			clear(data[a:b])
		}
		e, d := k.expand, k.depthwise
		e.Src.Start += pic * e.Src.Image
		e.Run(data, f.of(src), nil, packedE[k.atE:], 0, e.OutH*e.OutW, 0, e.Blocks())
		d.Dst.Start += pic * d.Dst.Image
		d.Run(f.of(dst), data, nil, packedD[k.atD:], 0, d.OutH)
		buf.give(slot)
	}
	c.emit(st)
}

// sliceKernels prepares the kernels and weights of a slice, whose value in between is mid.
func (c *compiler) sliceKernels(n *Node, s slice, mid, src, dst *planValue) (parts []sliceKernels, packedE, packedD []float32) {
	e, d := c.template(s.expand), c.template(n)
	e.Src, e.Dst = src.grid(), mid.grid()
	sizeE, sizeD := 0, 0
	for c0 := 0; c0 < dst.c; c0 += mid.c {
		k := sliceKernels{expand: *e, depthwise: depthwiseOf(d), atE: sizeE, atD: sizeD, first: c0}
		width := min(mid.c, dst.c-c0)
		k.expand.OutC, k.depthwise.C = width, width
		k.depthwise.Src, k.depthwise.Dst = mid.grid(), dst.grid().Shift(c0)
		k.depthwise.Src.Start -= s.win[0].padBegin*k.depthwise.Src.Row + s.win[1].padBegin*k.depthwise.Src.Pixel
		sizeE += k.expand.PackedLen()
		sizeD += k.depthwise.PackedLen()
		parts = append(parts, k)
	}
	packedE = c.packedOf(s.expand, sizeE, func(p []float32) {
		for _, k := range parts {
			w, bias := c.channels(s.expand, k.first, k.expand.OutC)
			k.expand.Pack(p[k.atE:][:k.expand.PackedLen()], w, bias)
		}
	})
	packedD = c.packedOf(n, sizeD, func(p []float32) {
		for _, k := range parts {
			w, bias := c.channels(n, k.first, k.depthwise.C)
			k.depthwise.Pack(p[k.atD:][:k.depthwise.PackedLen()], w, bias)
		}
	})
	return parts, packedE, packedD
}

// channels returns the weights and bias of count output channels of a convolution; no bias: nil.
func (c *compiler) channels(n *Node, first, count int) (w, bias []float32) {
	t := c.g.constant(n.Inputs[1])
	size := product(t.Shape[1:])
	w, bias = t.F[first*size:(first+count)*size], c.floats(n.inputName(2))
	if bias != nil {
		bias = bias[first : first+count]
	}
	return w, bias
}
