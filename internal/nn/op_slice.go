package nn

import "github.com/graft-ml/graft/internal/tensor"

// opSlice is Slice: data, starts, ends, axes (optional, else the first ones), steps (optional, else 1). Starts and
// ends count from the end where negative and are clamped to the axis; a negative step walks backwards.
var opSlice = &opDef{
	minIn: 3, maxIn: 5, minOut: 1, maxOut: 1,
	shape: sliceShape, forward: sliceForward, backward: sliceBackward,
}

func sliceShape(n *Node, in []Info) ([]Info, error) {
	if err := wantPlain(n, in[0]); err != nil {
		return nil, err
	}
	var p [5][]int
	for i := 1; i < len(in); i++ {
		v, _, err := constInts(n, in, i)
		if err != nil {
			return nil, err
		}
		p[i] = v
	}
	shape, _, err := sliceView(n, in[0].Shape, p)
	if err != nil {
		return nil, err
	}
	return []Info{{DType: in[0].DType, Shape: shape}}, nil
}

func sliceForward(c *call) error {
	shape, v, err := c.sliced()
	if err != nil {
		return err
	}
	move(shape, c.out[0], rowMajor(shape), c.in[0], v)
	return nil
}

func sliceBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	shape, v, err := c.sliced()
	if err != nil || dIn[0] == nil {
		return err
	}
	c.addThrough(shape, dIn[0].F, v, dOut[0].F, rowMajor(shape))
	return nil
}

// sliced is sliceView for a call.
func (c *call) sliced() (tensor.Shape, view, error) {
	var p [5][]int
	for i := 1; i < len(p); i++ {
		p[i] = c.ints(i)
	}
	return sliceView(c.node, c.in[0].Shape, p)
}

// sliceView returns the shape of a slice of a value of shape x, and the way to walk it. p holds the inputs of the
// node by their index.
func sliceView(n *Node, x tensor.Shape, p [5][]int) (tensor.Shape, view, error) {
	starts, ends, axes, steps := p[1], p[2], p[3], p[4]
	shape, v := x.Clone(), rowMajor(x)
	if axes == nil {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil, v, n.errorf("starts %v, ends %v, axes %v and steps %v differ in length", starts, ends, axes, steps)
	}
	if _, err := axesOf(n, axes, len(x)); err != nil {
		return nil, v, err
	}
	for i, a := range axes {
		a, err := axisOf(n, a, len(x))
		if err != nil {
			return nil, v, err
		}
		step := 1
		if steps != nil {
			step = steps[i]
		}
		if step == 0 {
			return nil, v, n.errorf("step 0 on axis %d", a)
		}
		start, count := sliceAxis(x[a], starts[i], ends[i], step)
		shape[a] = count
		if count > 0 {
			v.off += start * v.steps[a]
		}
		if count > 1 { // otherwise the step is of no matter, and its product might not fit
			v.steps[a] *= step
		}
	}
	return shape, v, nil
}

// sliceAxis returns the first index and the number of indices of start:end:step on an axis of d elements.
func sliceAxis(d, start, end, step int) (first, count int) {
	if d == 0 {
		return 0, 0
	}
	place := func(i, lo, hi int) int {
		if i < 0 && i >= -d {
			i += d
		} else if i < 0 {
			i = lo
		}
		return max(lo, min(i, hi))
	}
	step = max(-d, min(step, d)) // larger steps leave the axis at once too
	if step < 0 {
		start, end = place(start, 0, d-1), place(end, -1, d-1)
		return start, max(0, (start-end-step-1)/-step)
	}
	start, end = place(start, 0, d), place(end, 0, d)
	return start, max(0, (end-start+step-1)/step)
}
