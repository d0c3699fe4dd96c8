package onnx

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// reader walks the fields of one protobuf message. The first error sticks and ends the walk:
//
//	for r.next() {
//		switch r.num {
//		case 1:
//			name = r.str()
//		}
//	}
//	return r.err
//
// It does not recurse: a message inside a message is a field's bytes, read by a reader of its own, and
// there are as many of these as the code has levels, whatever the file nests.
type reader struct {
	rest []byte
	num  protowire.Number
	typ  protowire.Type
	v    uint64 // the value of a varint or a fixed-size field
	b    []byte // the value of a length-delimited field, part of the file's own bytes
	err  error
}

// next moves to the next field and reports whether there is one.
func (r *reader) next() bool {
	if r.err != nil || len(r.rest) == 0 {
		return false
	}
	var n int
	if r.num, r.typ, n = protowire.ConsumeTag(r.rest); n < 0 {
		return r.fail("bad field tag")
	}
	r.rest = r.rest[n:]
	switch r.typ {
	case protowire.VarintType:
		r.v, n = protowire.ConsumeVarint(r.rest)
	case protowire.Fixed32Type:
		var v uint32
		v, n = protowire.ConsumeFixed32(r.rest)
		r.v = uint64(v)
	case protowire.Fixed64Type:
		r.v, n = protowire.ConsumeFixed64(r.rest)
	case protowire.BytesType:
		r.b, n = protowire.ConsumeBytes(r.rest) // checks the length against what is left
	default: // groups: no ONNX message has any
		return r.fail("field %d: wire type %d is not used by ONNX", r.num, r.typ)
	}
	if n < 0 {
		return r.fail("field %d: cut short, or longer than the %d bytes left", r.num, len(r.rest))
	}
	r.rest = r.rest[n:]
	return true
}

func (r *reader) fail(format string, args ...any) bool {
	if r.err == nil {
		r.err = formatErrorf(format, args...)
	}
	return false
}

// is records an error unless the field has wire type t.
func (r *reader) is(t protowire.Type) bool {
	if r.typ == t {
		return true
	}
	return r.fail("field %d: wire type %d, want %d", r.num, r.typ, t)
}

func (r *reader) bytes() []byte {
	if !r.is(protowire.BytesType) {
		return nil
	}
	return r.b
}

func (r *reader) str() string { return string(r.bytes()) }

func (r *reader) int() int64 {
	if !r.is(protowire.VarintType) {
		return 0
	}
	return int64(r.v)
}

func (r *reader) float() float32 {
	if !r.is(protowire.Fixed32Type) {
		return 0
	}
	return math.Float32frombits(uint32(r.v))
}

// ints appends to dst the integers of a repeated field, which may stand packed or one by one.
func (r *reader) ints(dst []int64) []int64 {
	if r.typ == protowire.VarintType {
		return append(dst, int64(r.v))
	}
	b := r.bytes()
	for len(b) > 0 {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			r.fail("field %d: bad varint", r.num)
			return dst
		}
		dst, b = append(dst, int64(v)), b[n:]
	}
	return dst
}

// floats appends to dst the floats of a repeated field, which may stand packed or one by one.
func (r *reader) floats(dst []float32) []float32 {
	if r.typ == protowire.Fixed32Type {
		return append(dst, math.Float32frombits(uint32(r.v)))
	}
	b := r.bytes()
	for len(b) > 0 {
		v, n := protowire.ConsumeFixed32(b)
		if n < 0 {
			r.fail("field %d: %d bytes over", r.num, len(b))
			return dst
		}
		dst, b = append(dst, math.Float32frombits(v)), b[n:]
	}
	return dst
}

// doubles appends to dst the doubles of a repeated field, narrowed.
func (r *reader) doubles(dst []float32) []float32 {
	if r.typ == protowire.Fixed64Type {
		return append(dst, float32(math.Float64frombits(r.v)))
	}
	b := r.bytes()
	for len(b) > 0 {
		v, n := protowire.ConsumeFixed64(b)
		if n < 0 {
			r.fail("field %d: %d bytes over", r.num, len(b))
			return dst
		}
		dst, b = append(dst, float32(math.Float64frombits(v))), b[n:]
	}
	return dst
}

// rope is a message under construction: parts that are written one after another. Large parts are the
// caller's own memory.
type rope struct {
	parts [][]byte
	size  int
}

func (r *rope) add(b []byte) {
	r.parts = append(r.parts, b)
	r.size += len(b)
}

func (r *rope) varint(num protowire.Number, v int64) {
	r.add(protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), uint64(v)))
}

func (r *rope) float(num protowire.Number, v float32) {
	r.add(protowire.AppendFixed32(protowire.AppendTag(nil, num, protowire.Fixed32Type), math.Float32bits(v)))
}

func (r *rope) str(num protowire.Number, s string) {
	r.add(protowire.AppendString(protowire.AppendTag(nil, num, protowire.BytesType), s))
}

// bytes adds a length-delimited field whose value is b itself.
func (r *rope) bytes(num protowire.Number, b []byte) {
	r.add(protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.BytesType), uint64(len(b))))
	r.add(b)
}

// message adds m as a field. m must not be used afterwards.
func (r *rope) message(num protowire.Number, m *rope) {
	r.add(protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.BytesType), uint64(m.size)))
	r.parts = append(r.parts, m.parts...)
	r.size += m.size
}
