package decode

import (
	"bytes"
	"encoding/binary"
	"image/png"
)

const (
	// deflateRatio is a little more than the most that deflate can shrink: 1032 to 1.
	deflateRatio = 1100
	// pngHead is the length of the signature and the IHDR chunk, which comes first.
	pngHead = 8 + 25
)

func pngHeader(data []byte) (header, error) {
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return header{}, err
	}
	if len(data) < pngHead {
		return header{}, FormatError("png: file is cut short")
	}
	h := header{w: c.Width, h: c.Height, orientation: orientationOf(pngEXIF(data))}
	depth, kind, interlaced := int64(data[24]), data[25], data[28] != 0
	channels := int64(1)
	switch kind {
	case 2: // RGB
		channels = 3
	case 4: // grey and alpha
		channels = 2
	case 6: // RGB and alpha
		channels = 4
	}
	h.perPixel = 3 + 4*max(depth/8, 1)
	if interlaced {
		h.perPixel += 2 * max(depth/8, 1) // the largest pass is half the picture
	}
	h.holds = deflateRatio * int64(len(data)) * 8 / (depth * channels)
	return h, nil
}

func pngPixels(data []byte, _ header) (*Image, error) {
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return FromImage(m), nil
}

// pngEXIF returns the content of the eXIf chunk, nil if there is none.
func pngEXIF(data []byte) []byte {
	for rest := data[8:]; len(rest) >= 12; { // length, name, checksum
		n := int64(binary.BigEndian.Uint32(rest))
		if 12+n > int64(len(rest)) {
			return nil
		}
		if string(rest[4:8]) == "eXIf" {
			return rest[8 : 8+n]
		}
		rest = rest[12+n:]
	}
	return nil
}
