package nn

import "github.com/graft-ml/graft/internal/kernel"

// ready reports whether the first input and the output of n are NHWC.
func (c *tapeCompiler) ready(n *Node) bool {
	return c.want(n, 0) && c.inPixels(n.Inputs[0]) && c.inPixels(n.Outputs[0])
}

// tapePoolBackward is the gradient of MaxPool and AveragePool.
func tapePoolBackward(c *tapeCompiler, n *Node) bool {
	if !c.ready(n) || len(n.Outputs) != 1 {
		return false
	}
	win, err := newWindow(n, c.infos[n.Inputs[0]].Shape[2:], n.Attrs.Ints("kernel_shape"))
	if err != nil {
		return false
	}
	dy, _ := c.gradPixels(n.Outputs[0])
	x, y := c.pixels[n.Inputs[0]], c.pixels[n.Outputs[0]]
	dx := c.pixelValue(n.Inputs[0], c.gradHalos[n.Inputs[0]])
	k := &kernel.WindowGrad{Window: *windowOf(win, x, y), DX: dx.grid(), DY: dy.grid()}
	k.CountPad = n.Attrs.Int("count_include_pad", 0) != 0
	s := step{node: n, reads: []*planValue{dy}, writes: []*planValue{dx}}
	largest := n.Op == "MaxPool"
	if largest {
		s.reads = append(s.reads, x, y)
	}
	channels := pooledChannels(x.c, 4*x.h*x.w)
	if x.n >= 4*c.plan.pool.Threads() {
		channels = cutInto(x.c, x.c) // whole pictures are read in the order of memory
	}
	s.tasks = x.n * channels.parts
	s.task = func(f *frame, i int) {
		c0, c1 := channels.at(i % channels.parts)
		if largest {
			k.MaxPool(f.of(dx), f.of(dy), f.of(x), f.of(y), i/channels.parts, c0, c1)
		} else {
			k.AvgPool(f.of(dx), f.of(dy), i/channels.parts, c0, c1)
		}
	}
	c.emit(s)
	c.pass(n.Inputs[0], dx)
	return true
}

// pooledChannels cuts channels, each of the given work, for a task of their own.
func pooledChannels(n, work int) cut {
	channels := newCut(n, work)
	if channels.part > poolChannels {
		channels = cutInto(n, channels.part/poolChannels*poolChannels)
	} else if channels.part < poolChannels/4 {
		channels = cutInto(n, poolChannels/4)
	}
	return channels
}

// tapeGlobalPoolBackward is the gradient of GlobalAveragePool, and of a ReduceMean over the pixels.
func tapeGlobalPoolBackward(c *tapeCompiler, n *Node) bool {
	if !c.want(n, 0) || !c.inPixels(n.Inputs[0]) || n.Op == "ReduceMean" && !c.reducesPixels(n) {
		return false
	}
	dy, _ := c.gradRows(n.Outputs[0])
	dx := c.pixelValue(n.Inputs[0], c.gradHalos[n.Inputs[0]])
	g, w, h, ch := dx.grid(), dx.w, dx.h, dx.c
	rows := newCut(dx.n*h, w*ch)
	c.emit(step{node: n, reads: []*planValue{dy}, writes: []*planValue{dx}, tasks: rows.parts, task: func(f *frame, i int) {
		eachPicture(rows, i, h, func(pic, y0, y1 int) {
			kernel.GlobalAvgPoolGrad(f.of(dx), f.of(dy)[pic*ch:][:ch], g, pic, h, w, y0, y1)
		})
	}})
	c.pass(n.Inputs[0], dx)
	return true
}
