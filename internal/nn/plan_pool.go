package nn

import (
	"slices"

	"github.com/graft-ml/graft/internal/kernel"
)

// lowerPool is MaxPool without indices, and AveragePool, over pictures.
func lowerPool(c *compiler, n *Node) bool {
	if !c.isPicture(n.Inputs[0]) || len(n.Outputs) != 1 || !c.isPicture(n.Outputs[0]) {
		return false
	}
	win, err := newWindow(n, c.infos[n.Inputs[0]].Shape[2:], n.Attrs.Ints("kernel_shape"))
	if err != nil {
		return false
	}
	if src := c.low[n.Inputs[0]]; src != nil && n.Op == "MaxPool" && c.plan.low.read[n.Outputs[0]] {
		c.lowPool(n, win, src)
		return true
	}
	src := c.pixelsOf(n.Inputs[0])
	dst := c.newPixels(n.Outputs[0])
	k := windowOf(win, src, dst)
	k.CountPad = n.Attrs.Int("count_include_pad", 0) != 0
	run := k.MaxPool
	if n.Op == "AveragePool" {
		run = k.AvgPool
	}
	rows := newCut(k.N*k.OutH, 2*k.OutW*k.C*k.KH*k.KW)
	c.emit(step{node: n, reads: []*planValue{src}, writes: []*planValue{dst}, tasks: rows.parts, task: func(f *frame, i int) {
		r0, r1 := rows.at(i)
		run(f.of(dst), f.of(src), r0, r1)
	}})
	return true
}

// windowOf returns the kernel of a pooling from src to dst.
func windowOf(win window, src, dst *planValue) *kernel.Window {
	y, x := win[0], win[1]
	return &kernel.Window{C: src.c, KH: y.kernel, KW: x.kernel, StrideH: y.stride, StrideW: x.stride, DilH: y.dilation, DilW: x.dilation,
		Top: y.padBegin, Left: x.padBegin, Bottom: y.padEnd, Right: x.padEnd,
		N: src.n, InH: src.h, InW: src.w, OutH: dst.h, OutW: dst.w, Src: src.grid(), Dst: dst.grid()}
}

// poolChannels is what the kernels take at a time, the wider of them.
const poolChannels = 64

// lowerGlobalPool is GlobalAveragePool, GlobalMaxPool, and ReduceMean over the pixels, of a value that is NHWC. Its
// output is the same in both layouts.
func lowerGlobalPool(c *compiler, n *Node) bool {
	if !c.inPixels(n.Inputs[0]) || n.Op == "ReduceMean" && !c.reducesPixels(n) {
		return false
	}
	src := c.pixelsOf(n.Inputs[0])
	dst := c.newRows(n.Outputs[0])
	pool := kernel.GlobalAvgPool
	if n.Op == "GlobalMaxPool" {
		pool = kernel.GlobalMaxPool
	}
	channels := newCut(src.c, 2*src.h*src.w)
	if channels.part > poolChannels {
		channels = cutInto(src.c, channels.part/poolChannels*poolChannels)
	}
	c.emit(step{node: n, reads: []*planValue{src}, writes: []*planValue{dst}, tasks: src.n * channels.parts, task: func(f *frame, i int) {
		pic := i / channels.parts
		c0, c1 := channels.at(i % channels.parts)
		pool(f.of(dst)[pic*src.c+c0:], f.of(src), src.grid(), pic, src.h, src.w, c0, c1)
	}})
	return true
}

// reducesPixels reports whether a ReduceMean is over axes 2 and 3 alone.
func (c *compiler) reducesPixels(n *Node) bool {
	axes := n.Attrs.Ints("axes")
	if name := n.inputName(1); name != "" {
		k := c.infos[name].Const
		if k == nil {
			return false
		}
		for _, a := range k.I {
			axes = append(axes, int(a))
		}
	}
	for i, a := range axes {
		if a < 0 {
			axes[i] += 4
		}
	}
	slices.Sort(axes)
	return slices.Equal(axes, []int{2, 3})
}
