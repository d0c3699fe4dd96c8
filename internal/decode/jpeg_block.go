package decode

// mean decodes a block's mean, which is coded as the difference to the last block's, into c.dc.
func (s *jpegScan) mean(c *jpegChannel) bool {
	size, ok := s.symbol(c.dcCode)
	if !ok || size > 15 {
		return false
	}
	c.dc += extend(s.bits(int(size)), int(size))
	return true
}

// sequential decodes all coefficients of a block (T.81 F.2.2) into b, which is all zeros. last is the index
// of the last one that was coded; the block is flat if it is 0. The reader's state is kept in variables for
// speed.
func (s *jpegScan) sequential(c *jpegChannel, b *block) (last int, ok bool) {
	if !s.mean(c) {
		return 0, false
	}
	b[0] = int16(c.dc)
	code, r := c.acCode, &s.bitReader
	acc, n := r.acc, r.n
	for k := 1; k < 64; k++ {
		if n < 32 { // a code and the bits of its coefficient
			r.acc, r.n = acc, n
			r.fill()
			acc, n = r.acc, r.n
		}
		next := acc >> (64 - lookBits)
		if e := code.whole[next]; e != 0 {
			length := int(e & 0xff)
			acc <<= length & 63
			n -= length
			k += int(e >> 8 & 15)
			b[zigzag[k&127]&63] = int16(e >> 16)
			last = k
			continue
		}
		e := code.look[next]
		length, symbol := int(e>>8), uint8(e)
		if length == 0 {
			if length, symbol = code.long(acc); length == 0 {
				return last, false
			}
		}
		acc <<= length & 63
		n -= length
		zeros, size := int(symbol>>4), int(symbol&15)
		if size == 0 {
			if zeros < 15 {
				break // the rest is zeros
			}
			k += 15
			continue
		}
		bits := int32(acc >> (64 - size))
		acc <<= size
		n -= size
		k += zeros
		b[zigzag[k&127]&63] = int16(extend(bits, size))
		last = k
	}
	r.acc, r.n = acc, n
	return last, true
}

// band decodes a band of coefficients for the first time (G.1.2.2).
func (s *jpegScan) band(code *huffman, b *block) bool {
	if s.skip > 0 {
		s.skip--
		return true
	}
	for k := s.first; k <= s.last; k++ {
		symbol, ok := s.symbol(code)
		if !ok {
			return false
		}
		zeros, size := int(symbol>>4), int(symbol&15)
		switch {
		case size > 0:
			k += zeros
			b[zigzag[k&127]] = int16(extend(s.bits(size), size) << s.low)
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
func (s *jpegScan) refine(code *huffman, b *block) bool {
	k := s.first
	for ; s.skip == 0 && k <= s.last; k++ {
		symbol, ok := s.symbol(code)
		zeros, size := int(symbol>>4), int(symbol&15)
		if !ok || size > 1 {
			return false
		}
		if size == 0 && zeros < 15 {
			s.skip = 1<<zeros + int(s.bits(zeros))
			break
		}
		var fresh int16 // a coefficient that was 0 so far
		if size == 1 {
			fresh = int16((2*s.bits(1) - 1) << s.low)
		}
		k = s.correct(b, k, zeros)
		if fresh != 0 {
			b[zigzag[k&127]] = fresh
		}
	}
	if s.skip > 0 {
		s.correct(b, k, 64)
		s.skip--
	}
	return true
}

// correct reads a bit for every coefficient from k on that is not 0, until it has passed as many zeros as
// zeros says; it returns the index of the zero after them, or one beyond the band.
func (s *jpegScan) correct(b *block, k, zeros int) int {
	bit := int16(1) << s.low
	for ; k <= s.last; k++ {
		v := &b[zigzag[k]]
		switch {
		case *v == 0 && zeros == 0:
			return k
		case *v == 0:
			zeros--
		case s.bits(1) == 0 || *v&bit != 0: // a damaged file may set the bit again
		case *v > 0:
			*v += bit
		default:
			*v -= bit
		}
	}
	return k
}
