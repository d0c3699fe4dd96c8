package kernel

// RunReady is Run for all blocks, with a dY that is made as it is read and kept nowhere: ready makes the rows [r0, r1),
// counted over all N·OutH, one pixel behind another, and done is called when dW has them, box being the number of
// MadeRows before them. made has MadeLen elements. It is for pictures whose rows are not cut; see WholeRows.
func (c *ConvGradWeight) RunReady(partial, src, scratch, made []float32, part int, ready func(dy []float32, r0, r1 int), done func(dy []float32, box, r0, r1 int)) {
	must("weight gradient scratch", len(scratch), 0, c.ScratchLen())
	must("weight gradient rows", len(made), 0, c.MadeLen())
	boxes, parts := c.boxes(), c.Parts()
	sums := c.gradSums(partial, parts, part, 0, c.Blocks())
	k := *c
	k.Dst = Grid{Image: c.OutH * c.OutW * c.OutC, Row: c.OutW * c.OutC, Pixel: c.OutC}
	first, end := boxes.part(part, parts)
	for i := first; i < end; i++ {
		box := boxes.at(&c.Conv, i)
		r0, rows := box.n*c.OutH+box.y, box.images*box.rows
		dy := made[:rows*c.OutW*c.OutC]
		ready(dy, r0, r0+rows)
		k.Dst.Start = 0
		k.Dst.Start = -k.Dst.At(box.n, box.y, 0)
		k.runBox(sums, src, dy, scratch, &box, 0, c.Blocks())
		done(dy, i, r0, r0+rows)
	}
}

// MadeLen returns the number of elements of dY that are made together.
func (c *ConvGradWeight) MadeLen() int {
	b := c.boxes()
	return b.images * b.rows * b.cols * c.OutC
}

// MadeRows returns the number of rows that are made together: some of one picture, or those of some pictures.
func (c *ConvGradWeight) MadeRows() int {
	b := c.boxes()
	return b.images * b.rows
}

// WholeRows reports whether no row of a picture is cut.
func (c *ConvGradWeight) WholeRows() bool {
	b := c.boxes()
	return b.per[2] == 1
}
