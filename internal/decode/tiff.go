package decode

import (
	"bytes"
	"image"
	"image/color"

	"golang.org/x/image/tiff"
)

// tiffRatio bounds the pixels for each byte of a compressed TIFF beyond freePixels: deflate's ratio with one
// bit a pixel, which also leaves room for any page of a fax that shows something.
const tiffRatio = deflateRatio * 8

func tiffHeader(data []byte) (header, error) {
	c, err := tiff.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return header{}, err
	}
	if v, ok := ifdValue(data, tagPlanar); ok && v != 1 {
		return header{}, UnsupportedError("tiff: channels in separate planes are not supported")
	}
	h := header{w: c.Width, h: c.Height, orientation: orientationOf(data)}
	h.perPixel = 3 + 8 + 8 // the result, 4 channels of 16 bits, and a strip of the same unpacked
	h.holds = freePixels + tiffRatio*int64(len(data))
	return h, nil
}

func tiffPixels(data []byte, _ header) (*Image, error) {
	m, err := tiff.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if p, ok := m.(*image.Paletted); ok {
		narrow(p.Palette)
	}
	out := FromImage(m)
	if faxed(data) {
		for i, v := range out.Pix {
			out.Pix[i] = 255 - v
		}
	}
	return out, nil
}

// narrow takes a palette's 16-bit values to 8 bits by their high byte, as TIFF readers do: of those that
// widened them, some wrote v*256 and some v*257.
func narrow(p color.Palette) {
	for i, c := range p {
		if c, ok := c.(color.RGBA64); ok {
			p[i] = color.RGBA{R: uint8(c.R >> 8), G: uint8(c.G >> 8), B: uint8(c.B >> 8), A: 255}
		}
	}
}

// faxed reports whether data is coded by one of CCITT's schemes and says that 0 is black. What these call
// white is a 0, so that such a file shows black there (TIFF 6.0, section 10); x/image makes it white.
func faxed(data []byte) bool {
	const group3, group4, blackIsZero = 3, 4, 1
	coding, _ := ifdValue(data, tagCompression)
	meaning, _ := ifdValue(data, tagPhotometric)
	return (coding == group3 || coding == group4) && meaning == blackIsZero
}
