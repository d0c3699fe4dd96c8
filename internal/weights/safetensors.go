package weights

import (
	"cmp"
	"encoding/binary"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/graft-ml/graft/internal/tensor"
)

// maxHeader is the format's own limit.
const maxHeader = 100_000_000

// safetensorsTypes are the element types that weights have. The format has more, for quantised and complex
// numbers.
var safetensorsTypes = map[string]elem{
	"F64": f64, "F32": f32, "F16": f16, "BF16": bf16,
	"I64": i64, "I32": i32, "I16": i16, "I8": i8, "U8": u8, "BOOL": boolean,
}

// openSafetensors reads the length of the header, the header, which is JSON, and checks that the arrays fill
// what follows without a hole or an overlap: so nothing can hide in a file, and none can promise more than
// its size.
func openSafetensors(r io.ReaderAt, size int64) (*File, error) {
	var length [8]byte
	if _, err := r.ReadAt(length[:], 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, formatErrorf("safetensors: a header of %d bytes in a file of %d (the limit is %d): is it cut short?", n, size, maxHeader)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(io.NewSectionReader(r, 8, int64(n)), header); err != nil {
		return nil, err
	}
	if !utf8.Valid(header) {
		return nil, formatErrorf("safetensors: the header is not UTF-8")
	}
	h, err := parseHeader(header)
	if err != nil {
		return nil, named("safetensors: header", err)
	}
	begin := 8 + int64(n)
	if err := contiguous(h.entries, size-begin); err != nil {
		return nil, named("safetensors", err)
	}
	f := &File{Format: Safetensors, Metadata: h.metadata}
	for _, e := range h.entries {
		f.Tensors = append(f.Tensors, Tensor{Name: e.name, Shape: e.shape, DType: e.elem.dtype(),
			Read: func() (*tensor.Tensor, error) { return e.elem.read(r, begin+e.begin, e.shape) }})
	}
	slices.SortFunc(f.Tensors, func(a, b Tensor) int { return cmp.Compare(a.Name, b.Name) })
	return f, nil
}

// contiguous sorts entries by place and checks that they lie one behind the other from 0 to size, and that
// each is as long as its shape and type say.
func contiguous(entries []headerEntry, size int64) error {
	slices.SortFunc(entries, func(a, b headerEntry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.name, b.name))
	})
	at := int64(0)
	for _, e := range entries {
		n, err := e.shape.Elems()
		switch {
		case err != nil:
			return formatErrorf("tensor %.200q: %v", e.name, err)
		case e.begin > at:
			return formatErrorf("tensor %.200q: begins at %d, %d bytes behind the one before", e.name, e.begin, e.begin-at)
		case e.begin < at:
			return formatErrorf("tensor %.200q: begins at %d, within the one before, which ends at %d", e.name, e.begin, at)
		case e.end > size:
			return formatErrorf("tensor %.200q: ends at %d, behind the data's end at %d: the file is cut short", e.name, e.end, size)
		case e.end < at || (e.end-at)%e.elem.size() != 0 || (e.end-at)/e.elem.size() != int64(n):
			return formatErrorf("tensor %.200q: %d bytes for shape %v of %d bytes each", e.name, e.end-at, e.shape, e.elem.size())
		}
		at = e.end
	}
	if at != size {
		return formatErrorf("%d bytes behind the last tensor", size-at)
	}
	return nil
}
