package hdf5

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
)

// filter is a step that chunks went through when they were written.
type filter struct {
	id    uint64
	param uint64 // of shuffle: the size of an element
}

// Numbers of filters, as The HDF Group registers them.
const (
	deflate    = 1
	shuffle    = 2
	fletcher32 = 3
)

var filterNames = map[uint64]string{4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf", 32001: "blosc",
	32004: "lz4", 32008: "bitshuffle", 32015: "zstd", 32026: "blosc2"}

// parseFilters parses a filter pipeline message.
func parseFilters(data []byte) ([]filter, error) {
	c := &cursor{b: data}
	version, count := c.uint(1), c.uint(1)
	switch version {
	case 1:
		c.skip(6)
	case 2:
	default:
		return nil, unsupportedf("filter pipeline message version %d, want 1 or 2", version)
	}
	var out []filter
	seen := map[uint64]bool{}
	for range count {
		f := filter{id: c.uint(2)}
		nameSize := uint64(0)
		if version == 1 || f.id >= 256 {
			nameSize = c.uint(2)
		}
		c.skip(2) // whether it may be left out
		values := c.uint(2)
		if version == 1 {
			nameSize += -nameSize & 7
			values += values & 1
		}
		c.skip(nameSize)
		params := &cursor{b: c.bytes(4 * values)}
		f.param = params.uint(4)
		switch {
		case c.short:
			return nil, formatErrorf("filter pipeline message of %d bytes is cut", len(data))
		case f.id < deflate || f.id > fletcher32:
			return nil, unsupportedf("data are filtered by %s", filterName(f.id))
		case seen[f.id]:
			return nil, unsupportedf("data are filtered twice by filter %d", f.id)
		}
		seen[f.id] = true
		out = append(out, f)
	}
	return out, nil
}

func filterName(id uint64) string {
	if name, ok := filterNames[id]; ok {
		return name
	}
	return fmt.Sprintf("filter %d", id)
}

// unfilter returns the size bytes that the filters, those apart whose bit in skipped is set, made b from.
func unfilter(filters []filter, b []byte, size, skipped uint64) ([]byte, error) {
	for i := len(filters) - 1; i >= 0; i-- {
		if skipped>>i&1 != 0 {
			continue
		}
		var err error
		switch f := filters[i]; f.id {
		case deflate:
			b, err = inflate(b, size+sums(filters[:i], skipped))
		case shuffle:
			b = unshuffle(b, f.param)
		case fletcher32:
			b, err = checkFletcher(b)
		}
		if err != nil {
			return nil, err
		}
	}
	if uint64(len(b)) != size {
		return nil, formatErrorf("%d bytes, want %d", len(b), size)
	}
	return b, nil
}

// sums returns how many bytes of checksums the filters add.
func sums(filters []filter, skipped uint64) (n uint64) {
	for i, f := range filters {
		if f.id == fletcher32 && skipped>>i&1 == 0 {
			n += 4
		}
	}
	return n
}

// inflate returns the size bytes that b, a zlib stream, holds.
func inflate(b []byte, size uint64) ([]byte, error) {
	// Deflate makes at most 1032 bytes out of one.
	if size/maxExpansion > 2*uint64(len(b)) {
		return nil, formatErrorf("%d bytes compressed into %d", size, len(b))
	}
	r, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, formatErrorf("%v", err)
	}
	out := make([]byte, size)
	if n, err := io.ReadFull(r, out); err != nil {
		return nil, formatErrorf("%d bytes, want %d: %v", n, size, err)
	}
	// The stream's own checksum is looked at where it ends.
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return nil, formatErrorf("more than %d bytes or a wrong checksum", size)
	}
	return out, nil
}

// unshuffle puts the bytes of elements of size bytes together, which shuffle sorted by their place in the
// element. What is left over at the end was not touched.
func unshuffle(b []byte, size uint64) []byte {
	if size <= 1 || size > uint64(len(b)) {
		return b
	}
	out := make([]byte, len(b))
	n := len(b) / int(size)
	for k := range int(size) {
		for i, v := range b[k*n : (k+1)*n] {
			out[i*int(size)+k] = v
		}
	}
	copy(out[n*int(size):], b[n*int(size):])
	return out
}

// checkFletcher checks the checksum that b ends with and cuts it off. It is Fletcher's with 16-bit words, high
// byte first, as HDF5 computes it.
func checkFletcher(b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, formatErrorf("%d bytes with a Fletcher checksum of 4", len(b))
	}
	data := b[:len(b)-4]
	c := cursor{b: b[len(data):]}
	want := uint32(c.uint(4))
	var low, high uint64
	for i := 0; i < len(data); i += 2 {
		word := uint64(data[i]) << 8
		if i+1 < len(data) {
			word |= uint64(data[i+1])
		}
		low = (low + word) % 0xffff
		high = (high + low) % 0xffff
	}
	// HDF5 folds its sums instead of dividing, so that 0xffff stands for 0.
	if uint64(want>>16)%0xffff != high || uint64(want&0xffff)%0xffff != low {
		return nil, formatErrorf("Fletcher checksum %04x%04x, the file says %08x", high, low, want)
	}
	return data, nil
}
