package decode

import (
	"math"
	"math/bits"
	"slices"
)

// coefficients are those of a channel of a progressive frame, gathered scan by scan. Of a reduced channel only
// those are kept that count.
type coefficients struct {
	size    int         // numbers kept of a block
	place   *[128]uint8 // by coded order, with room as zigzag has it: where among them; what does not count shares the last
	counts  uint64      // which count, a bit by coded order
	kept    []int16     // of all blocks
	nonzero []uint64    // of each block the coefficients that are not 0, a bit by coded order; that of the mean stays 0
}

// newCoefficients returns room for a number of blocks of which nx x ny samples are wanted.
func newCoefficients(blocks, nx, ny int) *coefficients {
	c := &coefficients{size: 64, place: &zigzag, counts: math.MaxUint64, nonzero: make([]uint64, blocks)}
	if nx < 8 || ny < 8 {
		c.keep(reducedColumns[nx], reducedColumns[ny])
	}
	c.kept = make([]int16, c.size*blocks)
	return c
}

// keep lets only coefficients count that are in some of a block's columns and some of its rows.
func (c *coefficients) keep(columns, rows []int) {
	c.size, c.place, c.counts = 1, new([128]uint8), 0
	for k := range 64 {
		if y, x := int(zigzag[k]/8), int(zigzag[k]%8); slices.Contains(columns, x) && slices.Contains(rows, y) {
			c.place[k] = uint8(c.size - 1)
			c.counts |= 1 << k
			c.size++
		}
	}
	for k := range c.place {
		if k > 63 {
			c.place[k] = c.place[63]
		} else if c.counts>>k&1 == 0 {
			c.place[k] = uint8(c.size - 1)
		}
	}
}

// block returns block i by row, zeros where a coefficient does not count.
func (c *coefficients) block(i int) (b block) {
	kept := c.kept[c.size*i:][:c.size]
	b[0] = kept[0]
	for todo := c.nonzero[i] & c.counts; todo != 0; todo &= todo - 1 {
		k := bits.TrailingZeros64(todo)
		b[zigzag[k]] = kept[c.place[k]]
	}
	return b
}

// progress decodes a scan's part of block i of c.
func (s *jpegScan) progress(c *jpegChannel, i int) bool {
	b := progressiveBlock{c.kept[c.size*i:][:c.size], c.place, c.counts, &c.nonzero[i]}
	switch {
	case s.first == 0 && s.high == 0:
		ok := s.mean(c)
		b.kept[0] = int16(c.dc << s.low)
		return ok
	case s.first == 0:
		b.kept[0] |= int16(s.bits(1) << s.low)
		return true
	case s.high == 0:
		return s.band(c.acCode, b)
	}
	return s.refine(c.acCode, b)
}

// progressiveBlock is one block of coefficients.
type progressiveBlock struct {
	kept    []int16
	place   *[128]uint8
	counts  uint64
	nonzero *uint64
}

// set sets coefficient k in coded order, 1 to 127.
func (b progressiveBlock) set(k int, v int16) {
	b.kept[b.place[k&127]] = v
	bit := uint64(1) << min(k, 63)
	if v == 0 { // only of a damaged file, by overflow
		*b.nonzero &^= bit
		return
	}
	*b.nonzero |= bit
}

// band decodes a band of coefficients for the first time (G.1.2.2).
func (s *jpegScan) band(code *huffman, b progressiveBlock) bool {
	if s.skip > 0 {
		s.skip--
		return true
	}
	for k := s.first; k <= s.last; k++ {
		if s.n < 32 { // a code and the bits of its coefficient
			s.fill()
		}
		if e := code.whole[s.acc>>(64-lookBits)]; e != 0 {
			length := int(e & 0xff)
			s.acc <<= length & 63
			s.n -= length
			k += int(e >> 8 & 15)
			b.set(k, int16(e>>16<<s.low))
			continue
		}
		symbol, ok := s.symbol(code)
		if !ok {
			return false
		}
		zeros, size := int(symbol>>4), int(symbol&15)
		switch {
		case size > 0:
			k += zeros
			b.set(k, int16(extend(s.bits(size), size)<<s.low))
		case zeros == 15:
			k += 15
		default: // this block's rest and whole bands of the blocks that follow are zeros
			s.skip = 1<<zeros + int(s.bits(zeros)) - 1
			return true
		}
	}
	return true
}

// refine decodes one more bit of a band of coefficients (G.1.2.3).
func (s *jpegScan) refine(code *huffman, b progressiveBlock) bool {
	band := uint64(1)<<s.last<<1 - 1<<s.first
	if s.skip == 0 {
		var ok bool
		if band, ok = s.refineCoded(code, b, band); !ok {
			return false
		}
	}
	if s.skip > 0 {
		s.correct(b, *b.nonzero&band)
		s.skip--
	}
	return true
}

// refineCoded goes through a band, a bit by coded order, as far as a block has codes of its own. It returns
// what is left, to which an end-of-band run applies. The reader's state is kept in variables for speed.
func (s *jpegScan) refineCoded(code *huffman, b progressiveBlock, band uint64) (rest uint64, ok bool) {
	r := &s.bitReader
	acc, n := r.acc, r.n
	for band != 0 {
		if n < 32 { // a code and a sign, and often corrections too
			r.acc, r.n = acc, n
			r.fill()
			acc, n = r.acc, r.n
		}
		e := code.whole[acc>>(64-lookBits)]
		zeros, fresh, length := int(e>>8&15), int16(e>>16), int(e&0xff)
		if fresh != 1 && fresh != -1 {
			r.acc, r.n = acc, n
			if zeros, fresh, ok = s.refineSymbol(code); !ok || s.skip > 0 {
				return band, ok
			}
			acc, n, length = r.acc, r.n, 0
		}
		acc <<= length & 63
		n -= length
		// The coefficient that the code is for is 0 so far, and follows on some zeros. Those on the way that are
		// not 0 have a bit each.
		free := band &^ *b.nonzero
		for range zeros {
			free &= free - 1
		}
		at := free & -free // none if the band has no more; then it is the one after the band
		todo := band & (at - 1) & *b.nonzero
		band &^= at | (at - 1)
		if count := bits.OnesCount64(todo); count > n {
			r.acc, r.n = acc, n
			s.correct(b, todo)
			acc, n = r.acc, r.n
		} else {
			b.correct(todo, acc, 1<<s.low)
			acc <<= count
			n -= count
		}
		if fresh != 0 && at != 0 {
			b.set(bits.TrailingZeros64(at), fresh<<s.low)
		} else if fresh != 0 {
			b.set(s.last+1, fresh<<s.low)
		}
	}
	r.acc, r.n = acc, n
	return 0, true
}

// refineSymbol reads a code, and the sign of a coefficient that is not 0 any more, or else sets s.skip where an
// end-of-band run begins.
func (s *jpegScan) refineSymbol(code *huffman) (zeros int, fresh int16, ok bool) {
	symbol, ok := s.symbol(code)
	zeros, size := int(symbol>>4), int(symbol&15)
	switch {
	case !ok || size > 1:
		return 0, 0, false
	case size == 1:
		return zeros, int16(2*s.bits(1) - 1), true
	case zeros < 15:
		s.skip = 1<<zeros + int(s.bits(zeros))
	}
	return zeros, 0, true
}

// correct reads a bit for every coefficient of todo, none of which is 0.
func (s *jpegScan) correct(b progressiveBlock, todo uint64) {
	for todo != 0 {
		now, n := todo, bits.OnesCount64(todo)
		for ; n > 56; n-- { // more than can be read at once
			now &^= 1 << (63 - bits.LeadingZeros64(now))
		}
		todo &^= now
		b.correct(now, s.take(n), 1<<s.low)
	}
}

// correct adds a bit to those coefficients of todo, none of which is 0, that have their bit set in read: it
// holds them from the top, in the order of the coefficients.
func (b progressiveBlock) correct(todo, read uint64, bit int16) {
	for count := todo & b.counts; count != 0; count &= count - 1 {
		before := bits.OnesCount64(todo & (count&-count - 1))
		if read<<before>>63 == 0 {
			continue
		}
		switch v := &b.kept[b.place[bits.TrailingZeros64(count)]]; {
		case *v&bit != 0: // a damaged file may set the bit again
		case *v > 0:
			*v += bit
		default:
			*v -= bit
		}
	}
}
