package decode

import "fmt"

// lookBits is how many bits of a code a table look-up takes at once; few codes are longer.
const lookBits = 9

// huffman is a table of T.81 annex C, laid out for decoding.
type huffman struct {
	defined bool
	look    [1 << lookBits]uint16 // by the next bits: length<<8 | symbol, 0 where the code is longer
	// By the next bits, where a code of an AC coefficient and the coefficient's own bits are all among them:
	// coefficient<<16 | zeros before it<<8 | bits in all. 0 otherwise.
	whole   [1 << lookBits]int32
	limit   [17]uint32 // by length: the first code beyond those of this length, brought to 16 bits
	offset  [17]int32  // by length: what to add to a code for its symbol's index
	symbols [256]uint8
}

// huffmanTables reads the tables of a DHT segment (B.2.4.2).
func (d *jpegDecoder) huffmanTables(body []byte) error {
	for len(body) > 0 {
		if len(body) < 17 {
			return FormatError("jpeg: a Huffman table is cut short")
		}
		class, id := body[0]>>4, body[0]&15
		if class > 1 || id > 3 {
			return FormatError(fmt.Sprintf("jpeg: Huffman table of class %d, number %d", class, id))
		}
		total := 0
		for _, n := range body[1:17] {
			total += int(n)
		}
		if total > 256 || 17+total > len(body) {
			return FormatError(fmt.Sprintf("jpeg: Huffman table of %d codes in %d bytes", total, len(body)))
		}
		if err := d.huff[class][id].define([16]byte(body[1:]), body[17:17+total]); err != nil {
			return err
		}
		body = body[17+total:]
	}
	return nil
}

// define sets h to the code with counts[i] codes of length i+1.
func (h *huffman) define(counts [16]byte, symbols []byte) error {
	*h = huffman{defined: true}
	copy(h.symbols[:], symbols)
	code, index := 0, 0
	for i, count := range counts {
		length, n := i+1, int(count)
		if code+n > 1<<length {
			return FormatError(fmt.Sprintf("jpeg: Huffman table has more codes of %d bits than there are", length))
		}
		h.offset[length] = int32(index - code)
		for range n {
			if length <= lookBits {
				from := code << (lookBits - length)
				for at := range 1 << (lookBits - length) {
					h.look[from+at] = uint16(length)<<8 | uint16(symbols[index])
				}
			}
			code++
			index++
		}
		h.limit[length] = uint32(code) << (16 - length)
		code <<= 1
	}
	for i, e := range h.look {
		length, zeros, size := int(e>>8), int32(e>>4&15), int(e&15)
		if length == 0 || size == 0 || length+size > lookBits {
			continue
		}
		bits := int32(i) >> (lookBits - length - size) & (1<<size - 1)
		h.whole[i] = extend(bits, size)<<16 | zeros<<8 | int32(length+size)
	}
	return nil
}

// long returns the length and the symbol of a code longer than lookBits at the top of acc; length 0 if there
// is none.
func (h *huffman) long(acc uint64) (length int, symbol uint8) {
	next := uint32(acc >> 48)
	for length := lookBits + 1; length <= 16; length++ {
		if next < h.limit[length] {
			return length, h.symbols[uint8(int32(next>>(16-length))+h.offset[length])]
		}
	}
	return 0, 0
}

// symbol reads one code. ok is false where the bits are none.
func (r *bitReader) symbol(h *huffman) (s uint8, ok bool) {
	if r.n < 16 {
		r.fill()
	}
	e := h.look[r.acc>>(64-lookBits)]
	length, s := int(e>>8), uint8(e)
	if length == 0 {
		length, s = h.long(r.acc)
	}
	r.acc <<= length
	r.n -= length
	return s, length > 0
}
