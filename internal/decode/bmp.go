package decode

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/image/bmp"
)

func bmpHeader(data []byte) (header, error) {
	c, err := bmp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return header{}, err
	}
	h := header{w: c.Width, h: c.Height, perPixel: 3 + 4}
	// Nothing is compressed, so the file must be as long as its rows.
	start := int64(binary.LittleEndian.Uint32(data[10:]))
	row := (int64(c.Width)*int64(binary.LittleEndian.Uint16(data[28:])) + 31) / 32 * 4
	if row > 0 && int64(c.Height) <= (int64(len(data))-start)/row {
		h.holds = int64(c.Width) * int64(c.Height)
	}
	return h, nil
}

func bmpPixels(data []byte, _ header) (*Image, error) {
	m, err := bmp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return FromImage(m), nil
}
