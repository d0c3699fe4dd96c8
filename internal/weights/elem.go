package weights

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/graft-ml/graft/internal/tensor"
)

// elem is how a file stores one element, little-endian.
type elem uint8

const (
	f64 elem = iota + 1
	f32
	f16
	bf16
	i64
	i32
	i16
	i8
	u8
	boolean
)

// size returns the bytes of one element.
func (e elem) size() int64 {
	switch e {
	case f64, i64:
		return 8
	case f32, i32:
		return 4
	case f16, bf16, i16:
		return 2
	}
	return 1
}

// dtype returns the type that an element is read as.
func (e elem) dtype() tensor.DType {
	if e <= bf16 {
		return tensor.Float32
	}
	return tensor.Int64
}

// decode converts src to the elements of t from at on.
func (e elem) decode(t *tensor.Tensor, at int, src []byte) {
	size := int(e.size())
	le := binary.LittleEndian
	for i := range len(src) / size {
		b := src[i*size:]
		switch e {
		case f64:
			t.F[at+i] = float32(math.Float64frombits(le.Uint64(b)))
		case f32:
			t.F[at+i] = math.Float32frombits(le.Uint32(b))
		case f16:
			t.F[at+i] = tensor.FromFloat16(le.Uint16(b))
		case bf16:
			t.F[at+i] = math.Float32frombits(uint32(le.Uint16(b)) << 16)
		case i64:
			t.I[at+i] = int64(le.Uint64(b))
		case i32:
			t.I[at+i] = int64(int32(le.Uint32(b)))
		case i16:
			t.I[at+i] = int64(int16(le.Uint16(b)))
		case i8:
			t.I[at+i] = int64(int8(b[0]))
		case u8:
			t.I[at+i] = int64(b[0])
		case boolean:
			t.I[at+i] = int64(min(b[0], 1))
		}
	}
}

// chunk is how many bytes are read from a file at a time.
const chunk = 1 << 20

// read returns the tensor whose elements stand in r from off on, row-major. The caller has checked that they
// are there, and that shape has a number of elements.
func (e elem) read(r io.ReaderAt, off int64, shape tensor.Shape) (*tensor.Tensor, error) {
	t := tensor.New(e.dtype(), shape...)
	n, size := t.Elems(), int(e.size())
	buf := make([]byte, min(n*size, chunk))
	for at := 0; at < n; {
		b := buf[:min((n-at)*size, len(buf))]
		if _, err := io.ReadFull(io.NewSectionReader(r, off+int64(at)*int64(size), int64(len(b))), b); err != nil {
			return nil, err
		}
		e.decode(t, at, b)
		at += len(b) / size
	}
	return t, nil
}

// gather returns the tensor whose element [i j …] stands stride[0]·i + stride[1]·j + … elements behind off.
// The span of bytes from its first to its last element has been checked to be there.
func (e elem) gather(r io.ReaderAt, off, span int64, shape tensor.Shape, stride []int64) (*tensor.Tensor, error) {
	src := make([]byte, span)
	if _, err := io.ReadFull(io.NewSectionReader(r, off, span), src); err != nil {
		return nil, err
	}
	t := tensor.New(e.dtype(), shape...)
	index := make([]int, len(shape))
	size, at := e.size(), int64(0)
	for i := range t.Elems() {
		e.decode(t, i, src[at*size:(at+1)*size])
		for d := len(shape) - 1; d >= 0; d-- {
			index[d]++
			at += stride[d]
			if index[d] < shape[d] {
				break
			}
			at -= stride[d] * int64(shape[d])
			index[d] = 0
		}
	}
	return t, nil
}
