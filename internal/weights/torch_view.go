package weights

import (
	"cmp"
	"io"
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// place is where a view lies in its file.
type place struct {
	elem   elem
	shape  tensor.Shape
	stride []int64 // nil: row-major, without gaps
	off    int64   // of the first byte
	span   int64   // bytes from the first element to the last
}

func (p place) read(r io.ReaderAt) (*tensor.Tensor, error) {
	if p.stride == nil {
		return p.elem.read(r, p.off, p.shape)
	}
	return p.elem.gather(r, p.off, p.span, p.shape, p.stride)
}

// place checks that every element of v lies in its storage, and none where another does.
func (v *view) place() (place, error) {
	if v.storage == nil {
		return place{}, formatErrorf("has no storage")
	}
	s := v.storage
	p := place{elem: s.elem, shape: make(tensor.Shape, len(v.size))}
	for i, d := range v.size {
		p.shape[i] = int(d)
		if d < 0 || int64(p.shape[i]) != d {
			return place{}, formatErrorf("size %v", v.size)
		}
	}
	n, err := p.shape.Elems()
	if err != nil {
		return place{}, formatErrorf("%v", err)
	}
	if n == 0 {
		return p, nil
	}
	if v.offset < 0 || v.offset >= s.n {
		return place{}, formatErrorf("begins at element %d of a storage of %d", v.offset, s.n)
	}
	elems, err := v.reach(s.n - v.offset)
	if err != nil {
		return place{}, err
	}
	if !v.rowMajor() {
		p.stride = v.stride
	}
	p.off, p.span = s.off+v.offset*s.elem.size(), elems*s.elem.size()
	return p, nil
}

// reach returns how many elements lie from v's first to its last, both counted, which may be at most limit.
// Axes of one element have no stride to speak of. Each of the others must step over all that the axes of
// smaller strides reach: so no element is another's twin, as in a tensor that torch's expand made of one row.
func (v *view) reach(limit int64) (int64, error) {
	var axes []int
	for i, d := range v.size {
		if d > 1 {
			axes = append(axes, i)
		}
	}
	slices.SortFunc(axes, func(a, b int) int { return cmp.Compare(v.stride[a], v.stride[b]) })
	reach := int64(1)
	for _, i := range axes {
		size, stride := v.size[i], v.stride[i]
		if stride < reach {
			return 0, formatErrorf("size %v with strides %v: elements lie one on another (save a clone of it)", v.size, v.stride)
		}
		if stride > limit || size-1 > (limit-reach)/stride {
			return 0, formatErrorf("size %v with strides %v reaches beyond its storage, where %d elements are left", v.size, v.stride, limit)
		}
		reach += (size - 1) * stride
	}
	return reach, nil
}

// rowMajor reports whether the elements stand as in a tensor of their own.
func (v *view) rowMajor() bool {
	want := int64(1)
	for i := len(v.size) - 1; i >= 0; i-- {
		if v.size[i] > 1 && v.stride[i] != want {
			return false
		}
		want *= v.size[i]
	}
	return true
}
