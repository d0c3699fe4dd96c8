package hdf5

import (
	"encoding/binary"
	"math/bits"
)

// cursor takes little-endian numbers from the front of a structure. Past the end it gives zeros and notes
// that the structure was short, so that a caller asks once, after its last number.
type cursor struct {
	b     []byte
	short bool
}

// bytes takes the next n bytes, nil if fewer are left.
func (c *cursor) bytes(n uint64) []byte {
	if n > uint64(len(c.b)) {
		c.b, c.short = nil, true
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) skip(n uint64) { c.bytes(n) }

// uint takes a number of n bytes, at most 8.
func (c *cursor) uint(n int) uint64 {
	var b [8]byte
	copy(b[:], c.bytes(uint64(n)))
	return binary.LittleEndian.Uint64(b[:])
}

// mul multiplies, false if the product does not fit in an int64.
func mul(a, b uint64) (uint64, bool) {
	hi, lo := bits.Mul64(a, b)
	return lo, hi == 0 && lo <= 1<<63-1
}

// checksum is Jenkins's lookup3 with initial value 0, which version 2 structures end with
// (burtleburtle.net/bob/c/lookup3.c, hashlittle).
func checksum(p []byte) uint32 {
	a := 0xdeadbeef + uint32(len(p))
	b, c := a, a
	le := binary.LittleEndian
	rot := bits.RotateLeft32
	for ; len(p) > 12; p = p[12:] {
		a, b, c = a+le.Uint32(p), b+le.Uint32(p[4:]), c+le.Uint32(p[8:])
		a = (a - c) ^ rot(c, 4)
		c += b
		b = (b - a) ^ rot(a, 6)
		a += c
		c = (c - b) ^ rot(b, 8)
		b += a
		a = (a - c) ^ rot(c, 16)
		c += b
		b = (b - a) ^ rot(a, 19)
		a += c
		c = (c - b) ^ rot(b, 4)
		b += a
	}
	if len(p) == 0 {
		return c
	}
	var tail [12]byte
	copy(tail[:], p)
	a, b, c = a+le.Uint32(tail[:]), b+le.Uint32(tail[4:]), c+le.Uint32(tail[8:])
	c = (c ^ b) - rot(b, 14)
	a = (a ^ c) - rot(c, 11)
	b = (b ^ a) - rot(a, 25)
	c = (c ^ b) - rot(b, 16)
	a = (a ^ c) - rot(c, 4)
	b = (b ^ a) - rot(a, 14)
	c = (c ^ b) - rot(b, 24)
	return c
}
