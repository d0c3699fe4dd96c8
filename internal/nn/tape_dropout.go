package nn

import "slices"

// dropout emits a Dropout, on rows: the identity, but where the caller has a mask.
func (c *tapeCompiler) dropout(n *Node) {
	mask := c.masks[n]
	if mask == nil {
		mask = new([]float32)
		c.masks[n] = mask
	}
	t, again := c.t, c.again
	src := c.rowsOf(n.Inputs[0])
	if len(n.Outputs) > 1 && n.Outputs[1] != "" {
		c.byDefinition(n)
	} else {
		c.newRows(n.Outputs[0])
	}
	dst := c.rows[n.Outputs[0]]
	c.emit(step{node: n, reads: []*planValue{src}, writes: []*planValue{dst}, whole: func(f *frame) error {
		x, y := f.of(src), f.of(dst)
		copy(y, x)
		if !again {
			*mask = (*mask)[:0]
			if t.mask != nil {
				*mask = slices.Grow(*mask, len(y))[:len(y)]
				t.mask(n, *mask)
			}
		}
		for i, m := range *mask {
			y[i] *= m
		}
		return nil
	}})
}

// dropoutBackward emits the same for the gradient.
func (c *tapeCompiler) dropoutBackward(n *Node) {
	if !c.want(n, 0) || c.grads[n.Outputs[0]] == nil {
		return
	}
	mask := c.masks[n]
	dy, _ := c.gradRows(n.Outputs[0])
	dx, sum := c.contribute(n.Inputs[0], false)
	reads := []*planValue{dy}
	if sum != nil {
		reads = append(reads, sum)
	}
	c.emit(step{node: n, reads: reads, writes: []*planValue{dx}, whole: func(f *frame) error {
		out, in, acc := f.of(dx), f.of(dy), f.orNil(sum)
		for i, g := range in {
			if len(*mask) > 0 {
				g *= (*mask)[i]
			}
			if acc != nil {
				g += acc[i]
			}
			out[i] = g
		}
		return nil
	}})
}
