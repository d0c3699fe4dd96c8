package nn

import (
	"slices"

	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/tensor"
)

// moveWork is what it costs to change the layout of an element, in multiply-adds of a convolution.
const moveWork = 16

// toPixels emits the conversion of rows to NHWC, with a scale and shift of each channel if scale is not nil.
func (c *compiler) toPixels(dst, src *planValue, scale, shift []float32) {
	rows := newCut(dst.n*dst.h, moveWork*dst.w*dst.c)
	c.emit(step{reads: []*planValue{src}, writes: []*planValue{dst}, tasks: rows.parts, task: func(f *frame, i int) {
		eachPicture(rows, i, dst.h, func(pic, y0, y1 int) {
			kernel.FromNCHW(f.of(dst), f.of(src), dst.grid(), pic, dst.c, dst.h, dst.w, y0, y1, scale, shift)
		})
	}})
}

// toRows emits the conversion of NHWC to rows.
func (c *compiler) toRows(dst, src *planValue) {
	rows := newCut(src.n*src.h, moveWork*src.w*src.c)
	c.emit(step{reads: []*planValue{src}, writes: []*planValue{dst}, tasks: rows.parts, task: func(f *frame, i int) {
		eachPicture(rows, i, src.h, func(pic, y0, y1 int) {
			kernel.ToNCHW(f.of(dst), f.of(src), src.grid(), pic, src.c, src.h, src.w, y0, y1)
		})
	}})
}

// eachPicture calls f for each picture that part i of the rows of pictures of height h has rows of.
func eachPicture(rows cut, i, h int, f func(pic, y0, y1 int)) {
	for lo, hi := rows.at(i); lo < hi; {
		pic, y := lo/h, lo%h
		k := min(hi-lo, h-y)
		f(pic, y, y+k)
		lo += k
	}
}

// lowerConcat joins NHWC values along the channels.
func lowerConcat(c *compiler, n *Node) bool {
	axis := n.Attrs.Int("axis", 0)
	if !c.isPicture(n.Outputs[0]) || axis != 1 && axis != -3 || !slices.ContainsFunc(n.Inputs, c.inPixels) || !c.allPictures(n.Inputs) {
		return false
	}
	var srcs []*planValue
	for _, name := range n.Inputs {
		srcs = append(srcs, c.pixelsOf(name))
	}
	dst := c.newPixels(n.Outputs[0])
	c.byRow(n, dst, srcs, 2, func(f *frame, pic, y int) {
		at := 0
		for _, v := range srcs {
			kernel.CopyPixels(f.of(dst), f.of(v), dst.grid().Shift(at), v.grid(), pic, y, dst.w, v.c)
			at += v.c
		}
	})
	return true
}

func (c *compiler) allPictures(names []string) bool {
	return !slices.ContainsFunc(names, func(s string) bool { return !c.isPicture(s) })
}

// lowerTranspose is a Transpose between [N,C,H,W] and [N,H,W,C]: the data of an NHWC value lie as the rows of
// the other want them, so that only a halo has to go or come.
func lowerTranspose(c *compiler, n *Node) bool {
	if !c.isPicture(n.Inputs[0]) {
		return false
	}
	perm := n.Attrs.Ints("perm")
	switch {
	case slices.Equal(perm, []int{0, 2, 3, 1}) && c.inPixels(n.Inputs[0]):
		src := c.pixelsOf(n.Inputs[0])
		dst := c.newRows(n.Outputs[0])
		if src.dense() {
			dst.share(src)
			return true
		}
		plain := *src // dst seen as a picture
		plain.halo = halo{}
		c.copyPixels(n, dst, src, plain.grid(), src.grid(), src)
		return true
	case slices.Equal(perm, []int{0, 3, 1, 2}) && !c.inPixels(n.Inputs[0]):
		src := c.rowsOf(n.Inputs[0])
		dst := c.newPixels(n.Outputs[0])
		if dst.dense() {
			dst.share(src)
			return true
		}
		plain := *dst
		plain.halo = halo{}
		c.copyPixels(n, dst, src, dst.grid(), plain.grid(), dst)
		return true
	}
	return false
}

// copyPixels emits a copy between two grids over pictures of pic's extents.
func (c *compiler) copyPixels(n *Node, dst, src *planValue, to, from kernel.Grid, pic *planValue) {
	rows := newCut(pic.n*pic.h, 2*pic.w*pic.c)
	c.emit(step{node: n, reads: []*planValue{src}, writes: []*planValue{dst}, tasks: rows.parts, task: func(f *frame, i int) {
		lo, hi := rows.at(i)
		for r := lo; r < hi; r++ {
			kernel.CopyPixels(f.of(dst), f.of(src), to, from, r/pic.h, r%pic.h, pic.w, pic.c)
		}
	}})
}

// lowerReshape gives the same rows another shape, without a copy.
func lowerReshape(c *compiler, n *Node) bool {
	src := c.rowsOf(n.Inputs[0])
	c.newRows(n.Outputs[0]).share(src)
	return true
}

// byDefinition emits the operator's own forward, on rows.
func (c *compiler) byDefinition(n *Node) { c.defined(n, ops[n.Op]) }

// defined emits the forward of def, on rows.
func (c *compiler) defined(n *Node, def *opDef) {
	call := &call{node: n, pool: c.plan.pool}
	var reads, writes []*planValue
	var in, out []*planValue
	for _, name := range n.Inputs {
		t, v := (*tensor.Tensor)(nil), (*planValue)(nil)
		if name != "" {
			if t = c.infos[name].Const; t == nil {
				v = c.rowsOf(name)
				t = c.header(v)
				reads = append(reads, v)
			}
		}
		call.in, in = append(call.in, t), append(in, v)
	}
	for _, name := range n.Outputs {
		t, v := (*tensor.Tensor)(nil), (*planValue)(nil)
		if name != "" {
			v = c.newRows(name)
			t = c.header(v)
			writes = append(writes, v)
		}
		call.out, out = append(call.out, t), append(out, v)
	}
	forward := def.forward
	c.emit(step{node: n, reads: reads, writes: writes, whole: func(f *frame) error {
		point(f, call.in, in)
		point(f, call.out, out)
		return forward(call)
	}})
}

// header returns a tensor for v. That of a float is pointed at the memory of each run; others, which are
// rare and small, have their own.
func (c *compiler) header(v *planValue) *tensor.Tensor {
	if v.info.DType == tensor.Float32 {
		return &tensor.Tensor{DType: tensor.Float32, Shape: v.info.Shape}
	}
	r := v.root()
	if r.other == nil {
		r.other, r.place = tensor.New(r.info.DType, r.info.Shape...), inConst
	}
	t := *r.other
	t.Shape = v.info.Shape
	return &t
}

// point sets the data of the headers whose values lie in the memory of a run.
func point(f *frame, headers []*tensor.Tensor, values []*planValue) {
	for i, v := range values {
		if v != nil && v.info.DType == tensor.Float32 {
			headers[i].F = f.of(v)
		}
	}
}
