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
	h, v, _ := subsampling(m.SubsampleRatio)
	cw, ch := ceilDiv(out.W, h), ceilDiv(out.H, v)
	cb := newUpsampler(plane{m.Cb, m.CStride, cw, ch}, h, v)
	cr := newUpsampler(plane{m.Cr, m.CStride, cw, ch}, h, v)
	for y := range out.H {
		yccRow(out.Pix[3*y*out.W:][:3*out.W], m.Y[y*m.YStride:], cb.row(y), cr.row(y))
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

// plane is one channel, row after row.
type plane struct {
	pix    []uint8
	stride int
	w, h   int
}

func (p *plane) row(y int) []uint8 { return p.pix[y*p.stride:][:p.w] }

// upsampler brings a plane to full size, a row at a time, as libjpeg-turbo's default does (jdsample.c): with
// a triangle filter where it halves an axis or both, by repetition otherwise.
type upsampler struct {
	plane
	across, down int // full-size samples for each sample
	full         []uint8
	sum          []int32
}

func newUpsampler(p plane, across, down int) *upsampler {
	u := &upsampler{plane: p, across: across, down: down}
	if across > 1 || down > 1 {
		u.full, u.sum = make([]uint8, p.w*across), make([]int32, p.w)
	}
	return u
}

// row returns full-size row y, at least as wide as the picture, until the next call.
func (u *upsampler) row(y int) []uint8 {
	this := u.plane.row(y / u.down)
	if u.across == 1 && u.down == 1 {
		return this
	}
	near := y/u.down + 2*(y%2) - 1 // halved down: the row above an even row, below an odd one; itself at the edges
	nearRow := u.plane.row(min(max(near, 0), u.h-1))
	switch {
	case u.across == 1 && u.down == 2:
		triangleDown(u.full, this, nearRow, int32(1+y%2))
	case u.across != 2 || u.down > 2 || u.w <= 2: // libjpeg has no triangle for these
		repeat(u.full, this, u.across)
	case u.down == 1:
		triangleAcross(u.full, this)
	default:
		for x, v := range this {
			u.sum[x] = 3*int32(v) + int32(nearRow[x])
		}
		triangleBoth(u.full, u.sum)
	}
	return u.full
}

func repeat(dst, src []uint8, n int) {
	for i := range dst {
		dst[i] = src[i/n]
	}
}

// triangleDown mixes 3/4 of a sample with 1/4 of the one that is near above or below.
func triangleDown(dst, this, near []uint8, bias int32) {
	for x, v := range this {
		dst[x] = uint8((3*int32(v) + int32(near[x]) + bias) >> 2)
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
