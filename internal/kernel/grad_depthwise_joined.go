package kernel

// DepthwiseGrad is both gradients of a depthwise convolution in one pass over the rows of dY, which are made as they are
// needed and kept nowhere.
type DepthwiseGrad struct {
	Weight DepthwiseGradWeight // its Dst is not read
	In     DepthwiseGradInput  // neither are the places of dY in its phases
}

// Joins reports whether the gradients may be computed together: each row of the output then stands for as many rows of
// the input as the stride says.
func (d *DepthwiseGrad) Joins() bool {
	for i := range d.In.Phases {
		if d.In.Phases[i].OutH > d.Weight.OutH {
			return false
		}
	}
	return true
}

// reach returns the rows of dY that row 0 reads: from lo, if negative above it, to hi.
func (d *DepthwiseGrad) reach() (lo, hi int) {
	hi = 1
	for i := range d.In.Phases {
		if p := &d.In.Phases[i]; p.KH*p.KW > 0 {
			lo, hi = min(lo, p.y.from), max(hi, p.y.from+(p.KH-1)*p.DilH+1)
		}
	}
	return lo, hi
}

// windows returns what holds the rows of dY and those of a normalised input, and the rows that are computed together.
func (d *DepthwiseGrad) windows(src []float32) (dy, x RowWindow, rows int) {
	w := &d.Weight
	lo, hi := d.reach()
	dy, rows = newRowWindow(w.OutH, w.OutW, w.C, d.In.Left, d.In.Right, hi-lo, 1)
	if w.Input != nil {
		var most int
		x, most = w.Input.window(src)
		rows = min(rows, most)
	}
	return dy, x, rows
}

// ScratchLen returns the number of elements that Run needs for itself.
func (d *DepthwiseGrad) ScratchLen() int {
	dy, x, _ := d.windows(nil)
	return dy.Len() + x.Len()
}

// Run computes the sums of a part of Weight, and the gradient by the rows of the input that it stands for. fill makes
// row y of picture n of dY; done is called when all rows of a unit of Weight are there.
func (d *DepthwiseGrad) Run(partial, dx, src, packed, scratch []float32, part int, fill func(dst []float32, n, y int), done func(unit int)) {
	w := &d.Weight
	must("depthwise gradient part", w.Parts(), 0, part+1)
	must("depthwise gradient sums", len(partial), 0, w.PartialLen())
	sums := partial[part*w.PackedLen():][:w.PackedLen()]
	clear(sums)
	dy, x, most := d.windows(src)
	dy.Fill = fill
	dy.Start(scratch)
	if w.Input != nil {
		x.Start(scratch[dy.Len():])
	}
	u0, u1 := w.units(part)
	for u := u0; u < u1; u++ {
		n, y0, y1 := w.unit(u)
		for y := y0; y < y1; y += most {
			d.rows(sums, dx, src, packed, &dy, &x, n, y, min(y1, y+most))
		}
		done(u)
	}
}

// rows does the work of the rows [y0, y1) of picture n of dY.
func (d *DepthwiseGrad) rows(sums, dx, src, packed []float32, dy, x *RowWindow, n, y0, y1 int) {
	lo, hi := d.reach()
	made, grid := dy.At(n, y0+lo, y1-1+hi), dy.Grid()
	k := d.Weight
	k.N, k.OutH, k.Dst = 1, y1-y0, grid
	k.Dst.Start = -lo*grid.Row + dy.Left*dy.C
	if k.Input != nil {
		a, b := k.Input.inputs(y0, y1)
		k.Src = x.Grid()
		k.gradRows(sums, x.At(n, a, b), made, 0, k.OutH, 0, k.C)
	} else {
		k.Src.Start = k.Src.At(n, y0*k.StrideH, 0)
		k.gradRows(sums, src, made, 0, k.OutH, 0, k.C)
	}
	for i := range d.In.Phases {
		p := d.In.Phases[i]
		end := min(y1, p.OutH)
		if y0 >= end {
			continue
		}
		p.N, p.OutH, p.Dst.Start = 1, end-y0, p.Dst.At(n, y0, 0)
		p.Src = grid
		p.Src.Start = (p.y.from-lo)*grid.Row + (dy.Left+p.x.from)*dy.C
		p.Run(dx, made, nil, p.Packed(packed), 0, p.OutH)
	}
}
