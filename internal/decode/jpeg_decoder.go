package decode

import (
	"bytes"
	"fmt"
	"io"
)

// zigzag is the place of each coefficient in its block, in coded order (T.81 figure A.6). A damaged run may
// lead up to 15 beyond the last, and then counts as the last, as libjpeg has it; 128 entries need no check.
var zigzag = func() (z [128]uint8) {
	for i := range z {
		z[i] = 63
	}
	at, x, y, right := 0, 0, 0, true
	for at < 64 {
		if x < 8 && y < 8 {
			z[at] = uint8(8*y + x)
			at++
		}
		switch {
		case right && y == 0, !right && x == 0: // turn at the edge
			if right {
				x++
			} else {
				y++
			}
			right = !right
		case right:
			x, y = x+1, y-1
		default:
			x, y = x-1, y+1
		}
	}
	return z
}()

// jpegSegment is a marker and what belongs to it.
type jpegSegment struct {
	marker byte
	body   []byte
	at     int // offset of body in the file
}

func (s jpegSegment) end() int { return s.at + len(s.body) }

// nextSegment returns the first segment at or after an offset. What is not a marker is skipped, as decoders
// do; so are coded data and the markers that no segment follows, except the end of the image.
func nextSegment(data []byte, at int) (jpegSegment, error) {
	for {
		i := bytes.IndexByte(data[min(at, len(data)):], 0xff)
		if i < 0 || at+i+1 >= len(data) {
			return jpegSegment{}, io.ErrUnexpectedEOF
		}
		at += i + 1
		marker := data[at]
		switch {
		case marker == 0xff: // a fill byte; the next one may be the marker
			continue
		case marker == 0xd9: // end of image
			return jpegSegment{marker: marker, at: at + 1}, nil
		case marker <= 0x01, marker >= 0xd0 && marker <= 0xd8:
			at++
			continue
		}
		if at+3 > len(data) {
			return jpegSegment{}, io.ErrUnexpectedEOF
		}
		n := int(data[at+1])<<8 | int(data[at+2])
		switch {
		case n < 2:
			return jpegSegment{}, FormatError(fmt.Sprintf("jpeg: segment %#x of %d bytes", marker, n))
		case at+1+n > len(data):
			return jpegSegment{}, io.ErrUnexpectedEOF
		}
		return jpegSegment{marker, data[at+3 : at+1+n], at + 3}, nil
	}
}

// jpegDecoder decodes one JPEG to the planes of its channels, which equal those of libjpeg with its accurate
// inverse DCT.
type jpegDecoder struct {
	data     []byte
	frame    jpegFrame
	reduce   Reduction
	channels []jpegChannel // nil before the frame header
	quant    [4]*[64]int32 // by row
	huff     [2][4]huffman // means, then the other coefficients
	interval int           // units between restarts; 0 is none
	scans    int
}

// decodeJPEG decodes data, whose first frame header is frame and has been judged, to planes reduced by r.
func decodeJPEG(data []byte, frame jpegFrame, r Reduction) (*jpegDecoder, error) {
	d := &jpegDecoder{data: data, frame: frame, reduce: r}
	for at := 2; ; {
		s, err := nextSegment(data, at)
		if err != nil {
			return nil, err
		}
		if s.marker == 0xd9 {
			return d, d.finish()
		}
		at = s.end()
		switch {
		case isFrame(s.marker):
			err = d.start(s)
		case s.marker == 0xc4:
			err = d.huffmanTables(s.body)
		case s.marker == 0xdb:
			err = d.quantTables(s.body)
		case s.marker == 0xdd && len(s.body) != 2:
			err = FormatError(fmt.Sprintf("jpeg: restart interval in %d bytes, want 2", len(s.body)))
		case s.marker == 0xdd:
			d.interval = int(s.body[0])<<8 | int(s.body[1])
		case s.marker == 0xda:
			at, err = d.scan(s)
		case s.marker < 0xc0:
			err = FormatError(fmt.Sprintf("jpeg: unknown marker %#x", s.marker))
		}
		if err != nil {
			return nil, err
		}
	}
}

// start allocates the planes.
func (d *jpegDecoder) start(s jpegSegment) error {
	if d.channels != nil {
		return FormatError("jpeg: two frame headers")
	}
	frame, err := readFrame(s.marker, s.body)
	if err != nil {
		return err
	}
	if frame != d.frame {
		return FormatError("jpeg: the frame header is not the one that was read first")
	}
	d.channels = frame.newChannels(d.reduce)
	return nil
}

// quantTables reads the tables of a DQT segment (B.2.4.1).
func (d *jpegDecoder) quantTables(body []byte) error {
	for len(body) > 0 {
		wide, id := int(body[0]>>4), body[0]&15
		size := 64 * (1 + wide)
		if wide > 1 || id > 3 || len(body) < 1+size {
			return FormatError(fmt.Sprintf("jpeg: quantization table %d of kind %d in %d bytes", id, wide, len(body)))
		}
		q := new([64]int32)
		for i := range q {
			if wide == 1 {
				q[zigzag[i]] = int32(body[1+2*i])<<8 | int32(body[2+2*i])
			} else {
				q[zigzag[i]] = int32(body[1+i])
			}
		}
		d.quant[id] = q
		body = body[1+size:]
	}
	return nil
}

// finish makes samples of a progressive frame's coefficients.
func (d *jpegDecoder) finish() error {
	if d.channels == nil {
		return FormatError("jpeg: no frame header")
	}
	for i := range d.channels {
		c := &d.channels[i]
		if c.quant == nil {
			return FormatError(fmt.Sprintf("jpeg: no scan has channel %d", i))
		}
		if c.coefficients == nil {
			continue
		}
		for y := c.wanted.Min.Y; y < c.wanted.Max.Y; y++ {
			for x := c.wanted.Min.X; x < c.wanted.Max.X; x++ {
				i := y*c.row + x
				b := c.block(i)
				c.put(&b, x, y, c.nonzero[i] == 0)
			}
		}
		c.coefficients = nil
	}
	return nil
}
