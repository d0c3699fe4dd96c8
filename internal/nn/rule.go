package nn

import (
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// This file holds what shape rules have in common.

// wantFloats checks that the inputs that are present are Float32.
func wantFloats(n *Node, in []Info) error {
	for i, v := range in {
		if v.DType != tensor.Float32 && v.DType != tensor.Invalid {
			return n.errorf("input %d is %v, want float32", i, v.DType)
		}
	}
	return nil
}

// wantNumbers checks that the inputs that are present have one type, and that it has arithmetic.
func wantNumbers(n *Node, in []Info) error {
	for i, v := range in {
		if v.DType == tensor.Float16 || v.DType == tensor.BFloat16 || v.DType == tensor.Bool {
			return n.errorf("input %d is %v, want float32 or an integer", i, v.DType)
		}
		if v.DType != in[0].DType && v.DType != tensor.Invalid {
			return n.errorf("input %d is %v, want %v as input 0", i, v.DType, in[0].DType)
		}
	}
	return nil
}

// wantPlain checks that v is kept one element to a slot, as all but the two-byte floats are.
func wantPlain(n *Node, v Info) error {
	if v.DType == tensor.Float16 || v.DType == tensor.BFloat16 {
		return n.errorf("%v has no arithmetic here, want a Cast to float32 first", v.DType)
	}
	return nil
}

// likeFloats is the shape rule of an operator on Float32 whose output is like its first input.
func likeFloats(n *Node, in []Info) ([]Info, error) {
	if err := wantFloats(n, in); err != nil {
		return nil, err
	}
	return []Info{{DType: in[0].DType, Shape: in[0].Shape}}, nil
}

// axisOf returns axis a of a value of the given rank, counted from the end if it is negative.
func axisOf(n *Node, a, rank int) (int, error) {
	if a < -rank || a >= rank {
		return 0, n.errorf("axis %d of a value of rank %d", a, rank)
	}
	if a < 0 {
		a += rank
	}
	return a, nil
}

// axesOf is axisOf for a list, which may not name an axis twice. The result is sorted.
func axesOf(n *Node, axes []int, rank int) ([]int, error) {
	if len(axes) > rank {
		return nil, n.errorf("%d axes of a value of rank %d", len(axes), rank)
	}
	out := make([]int, 0, len(axes))
	for _, a := range axes {
		a, err := axisOf(n, a, rank)
		if err != nil {
			return nil, err
		}
		if slices.Contains(out, a) {
			return nil, n.errorf("axis %d is named twice in %v", a, axes)
		}
		out = append(out, a)
	}
	slices.Sort(out)
	return out, nil
}

// maxList bounds the lists of axes, extents and sizes that are inputs.
const maxList = 4096

// constInts returns the values of input i, a list of integers that must be known before a run. An absent
// input has none, and ok is false.
func constInts(n *Node, in []Info, i int) (v []int, ok bool, err error) {
	if i >= len(in) || in[i].DType == tensor.Invalid {
		return nil, false, nil
	}
	t := in[i].Const
	switch {
	case in[i].DType != tensor.Int64 && in[i].DType != tensor.Int32:
		return nil, false, n.errorf("input %d is %v, want int64", i, in[i].DType)
	case len(in[i].Shape) > 1 || len(in[i].Shape) == 1 && in[i].Shape[0] > maxList:
		return nil, false, n.errorf("input %d has shape %v, want a list of at most %d", i, in[i].Shape, maxList)
	case t == nil:
		return nil, false, n.errorf("input %d depends on the pictures; it must be known before a run", i)
	}
	v = make([]int, len(t.I))
	for k, x := range t.I {
		v[k] = int(x)
	}
	return v, true, nil
}

// input returns in[i], or the zero Info where the node has fewer inputs.
func input(in []Info, i int) Info {
	if i < len(in) {
		return in[i]
	}
	return Info{}
}

// arg returns c.in[i], or nil where the node has fewer inputs.
func (c *call) arg(i int) *tensor.Tensor {
	if i < len(c.in) {
		return c.in[i]
	}
	return nil
}

// ints returns the values of input i, which constInts has checked; nil for an absent input.
func (c *call) ints(i int) []int {
	t := c.arg(i)
	if t == nil {
		return nil
	}
	v := make([]int, len(t.I))
	for k, x := range t.I {
		v[k] = int(x)
	}
	return v
}

// product returns the number of elements of a shape that is known to have one.
func product(s []int) int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// chunked runs f over [0,n) in pieces of some thousand, in parallel.
func (c *call) chunked(n int, f func(lo, hi int)) {
	const piece = 1 << 14
	c.parallel((n+piece-1)/piece, func(i int) { f(i*piece, min((i+1)*piece, n)) })
}
