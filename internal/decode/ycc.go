package decode

import "image"

// The conversion is libjpeg's (jdcolor.c): ITU-R BT.601 over the full range, in fixed point with 16 bits.
const (
	yccHalf = 1 << 15
	fix1402 = 91881  // 1.40200
	fix1772 = 116130 // 1.77200
	fix0714 = 46802  // 0.71414
	fix0344 = 22554  // 0.34414
)

// yccTable holds what each chroma value adds to a channel; green's two parts keep their fraction bits.
var yccTable = func() (t struct{ crR, cbB, crG, cbG [256]int32 }) {
	for i := range int32(256) {
		x := i - 128
		t.crR[i] = (fix1402*x + yccHalf) >> 16
		t.cbB[i] = (fix1772*x + yccHalf) >> 16
		t.crG[i] = -fix0714 * x
		t.cbG[i] = -fix0344*x + yccHalf
	}
	return t
}()

func clamp8(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

// yccRow converts a row of full-size planes to RGB8 [W,3].
func yccRow(dst, luma, cb, cr []uint8) {
	n := len(dst) / 3
	luma, cb, cr = luma[:n], cb[:n], cr[:n]
	for x, l := range luma {
		y, b, r := int32(l), cb[x], cr[x]
		d := dst[3*x : 3*x+3 : 3*x+3]
		d[0] = clamp8(y + yccTable.crR[r])
		d[1] = clamp8(y + (yccTable.cbG[b]+yccTable.crG[r])>>16)
		d[2] = clamp8(y + yccTable.cbB[b])
	}
}

// alignedChroma reports whether m's corner falls on a whole chroma sample, as a decoder's pictures do.
func alignedChroma(m *image.YCbCr) bool {
	h, v, ok := subsampling(m.SubsampleRatio)
	return ok && m.Rect.Min.X%h == 0 && m.Rect.Min.Y%v == 0
}

// fromYCbCr converts m, which is aligned, to out of the same size.
func fromYCbCr(out *Image, m *image.YCbCr) {
	up := newUpsampler(m)
	for y := range out.H {
		cb, cr := up.row(y)
		luma := m.Y[y*m.YStride:]
		yccRow(out.Pix[3*y*out.W:][:3*out.W], luma, cb, cr)
	}
}

// subsampling returns how many luma samples a chroma sample spans each way.
func subsampling(r image.YCbCrSubsampleRatio) (h, v int, ok bool) {
	switch r {
	case image.YCbCrSubsampleRatio444:
		return 1, 1, true
	case image.YCbCrSubsampleRatio422:
		return 2, 1, true
	case image.YCbCrSubsampleRatio420:
		return 2, 2, true
	case image.YCbCrSubsampleRatio440:
		return 1, 2, true
	case image.YCbCrSubsampleRatio411:
		return 4, 1, true
	case image.YCbCrSubsampleRatio410:
		return 4, 2, true
	}
	return 0, 0, false
}

// upsampler brings chroma to the size of luma, a row at a time, as libjpeg's default does (jdsample.c): a
// triangle filter where it halves an axis or both, repetition otherwise.
type upsampler struct {
	m      *image.YCbCr
	h, v   int // luma samples for each chroma sample
	cw, ch int // size of the chroma planes
	cb, cr []uint8
	sum    []int32
}

func newUpsampler(m *image.YCbCr) *upsampler {
	h, v, _ := subsampling(m.SubsampleRatio)
	w := m.Rect.Dx()
	u := &upsampler{m: m, h: h, v: v, cw: (w + h - 1) / h, ch: (m.Rect.Dy() + v - 1) / v}
	u.cb, u.cr = make([]uint8, u.cw*h), make([]uint8, u.cw*h)
	u.sum = make([]int32, u.cw)
	return u
}

// row returns the chroma of luma row y, at least as wide as luma, until the next call.
func (u *upsampler) row(y int) (cb, cr []uint8) {
	if u.h == 1 && u.v == 1 {
		return u.plane(u.m.Cb, y), u.plane(u.m.Cr, y)
	}
	u.upsample(u.cb, u.m.Cb, y)
	u.upsample(u.cr, u.m.Cr, y)
	return u.cb, u.cr
}

func (u *upsampler) plane(pix []uint8, cy int) []uint8 { return pix[cy*u.m.CStride:][:u.cw] }

func (u *upsampler) upsample(dst, pix []uint8, y int) {
	cy := y / u.v
	this := u.plane(pix, cy)
	near := cy + 2*(y%2) - 1 // the row above an even row, below an odd one; itself at the edges
	nearRow := u.plane(pix, min(max(near, 0), u.ch-1))
	switch {
	case u.h == 2 && u.cw <= 2, u.h == 4: // libjpeg has no triangle for these
		repeat(dst, this, u.h)
	case u.h == 2 && u.v == 1:
		triangleAcross(dst, this)
	case u.h == 2 && u.v == 2:
		for x, v := range this {
			u.sum[x] = 3*int32(v) + int32(nearRow[x])
		}
		triangleBoth(dst, u.sum)
	default: // 1 by 2
		bias := int32(1 + y%2)
		for x, v := range this {
			dst[x] = uint8((3*int32(v) + int32(nearRow[x]) + bias) >> 2)
		}
	}
}

func repeat(dst, src []uint8, n int) {
	for i := range dst {
		dst[i] = src[i/n]
	}
}

// triangleAcross doubles src: each output is 3/4 of its sample and 1/4 of the nearer neighbour. The rounding
// alternates so that no bias builds up.
func triangleAcross(dst, src []uint8) {
	last := len(src) - 1
	for i, v := range src {
		c := 3 * int32(v)
		left, right := int32(src[max(i-1, 0)]), int32(src[min(i+1, last)])
		dst[2*i] = uint8((c + left + 1) >> 2)
		dst[2*i+1] = uint8((c + right + 2) >> 2)
	}
}

// triangleBoth is triangleAcross for sums of two rows that already carry the weights 3 and 1.
func triangleBoth(dst []uint8, sum []int32) {
	last := len(sum) - 1
	for i, v := range sum {
		left, right := sum[max(i-1, 0)], sum[min(i+1, last)]
		dst[2*i] = uint8((3*v + left + 8) >> 4)
		dst[2*i+1] = uint8((3*v + right + 7) >> 4)
	}
}
