package decode

import (
	"image"
	"image/color"
)

// FromImage returns m as RGB8, by the rules of [Decode]: 16 bits are scaled and rounded, alpha is blended over
// white, image.YCbCr is converted as libjpeg would. It knows of no orientation and no limits, and panics
// only where m's own methods do.
func FromImage(m image.Image) *Image {
	b := m.Bounds()
	out := newImage(max(b.Dx(), 0), max(b.Dy(), 0))
	if out.W == 0 || out.H == 0 {
		return out
	}
	if m, ok := m.(*image.YCbCr); ok && alignedChroma(m) {
		fromYCbCr(out, m)
		return out
	}
	convert := rowConverter(m)
	for y := range out.H {
		convert(out.Pix[3*y*out.W:][:3*out.W], b.Min.Y+y)
	}
	return out
}

// rowConverter returns the function that writes row y of m to dst, RGB8 [W,3].
func rowConverter(m image.Image) func(dst []uint8, y int) {
	b := m.Bounds()
	switch m := m.(type) {
	case *image.Gray:
		return func(dst []uint8, y int) { grayRow(dst, m.Pix[m.PixOffset(b.Min.X, y):]) }
	case *image.Gray16:
		return func(dst []uint8, y int) { gray16Row(dst, m.Pix[m.PixOffset(b.Min.X, y):]) }
	case *image.RGBA:
		return func(dst []uint8, y int) { rgbaRow(dst, m.Pix[m.PixOffset(b.Min.X, y):]) }
	case *image.NRGBA:
		return func(dst []uint8, y int) { nrgbaRow(dst, m.Pix[m.PixOffset(b.Min.X, y):]) }
	case *image.NRGBA64:
		return func(dst []uint8, y int) { nrgba64Row(dst, m.Pix[m.PixOffset(b.Min.X, y):]) }
	case *image.CMYK:
		return func(dst []uint8, y int) { cmykRow(dst, m.Pix[m.PixOffset(b.Min.X, y):]) }
	case *image.Paletted:
		palette := flatPalette(m.Palette)
		return func(dst []uint8, y int) { palettedRow(dst, m.Pix[m.PixOffset(b.Min.X, y):], &palette) }
	}
	return func(dst []uint8, y int) {
		for x := 0; x < len(dst)/3; x++ {
			copy(dst[3*x:3*x+3], flat(m.At(b.Min.X+x, y)))
		}
	}
}

// over blends an 8-bit value with straight alpha a over white.
func over(c, a uint8) uint8 {
	return uint8((uint32(c)*uint32(a) + 255*(255-uint32(a)) + 127) / 255)
}

// over16 blends a 16-bit value with straight alpha a over white and scales it to 8 bits, rounding once.
func over16(c, a uint32) uint8 {
	const scale = 65535 * 257
	return uint8((uint64(c)*uint64(a) + 65535*(65535-uint64(a)) + scale/2) / scale)
}

// to8 is v*255/65535, rounded.
func to8(v uint32) uint8 { return uint8((v + 128) / 257) }

// flat returns the three channels of c over white.
func flat(c color.Color) []uint8 {
	switch c := c.(type) {
	case color.NRGBA:
		return []uint8{over(c.R, c.A), over(c.G, c.A), over(c.B, c.A)}
	case color.NRGBA64:
		a := uint32(c.A)
		return []uint8{over16(uint32(c.R), a), over16(uint32(c.G), a), over16(uint32(c.B), a)}
	}
	r, g, b, a := c.RGBA() // premultiplied
	white := 0xffff - a
	return []uint8{to8(min(r+white, 0xffff)), to8(min(g+white, 0xffff)), to8(min(b+white, 0xffff))}
}

// flatPalette is p over white. Indices that p does not have are black.
func flatPalette(p color.Palette) (out [256][3]uint8) {
	for i, c := range p[:min(len(p), 256)] {
		out[i] = [3]uint8(flat(c))
	}
	return out
}

func grayRow(dst, src []uint8) {
	for x := 0; x < len(dst)/3; x++ {
		v := src[x]
		d := dst[3*x : 3*x+3 : 3*x+3]
		d[0], d[1], d[2] = v, v, v
	}
}

func gray16Row(dst, src []uint8) {
	for x := 0; x < len(dst)/3; x++ {
		v := to8(big16(src[2*x:]))
		d := dst[3*x : 3*x+3 : 3*x+3]
		d[0], d[1], d[2] = v, v, v
	}
}

func rgbaRow(dst, src []uint8) {
	for x := 0; x < len(dst)/3; x++ {
		s, d := src[4*x:4*x+4:4*x+4], dst[3*x:3*x+3:3*x+3]
		white := 255 - s[3]
		for c := range 3 {
			d[c] = min(s[c], s[3]) + white // above its alpha a premultiplied value is white
		}
	}
}

func nrgbaRow(dst, src []uint8) {
	for x := 0; x < len(dst)/3; x++ {
		s, d := src[4*x:4*x+4:4*x+4], dst[3*x:3*x+3:3*x+3]
		if s[3] == 255 {
			d[0], d[1], d[2] = s[0], s[1], s[2]
			continue
		}
		d[0], d[1], d[2] = over(s[0], s[3]), over(s[1], s[3]), over(s[2], s[3])
	}
}

func nrgba64Row(dst, src []uint8) {
	for x := 0; x < len(dst)/3; x++ {
		s, d := src[8*x:8*x+8:8*x+8], dst[3*x:3*x+3:3*x+3]
		a := big16(s[6:])
		d[0], d[1], d[2] = over16(big16(s), a), over16(big16(s[2:]), a), over16(big16(s[4:]), a)
	}
}

// cmykRow takes C, M, Y, K with 255 as full ink to RGB as Pillow does: what the black leaves, less the ink.
func cmykRow(dst, src []uint8) {
	for x := 0; x < len(dst)/3; x++ {
		s, d := src[4*x:4*x+4:4*x+4], dst[3*x:3*x+3:3*x+3]
		light := 255 - uint32(s[3])
		for c := range 3 {
			ink := uint32(s[c])*light + 128
			d[c] = uint8(light - (ink>>8+ink)>>8)
		}
	}
}

func palettedRow(dst, src []uint8, palette *[256][3]uint8) {
	for x := 0; x < len(dst)/3; x++ {
		copy(dst[3*x:3*x+3], palette[src[x]][:])
	}
}

func big16(b []uint8) uint32 { return uint32(b[0])<<8 | uint32(b[1]) }
