package decode

// The reduced inverse DCTs give the means of 2, 4 or 8 neighbours of what the full one gives, before that is
// rounded: its sums over the cosines, with the cosines of neighbours added up. Most terms meet and halve the
// work, or cancel out: means of two need no fourth coefficient, means of four only the odd ones beside the
// first, and the mean of eight is the first.
const (
	pair1a, pair1b = 10498, 4348 // √2·mean of cos((2x+1)·1·π/16) over x = 0, 1 and over x = 2, 3
	pair3a, pair3b = 3686, 8900  // likewise for the third coefficient, and so on
	pair5a, pair5b = 2463, 5946
	pair7a, pair7b = 2088, 865
	pair2, pair6   = 7568, 3135

	four1, four3, four5, four7 = 7423, 2607, 1742, 1477 // over x = 0 … 3
)

// reducedColumns are the coefficients of a row that count when n samples are left of it.
var reducedColumns = [9][]int{1: {0}, 2: {0, 1, 3, 5, 7}, 4: {0, 1, 2, 3, 5, 6, 7}, 8: {0, 1, 2, 3, 4, 5, 6, 7}}

// idctReduced is idct to nx x ny samples, each 8, 4, 2 or 1.
func idctReduced(dst []uint8, stride, nx, ny int, b *block, q *[64]int32) {
	var work [64]int32 // ny rows
	for _, x := range reducedColumns[nx] {
		const round, shift = 1 << (idctBits - passBits - 1), idctBits - passBits
		c0 := int32(b[x]) * q[x]
		if ny == 1 || b[8+x]|b[16+x]|b[24+x]|b[32+x]|b[40+x]|b[48+x]|b[56+x] == 0 {
			for y := range ny {
				work[8*y+x] = c0 << passBits
			}
			continue
		}
		c1, c3, c5, c7 := int32(b[8+x])*q[8+x], int32(b[24+x])*q[24+x], int32(b[40+x])*q[40+x], int32(b[56+x])*q[56+x]
		switch ny {
		case 2:
			v0, v1 := idctFours(c0, c1, c3, c5, c7, round)
			work[x], work[8+x] = v0>>shift, v1>>shift
		case 4:
			v0, v1, v2, v3 := idctPairs(c0, c1, int32(b[16+x])*q[16+x], c3, c5, int32(b[48+x])*q[48+x], c7, round)
			work[x], work[8+x], work[16+x], work[24+x] = v0>>shift, v1>>shift, v2>>shift, v3>>shift
		case 8:
			e0, e1, e2, e3 := idctEven(c0, int32(b[16+x])*q[16+x], int32(b[32+x])*q[32+x], int32(b[48+x])*q[48+x], round)
			o0, o1, o2, o3 := idctOdd(c1, c3, c5, c7)
			work[x], work[56+x] = (e0+o0)>>shift, (e0-o0)>>shift
			work[8+x], work[48+x] = (e1+o1)>>shift, (e1-o1)>>shift
			work[16+x], work[40+x] = (e2+o2)>>shift, (e2-o2)>>shift
			work[24+x], work[32+x] = (e3+o3)>>shift, (e3-o3)>>shift
		}
	}
	for y := range ny {
		idctReducedRow(dst[y*stride:], nx, (*[8]int32)(work[8*y:]))
	}
}

// idctReducedRow is the second pass of idctReduced over one row.
func idctReducedRow(dst []uint8, n int, w *[8]int32) {
	const shift = idctBits + passBits + 3
	const round = 1<<(shift-1) + 128<<shift // samples are stored less 128
	switch n {
	case 1:
		dst[0] = limit8((w[0]<<idctBits + round) >> shift)
	case 2:
		v0, v1 := idctFours(w[0], w[1], w[3], w[5], w[7], round)
		dst[0], dst[1] = limit8(v0>>shift), limit8(v1>>shift)
	case 4:
		v0, v1, v2, v3 := idctPairs(w[0], w[1], w[2], w[3], w[5], w[6], w[7], round)
		dst[0], dst[1], dst[2], dst[3] = limit8(v0>>shift), limit8(v1>>shift), limit8(v2>>shift), limit8(v3>>shift)
	case 8:
		e0, e1, e2, e3 := idctEven(w[0], w[2], w[4], w[6], round)
		o0, o1, o2, o3 := idctOdd(w[1], w[3], w[5], w[7])
		dst[0], dst[7] = limit8((e0+o0)>>shift), limit8((e0-o0)>>shift)
		dst[1], dst[6] = limit8((e1+o1)>>shift), limit8((e1-o1)>>shift)
		dst[2], dst[5] = limit8((e2+o2)>>shift), limit8((e2-o2)>>shift)
		dst[3], dst[4] = limit8((e3+o3)>>shift), limit8((e3-o3)>>shift)
	}
}

// idctPairs gives the means of two neighbours; round is added to every result.
func idctPairs(c0, c1, c2, c3, c5, c6, c7, round int32) (v0, v1, v2, v3 int32) {
	z, even := c0<<idctBits+round, c2*pair2-c6*pair6
	outer := c1*pair1a + c3*pair3a - c5*pair5a - c7*pair7a
	inner := c1*pair1b - c3*pair3b + c5*pair5b - c7*pair7b
	return z + even + outer, z - even + inner, z - even - inner, z + even - outer
}

// idctFours gives the means of four neighbours; round is added to both.
func idctFours(c0, c1, c3, c5, c7, round int32) (v0, v1 int32) {
	z, odd := c0<<idctBits+round, c1*four1-c3*four3+c5*four5-c7*four7
	return z + odd, z - odd
}
