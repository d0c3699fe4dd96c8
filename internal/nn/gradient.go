package nn

import "github.com/graft-ml/graft/internal/tensor"

// This file holds what the backward passes of several operators have in common. Each of them is the definition:
// row-major, its sums in float64 and in an order that the shapes alone decide, parallel over elements that no
// other task writes.

// noGradient is the backward of an operator that is constant wherever it has a derivative.
func noGradient(*call, []*tensor.Tensor, []*tensor.Tensor) error { return nil }

// addThrough adds the elements of src, seen through sv, to those of dst, seen through dv, over shape. No two
// indices of shape meet in one element of dst.
func (c *call) addThrough(shape tensor.Shape, dst []float32, dv view, src []float32, sv view) {
	dstep, sstep := lastStep(dv), lastStep(sv)
	c.alongKept(shape, []view{dv, sv}, func(_, n int, at []int) {
		d, s := at[0], at[1]
		for range n {
			dst[d] += src[s]
			d, s = d+dstep, s+sstep
		}
	})
}

// unstretch adds to dX the elements i of dY for which of(i), summed over the axes along which dX stretches to the
// shape of dY. A nil of means all.
func (c *call) unstretch(dX, dY *tensor.Tensor, of func(i int) bool) {
	views := []view{broadcastTo(dX.Shape, dY.Shape), rowMajor(dY.Shape)}
	dx, dy := lastStep(views[0]), lastStep(views[1])
	sums := make([]float64, len(dX.F))
	c.alongKept(dY.Shape, views, func(_, n int, at []int) {
		ix, iy := at[0], at[1]
		for range n {
			if of == nil || of(iy) {
				sums[ix] += float64(dY.F[iy])
			}
			ix, iy = ix+dx, iy+dy
		}
	})
	addSums(dX.F, sums)
}

// addSums adds each of sums, rounded once, to dst.
func addSums(dst []float32, sums []float64) {
	for i, s := range sums {
		dst[i] += float32(s)
	}
}

// grad returns d[i], the gradient by input or output i of a node; nil where there is none or none is wanted.
func grad(d []*tensor.Tensor, i int) *tensor.Tensor {
	if i < len(d) {
		return d[i]
	}
	return nil
}
