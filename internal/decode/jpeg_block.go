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
