package nn

import "github.com/graft-ml/graft/internal/tensor"

// view is a way to walk the elements of a tensor along the axes of some shape: the element at index
// (i0, i1, …) is at off + Σ ik·steps[k]. A step may be negative, or 0 to repeat.
type view struct {
	off   int
	steps []int
}

// rowMajor returns the view of a dense tensor of the given shape.
func rowMajor(shape []int) view {
	v := view{steps: make([]int, len(shape))}
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		v.steps[i] = n
		n *= shape[i]
	}
	return v
}

// broadcastTo returns the view of a dense tensor of shape from as if it had shape to, which
// broadcastShapes has found to be possible.
func broadcastTo(from, to []int) view {
	v := view{steps: make([]int, len(to))}
	dense, skip := rowMajor(from), len(to)-len(from)
	for i, d := range from {
		if d != 1 {
			v.steps[skip+i] = dense.steps[i]
		}
	}
	return v
}

// move copies the elements of src, seen through sv, to dst, seen through dv, over shape. Both are of one type,
// which is not a two-byte float.
func move(shape []int, dst *tensor.Tensor, dv view, src *tensor.Tensor, sv view) {
	if product(shape) == 0 {
		return
	}
	if dst.DType == tensor.Float32 {
		moveSlice(shape, dst.F, dv.off, dv.steps, src.F, sv.off, sv.steps)
		return
	}
	moveSlice(shape, dst.I, dv.off, dv.steps, src.I, sv.off, sv.steps)
}

func moveSlice[T any](shape []int, dst []T, d int, ds []int, src []T, s int, ss []int) {
	switch len(shape) {
	case 0:
		dst[d] = src[s]
	case 1:
		n, dstep, sstep := shape[0], ds[0], ss[0]
		if dstep == 1 && sstep == 1 {
			copy(dst[d:d+n], src[s:s+n])
			return
		}
		for range n {
			dst[d] = src[s]
			d += dstep
			s += sstep
		}
	default:
		for range shape[0] {
			moveSlice(shape[1:], dst, d, ds[1:], src, s, ss[1:])
			d += ds[0]
			s += ss[0]
		}
	}
}
