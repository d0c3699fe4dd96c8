package decode

import (
	"bytes"
	"encoding/binary"
	"image"

	"golang.org/x/image/webp"
)

// walkWebP returns the chunks of a RIFF file's EXIF data and whether it is an animation. Every chunk must
// lie within the file: the decoder allocates what a chunk says.
func walkWebP(data []byte) (exif []byte, animated bool, err error) {
	for rest := data[12:]; len(rest) >= 8; {
		n := int64(binary.LittleEndian.Uint32(rest[4:]))
		if 8+n > int64(len(rest)) {
			return nil, false, FormatError("webp: file is cut short")
		}
		switch string(rest[:4]) {
		case "EXIF":
			exif = bytes.TrimPrefix(rest[8:8+n], []byte("Exif\x00\x00"))
		case "ANIM", "ANMF":
			animated = true
		}
		rest = rest[min(8+n+n%2, int64(len(rest))):]
	}
	return exif, animated, nil
}

func webpHeader(data []byte) (header, error) {
	exif, animated, err := walkWebP(data)
	if err != nil {
		return header{}, err
	}
	if animated {
		return header{}, UnsupportedError("webp: animations are not supported; save one frame as a picture")
	}
	c, err := webp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return header{}, err
	}
	h := header{w: c.Width, h: c.Height, orientation: orientationOf(exif)}
	h.perPixel = 3 + 8 // the result, and lossless pixels before and after a transform
	h.holds = freePixels + 4096*int64(len(data))
	return h, nil
}

func webpPixels(data []byte, _ header) (*Image, error) {
	m, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *image.YCbCr:
		return fromVP8(m), nil
	case *image.NYCbCrA:
		out := fromVP8(&m.YCbCr)
		for y := range out.H {
			for x, a := range m.A[y*m.AStride:][:out.W] {
				px := out.Pix[3*(y*out.W+x):][:3]
				px[0], px[1], px[2] = over(px[0], a), over(px[1], a), over(px[2], a)
			}
		}
		return out, nil
	}
	return FromImage(m), nil
}

// fromVP8 converts lossy WebP's planes. Unlike JPEG's they are BT.601 in the studio range, 16 to 235, and
// chroma is brought to size by libwebp's filter, whose rounding differs from libjpeg's.
func fromVP8(m *image.YCbCr) *Image {
	out := newImage(m.Rect.Dx(), m.Rect.Dy())
	cw, ch := (out.W+1)/2, (out.H+1)/2
	u, v := make([]uint8, 2*cw), make([]uint8, 2*cw)
	for y := range out.H {
		this := y / 2
		near := min(max(this+2*(y%2)-1, 0), ch-1)
		vp8Chroma(u, m.Cb[this*m.CStride:][:cw], m.Cb[near*m.CStride:][:cw])
		vp8Chroma(v, m.Cr[this*m.CStride:][:cw], m.Cr[near*m.CStride:][:cw])
		luma := m.Y[y*m.YStride:][:out.W]
		row := out.Pix[3*y*out.W:][:3*out.W]
		for x, l := range luma {
			vp8Pixel(row[3*x:3*x+3:3*x+3], int32(l), int32(u[x]), int32(v[x]))
		}
	}
	return out
}

// vp8Chroma doubles a row of chroma: 9/16 of its sample and 3/16, 3/16, 1/16 of the neighbours towards the
// output's place, rounded in the two steps of libwebp (src/dsp/upsampling.c).
func vp8Chroma(dst, this, near []uint8) {
	for i := range dst {
		c := i / 2
		side := min(max(c+2*(i%2)-1, 0), len(this)-1)
		a, b, d, e := int32(this[c]), int32(this[side]), int32(near[c]), int32(near[side])
		if side == c {
			dst[i] = uint8((3*a + d + 2) >> 2)
			continue
		}
		diagonal := (a + b + d + e + 8 + 2*(b+d)) >> 3
		dst[i] = uint8((diagonal + a) >> 1)
	}
}

// vp8Pixel is libwebp's fixed-point conversion (src/dsp/yuv.h): 14 bits of fraction, 8 of them dropped
// before the sum.
func vp8Pixel(dst []uint8, y, u, v int32) {
	y = y * 19077 >> 8
	dst[0] = clamp8((y + v*26149>>8 - 14234) >> 6)
	dst[1] = clamp8((y - u*6419>>8 - v*13320>>8 + 8708) >> 6)
	dst[2] = clamp8((y + u*33050>>8 - 17685) >> 6)
}
