package weights

import (
	"math"

	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/weights/hdf5"
)

// kerasArray is an array of a Keras file.
type kerasArray struct {
	d     *hdf5.Dataset
	shape tensor.Shape
	elems int
	dtype tensor.DType
	typ   hdf5.Type
}

func newKerasArray(d *hdf5.Dataset) (a kerasArray, err error) {
	a = kerasArray{d: d, shape: tensor.Shape(d.Shape), dtype: tensor.Float32, typ: d.Type}
	if a.elems, err = a.shape.Elems(); err != nil {
		return a, formatErrorf("%q: %v", d.Path(), err)
	}
	switch a.typ.Class {
	case hdf5.Float, hdf5.BFloat:
		return a, nil
	case hdf5.Int:
		// Eight bytes are taken for each; weights files have counters.
		if a.elems > maxKerasInts {
			return a, unsupportedf("%q: %d integers, at most %d are read", d.Path(), a.elems, maxKerasInts)
		}
		a.dtype = tensor.Int64
		return a, nil
	case hdf5.Opaque:
		// h5py knows no bfloat16 and writes two opaque bytes; Keras says what they are.
		if ok, err := d.HasAttr("dtype"); err != nil {
			return a, err
		} else if ok && a.typ.Size == 2 {
			if s, err := d.Strings("dtype"); err == nil && len(s) == 1 && s[0] == "bfloat16" {
				a.typ.Class = hdf5.BFloat
				return a, nil
			}
		}
	}
	return a, unsupportedf("%q: %v, want floats or integers", d.Path(), a.typ)
}

// maxKerasInts bounds the length of an array of integers.
const maxKerasInts = 1 << 24

func (a kerasArray) read() (*tensor.Tensor, error) {
	if err := a.d.Check(); err != nil {
		return nil, kerasError(err)
	}
	t := tensor.New(a.dtype, a.shape...)
	err := a.d.Read(func(first int, elems []byte) {
		if a.dtype == tensor.Float32 {
			a.floats(t.F[first:], elems)
		} else {
			a.ints(t.I[first:], elems)
		}
	})
	if err != nil {
		return nil, kerasError(err)
	}
	return t, nil
}

// floats widens elems to dst.
func (a kerasArray) floats(dst []float32, elems []byte) {
	size, order := a.typ.Size, a.typ.Order
	for i := range len(elems) / size {
		b := elems[i*size:]
		switch {
		case a.typ.Class == hdf5.BFloat:
			dst[i] = math.Float32frombits(uint32(order.Uint16(b)) << 16)
		case size == 2:
			dst[i] = tensor.FromFloat16(order.Uint16(b))
		case size == 4:
			dst[i] = math.Float32frombits(order.Uint32(b))
		default:
			dst[i] = float32(math.Float64frombits(order.Uint64(b)))
		}
	}
}

// ints widens elems to dst; unsigned numbers of 2^63 and more wrap around.
func (a kerasArray) ints(dst []int64, elems []byte) {
	size, order := a.typ.Size, a.typ.Order
	for i := range len(elems) / size {
		b := elems[i*size:]
		var u uint64
		switch size {
		case 1:
			u = uint64(b[0])
		case 2:
			u = uint64(order.Uint16(b))
		case 4:
			u = uint64(order.Uint32(b))
		default:
			u = order.Uint64(b)
		}
		if unused := 64 - 8*size; a.typ.Signed {
			dst[i] = int64(u<<unused) >> unused
		} else {
			dst[i] = int64(u)
		}
	}
}
