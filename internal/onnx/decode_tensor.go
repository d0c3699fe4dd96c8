package onnx

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/graft-ml/graft/internal/tensor"
)

// rawTensor is a TensorProto as it stands in the file: the elements are in one of the lists, or in raw.
type rawTensor struct {
	name   string
	proto  int64
	shape  tensor.Shape
	raw    []byte
	hasRaw bool
	f32    []float32 // float_data, and double_data narrowed
	i32    []int64   // int32_data, which also holds the smaller types
	i64    []int64
}

// decodeTensor reads a TensorProto and returns its name and value.
func decodeTensor(msg []byte) (string, *tensor.Tensor, error) {
	r, t := reader{rest: msg}, rawTensor{}
	for r.next() {
		switch r.num {
		case 1:
			t.shape = appendDims(&r, t.shape)
		case 2:
			t.proto = r.int()
		case 3:
			return t.name, nil, unsupportedf("a tensor stored in segments")
		case 4:
			t.f32 = r.floats(t.f32)
		case 5:
			t.i32 = r.ints(t.i32)
		case 7:
			t.i64 = r.ints(t.i64)
		case 8:
			t.name = r.str()
		case 9:
			t.raw, t.hasRaw = r.bytes(), true
		case 10:
			t.f32 = r.doubles(t.f32)
		case 13:
			return t.name, nil, errExternal
		case 14:
			if r.int() == 1 {
				return t.name, nil, errExternal
			}
		}
	}
	if r.err != nil {
		return t.name, nil, r.err
	}
	v, err := t.value()
	return t.name, v, err
}

// errExternal refuses weights in another file: the name of that file comes from the model, and a model
// must not choose which files of its reader are opened.
var errExternal = UnsupportedError("its data lies in another file (external_data), which graft does not open; " +
	"save the model with the weights inside (onnx.save_model(m, path, save_as_external_data=False))")

func appendDims(r *reader, shape tensor.Shape) tensor.Shape {
	for _, d := range r.ints(nil) {
		switch {
		case d < 0 || d > math.MaxInt32:
			r.fail("a dimension of %d", d)
		case len(shape) == maxRank:
			r.fail("more than %d dimensions", maxRank)
			return shape
		}
		shape = append(shape, int(d))
	}
	return shape
}

// value checks that the elements given are as many as the shape says and brings them into memory's form.
func (t *rawTensor) value() (*tensor.Tensor, error) {
	dtype, err := dtypeOf(t.proto)
	if err != nil {
		return nil, err
	}
	n, err := t.shape.Elems()
	if err != nil {
		return nil, formatErrorf("%v", err)
	}
	out := &tensor.Tensor{DType: dtype, Shape: t.shape}
	if t.hasRaw {
		if size := rawSize(t.proto); n > math.MaxInt/8 || n*size != len(t.raw) {
			return nil, formatErrorf("shape %v of %s takes %d bytes, raw_data has %d", t.shape, protoNames[t.proto], n*size, len(t.raw))
		}
		t.fromRaw(out, n)
		return out, nil
	}
	if have := t.fromLists(out); have != n {
		return nil, formatErrorf("shape %v has %d elements, %d are given", t.shape, n, have)
	}
	return out, nil
}

func (t *rawTensor) fromRaw(out *tensor.Tensor, n int) {
	switch t.proto {
	case protoFloat:
		out.F = floatsOf(t.raw)
	case protoDouble:
		out.F = make([]float32, n)
		for i := range out.F {
			out.F[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(t.raw[8*i:])))
		}
	case protoFloat16, protoBFloat16:
		out.Raw = t.raw
	default:
		out.I = make([]int64, n)
		for i := range out.I {
			switch t.proto {
			case protoInt64:
				out.I[i] = int64(binary.LittleEndian.Uint64(t.raw[8*i:]))
			case protoInt32:
				out.I[i] = int64(int32(binary.LittleEndian.Uint32(t.raw[4*i:])))
			case protoUint8:
				out.I[i] = int64(t.raw[i])
			case protoBool:
				out.I[i] = int64(min(t.raw[i], 1))
			}
		}
	}
}

// fromLists takes the elements from the typed lists and returns how many there are.
func (t *rawTensor) fromLists(out *tensor.Tensor) int {
	switch t.proto {
	case protoFloat, protoDouble:
		out.F = t.f32
		return len(out.F)
	case protoFloat16, protoBFloat16:
		for _, v := range t.i32 {
			out.Raw = binary.LittleEndian.AppendUint16(out.Raw, uint16(v))
		}
		return len(t.i32)
	case protoInt64:
		out.I = t.i64
	default:
		out.I = t.i32
		for i, v := range out.I {
			switch t.proto {
			case protoInt32:
				out.I[i] = int64(int32(v))
			case protoUint8:
				out.I[i] = int64(uint8(v))
			case protoBool:
				out.I[i] = min(v&1, 1)
			}
		}
	}
	return len(out.I)
}

// littleEndian reports whether this machine stores numbers as files do.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// floatsOf returns the little-endian floats in b, over b itself if the machine can read them there.
func floatsOf(b []byte) []float32 {
	n := len(b) / 4
	if n == 0 {
		return []float32{}
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	if littleEndian && uintptr(p)%4 == 0 {
		return unsafe.Slice((*float32)(p), n)
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

// bytesOf returns f as little-endian bytes, over f itself if the machine stores them so.
func bytesOf(f []float32) []byte {
	if len(f) == 0 {
		return nil
	}
	if littleEndian {
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f))), 4*len(f))
	}
	out := make([]byte, 0, 4*len(f))
	for _, v := range f {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}
