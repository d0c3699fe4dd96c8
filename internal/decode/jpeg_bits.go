package decode

import (
	"encoding/binary"
	"io"
)

// bitReader reads the entropy-coded data of a scan, most significant bit first (T.81 F.2.2.5). At a marker or
// the end of the file it goes on with zero bits, of which it keeps count: [bitReader.err] tells whether any
// were used, so that the loops above need to ask only now and then.
type bitReader struct {
	data []byte
	at   int    // the next byte that acc does not hold
	acc  uint64 // unread bits from the top down; below the first n are zeros, or bits that come next anyway
	n    int
	pad  int // zero bits made up so far
}

// fill makes at least 56 bits available.
func (r *bitReader) fill() {
	if r.at+8 <= len(r.data) {
		const low, high = 0x0101010101010101, 0x8080808080808080
		x := binary.BigEndian.Uint64(r.data[r.at:])
		if y := ^x; (y-low)&^y&high == 0 { // none of the eight bytes is 0xff
			r.acc |= x >> r.n
			bytes := (63 - r.n) / 8
			r.at += bytes
			r.n += 8 * bytes
			return
		}
	}
	for r.n <= 56 {
		r.acc |= uint64(r.next()) << (56 - r.n)
		r.n += 8
	}
}

// next returns the next byte of coded data, in which 0xff is written as 0xff 0x00, or 0 once there is none.
func (r *bitReader) next() byte {
	if r.at < len(r.data) && r.data[r.at] != 0xff {
		r.at++
		return r.data[r.at-1]
	}
	end := r.at + 1
	for end < len(r.data) && r.data[end] == 0xff { // fill bytes
		end++
	}
	if end < len(r.data) && r.data[end] == 0 {
		r.at = end + 1
		return 0xff
	}
	r.pad += 8
	return 0
}

// err reports whether more bits were taken than there are.
func (r *bitReader) err() error {
	switch {
	case r.n >= r.pad:
		return nil
	case r.at+1 >= len(r.data):
		return io.ErrUnexpectedEOF
	}
	return FormatError("jpeg: coded data ends before the picture is whole")
}

// bits returns the next n bits, 0 to 16 of them.
func (r *bitReader) bits(n int) int32 {
	if r.n < n {
		r.fill()
	}
	v := int32(r.acc >> 1 >> (63 - n))
	r.acc <<= n
	r.n -= n
	return v
}

// take returns the next n bits, 0 to 56 of them, at the top.
func (r *bitReader) take(n int) uint64 {
	if r.n < n {
		r.fill()
	}
	v := r.acc
	r.acc <<= n
	r.n -= n
	return v
}

// extend is EXTEND of T.81 F.2.2.1: the number that n bits, 0 to 16 of them, stand for.
func extend(bits int32, n int) int32 {
	if bits < 1<<n>>1 {
		return bits - 1<<n + 1
	}
	return bits
}

// restart skips to after the restart marker that is due, RST0 plus number, and starts afresh.
func (r *bitReader) restart(number int) error {
	for at := r.at; at+1 < len(r.data); at++ {
		if next := r.data[at+1]; r.data[at] != 0xff || next == 0 || next == 0xff {
			continue
		}
		if int(r.data[at+1]) != 0xd0+number {
			return FormatError("jpeg: a restart marker is missing")
		}
		*r = bitReader{data: r.data, at: at + 2}
		return nil
	}
	return io.ErrUnexpectedEOF
}
