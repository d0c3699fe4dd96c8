package kernel

// genericC is the number of channels of a block where plain Go computes it.
const genericC = 4

// convTask is the part of a convolution that one block of output channels is.
type convTask struct {
	Conv          // by value: a pointer to the caller's would move it to the heap
	dst, src, res []float32
	w             []float32 // the block: bias, then weights
	next          []float32 // the block to be computed after it, or the same
	inC, outC     int       // first channel of the group's input, of the block's output
	width, packed int       // channels of the block that exist, that it has weights for
	blocks        int       // of which w is the first, all full if there are more; see manyBlocks
	lo, hi        float32   // what the activation clips to
}

// runGeneric computes the pixels [p0, p1), two at a time: eight sums are what fits amd64's registers. An odd last
// pixel is computed as two equal ones, so that each pixel goes through the same instructions.
func (t *convTask) runGeneric(p0, p1 int) {
	at := walkFrom(p0, t.OutH, t.OutW)
	for p := p0; p < p1; p += 2 {
		first := at
		at.next()
		second := at
		if p+1 == p1 {
			second = first
		}
		var sum [2 * genericC]float32
		copy(sum[:genericC], t.w)
		copy(sum[genericC:], t.w)
		t.tile(&sum, t.srcAt(first), t.srcAt(second))
		t.store(sum[:genericC], first)
		if p+1 < p1 {
			t.store(sum[genericC:], second)
			at.next()
		}
	}
}

// srcAt returns the index of the first element that the pixel's sum reads.
func (t *convTask) srcAt(k walk) int {
	return t.Src.At(k.n, k.y*t.StrideH, k.x*t.StrideW) + t.inC
}

// tile adds the products of two pixels, whose inputs start at a and b in src, to sum [pixel][channel].
func (t *convTask) tile(sum *[2 * genericC]float32, a, b int) {
	w := t.w[genericC:]
	length, segments := t.segments()
	for ky := range t.KH {
		for s := range segments {
			off := ky*t.DilH*t.Src.Row + s*t.DilW*t.Src.Pixel
			mac2x4(sum, t.src[a+off:][:length], t.src[b+off:][:length], w)
			w = w[genericC*length:]
		}
	}
}

// mac2x4 computes sum[4i+j] += Σk a_i[k]·w[4k+j] for the inputs a_0 and a_1 of two pixels, in the order of k.
func mac2x4(sum *[8]float32, a0, a1, w []float32) {
	a1 = a1[:len(a0)]
	s00, s01, s02, s03 := sum[0], sum[1], sum[2], sum[3]
	s10, s11, s12, s13 := sum[4], sum[5], sum[6], sum[7]
	for k, x0 := range a0 {
		if len(w) < 4 { // never: tells the compiler that the four loads are inside
			break
		}
		x1 := a1[k]
		w0, w1, w2, w3 := w[0], w[1], w[2], w[3]
		w = w[4:]
		s00 += x0 * w0
		s01 += x0 * w1
		s02 += x0 * w2
		s03 += x0 * w3
		s10 += x1 * w0
		s11 += x1 * w1
		s12 += x1 * w2
		s13 += x1 * w3
	}
	sum[0], sum[1], sum[2], sum[3] = s00, s01, s02, s03
	sum[4], sum[5], sum[6], sum[7] = s10, s11, s12, s13
}

// store is the epilogue of one pixel.
func (t *convTask) store(sum []float32, k walk) {
	d := t.Dst.At(k.n, k.y, k.x) + t.outC
	out := t.dst[d:][:t.width]
	sum = sum[:len(out)]
	if t.res != nil {
		r := t.res[t.Res.At(k.n, k.y, k.x)+t.outC:][:len(out)]
		for j := range sum {
			sum[j] += r[j]
		}
	}
	switch t.Act.Func {
	case Relu, Clip:
		for j, v := range sum {
			out[j] = min(max(v, t.lo), t.hi)
		}
	default:
		copy(out, sum)
	}
}
