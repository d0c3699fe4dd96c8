package decode

// block is the coefficients of 8x8 samples, row after row.
type block [64]int16

// The inverse DCT is that of Loeffler, Ligtenberg and Moschytz (ICASSP 1989, 11 multiplications and scaling
// by the square root of 8) in the fixed point of libjpeg's accurate method, whose results it equals: 13 bits
// of fraction in the constants, and 2 between the passes.
const (
	idctBits = 13
	passBits = 2

	fix0_298 = 2446  // 0.298631336
	fix0_390 = 3196  // 0.390180644
	fix0_541 = 4433  // 0.541196100
	fix0_765 = 6270  // 0.765366865
	fix0_899 = 7373  // 0.899976223
	fix1_175 = 9633  // 1.175875602
	fix1_501 = 12299 // 1.501321110
	fix1_847 = 15137 // 1.847759065
	fix1_961 = 16069 // 1.961570560
	fix2_053 = 16819 // 2.053119869
	fix2_562 = 20995 // 2.562915447
	fix3_072 = 25172 // 3.072711026
)

// idct writes the 8x8 samples of b, scaled by the quantization table q in the same order, to dst. What only
// a damaged file has, products far beyond the ±1024 of 8-bit samples, may wrap and give other samples.
func idct(dst []uint8, stride int, b *block, q *[64]int32) {
	var work [64]int32
	for x := range 8 {
		if b[8+x]|b[16+x]|b[24+x]|b[32+x]|b[40+x]|b[48+x]|b[56+x] == 0 {
			dc := int32(b[x]) * q[x] << passBits
			for y := 0; y < 64; y += 8 {
				work[y+x] = dc
			}
			continue
		}
		const round, shift = 1 << (idctBits - passBits - 1), idctBits - passBits
		e0, e1, e2, e3 := idctEven(int32(b[x])*q[x], int32(b[16+x])*q[16+x], int32(b[32+x])*q[32+x], int32(b[48+x])*q[48+x], round)
		o0, o1, o2, o3 := idctOdd(int32(b[8+x])*q[8+x], int32(b[24+x])*q[24+x], int32(b[40+x])*q[40+x], int32(b[56+x])*q[56+x])
		work[x], work[56+x] = (e0+o0)>>shift, (e0-o0)>>shift
		work[8+x], work[48+x] = (e1+o1)>>shift, (e1-o1)>>shift
		work[16+x], work[40+x] = (e2+o2)>>shift, (e2-o2)>>shift
		work[24+x], work[32+x] = (e3+o3)>>shift, (e3-o3)>>shift
	}
	for y := range 8 {
		const shift = idctBits + passBits + 3
		const round = 1<<(shift-1) + 128<<shift // samples are stored less 128
		w, d := (*[8]int32)(work[8*y:]), (*[8]uint8)(dst[y*stride:])
		e0, e1, e2, e3 := idctEven(w[0], w[2], w[4], w[6], round)
		o0, o1, o2, o3 := idctOdd(w[1], w[3], w[5], w[7])
		d[0], d[7] = limit8((e0+o0)>>shift), limit8((e0-o0)>>shift)
		d[1], d[6] = limit8((e1+o1)>>shift), limit8((e1-o1)>>shift)
		d[2], d[5] = limit8((e2+o2)>>shift), limit8((e2-o2)>>shift)
		d[3], d[4] = limit8((e3+o3)>>shift), limit8((e3-o3)>>shift)
	}
}

// idctFlat is idct, or idctReduced, of a block that is all zeros but for its mean.
func idctFlat(dst []uint8, stride, nx, ny int, mean int16, q int32) {
	v := limit8((int32(mean)*q+4)>>3 + 128)
	if nx == 8 {
		for y := range ny {
			*(*[8]uint8)(dst[y*stride:]) = [8]uint8{v, v, v, v, v, v, v, v}
		}
		return
	}
	for y := range ny {
		for x := range nx {
			dst[y*stride+x] = v
		}
	}
}

// idctEven transforms coefficients 0, 2, 4 and 6; round is added to every result.
func idctEven(c0, c2, c4, c6, round int32) (e0, e1, e2, e3 int32) {
	z := (c2 + c6) * fix0_541
	low, high := z-c6*fix1_847, z+c2*fix0_765
	sum, diff := (c0+c4)<<idctBits+round, (c0-c4)<<idctBits+round
	return sum + high, diff + low, diff - low, sum - high
}

// idctOdd transforms coefficients 1, 3, 5 and 7.
func idctOdd(c1, c3, c5, c7 int32) (o0, o1, o2, o3 int32) {
	z := (c1 + c3 + c5 + c7) * fix1_175
	z71, z53 := (c7+c1)*-fix0_899, (c5+c3)*-fix2_562
	z73, z51 := (c7+c3)*-fix1_961+z, (c5+c1)*-fix0_390+z
	return c1*fix1_501 + z71 + z51, c3*fix3_072 + z53 + z73, c5*fix2_053 + z53 + z51, c7*fix0_298 + z71 + z73
}

// limit8 is clamp8 for values that are seldom out of range.
func limit8(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^(v >> 31))
	}
	return uint8(v)
}
