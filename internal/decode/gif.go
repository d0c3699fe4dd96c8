package decode

import (
	"bytes"
	"image"
	"image/gif"
)

// freePixels are granted to a file of any length in the formats that need no bits for a plain area.
const freePixels = 4 << 20

func gifHeader(data []byte) (header, error) {
	c, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return header{}, err
	}
	// A code of LZW is 3 to 12 bits and stands for at most 4096 pixels.
	return header{w: c.Width, h: c.Height, perPixel: 4, holds: freePixels + 2800*int64(len(data))}, nil
}

// gifPixels decodes the first frame and puts it on the canvas, which is white elsewhere.
func gifPixels(data []byte, h header) (*Image, error) {
	m, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	b := m.Bounds()
	if b == image.Rect(0, 0, h.w, h.h) {
		return FromImage(m), nil
	}
	if !b.In(image.Rect(0, 0, h.w, h.h)) {
		return nil, FormatError("gif: first frame lies outside the canvas")
	}
	out := newImage(h.w, h.h)
	for i := range out.Pix {
		out.Pix[i] = 255
	}
	convert := rowConverter(m)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		convert(out.Pix[3*(y*out.W+b.Min.X):][:3*b.Dx()], y)
	}
	return out, nil
}
