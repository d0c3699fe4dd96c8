package decode

import (
	"fmt"
	"image"
)

// jpegScan is what a scan header says (T.81 B.2.3), and the state of decoding it.
type jpegScan struct {
	bitReader
	channels    []*jpegChannel
	progressive bool
	first, last int // the band of coefficients, in coded order
	high, low   int // the bit position that the scan before reached, 0 if there was none, and this one does
	skip        int // blocks to come without a code of their own, within an end-of-band run
}

// scan decodes one scan and returns the offset of what follows it.
func (d *jpegDecoder) scan(seg jpegSegment) (end int, err error) {
	s, err := d.readScan(seg.body)
	if err != nil {
		return 0, err
	}
	s.bitReader = bitReader{data: d.data, at: seg.end()}
	// A channel alone is coded block by block; several take turns in units of as many blocks as each has
	// in a unit's area.
	across, down := s.channels[0].across, s.channels[0].down
	if len(s.channels) > 1 {
		across, down = ceilDiv(d.frame.w, 8*d.frame.hmax), ceilDiv(d.frame.h, 8*d.frame.vmax)
	}
	for y := range down {
		for x := range across {
			if unit := y*across + x; d.interval > 0 && unit > 0 && unit%d.interval == 0 {
				if err := s.startInterval(unit/d.interval - 1); err != nil {
					return 0, err
				}
			}
			if err := s.unit(x, y); err != nil {
				return 0, err
			}
		}
	}
	return s.at, nil
}

// startInterval goes on after restart number n of the scan.
func (s *jpegScan) startInterval(n int) error {
	for _, c := range s.channels {
		c.dc = 0
	}
	s.skip = 0
	return s.restart(n % 8)
}

// unit decodes the blocks of one unit, at (x, y) in units.
func (s *jpegScan) unit(x, y int) error {
	ok := true
	if len(s.channels) == 1 {
		ok = s.block(s.channels[0], x, y)
	} else {
		for _, c := range s.channels {
			for i := range c.v {
				for j := range c.h {
					ok = ok && s.block(c, x*c.h+j, y*c.v+i)
				}
			}
		}
	}
	if err := s.err(); err != nil || ok {
		return err
	}
	return FormatError("jpeg: coded data holds no valid code")
}

// block decodes block (x, y) of c. It returns false where the data makes no sense.
func (s *jpegScan) block(c *jpegChannel, x, y int) bool {
	if !s.progressive {
		var b block
		last, ok := s.sequential(c, &b)
		if (image.Point{x, y}).In(c.wanted) {
			c.put(&b, x, y, last == 0)
		}
		return ok
	}
	return s.progress(c, y*c.row+x)
}

// readScan reads a scan header and readies the channels that it names.
func (d *jpegDecoder) readScan(body []byte) (*jpegScan, error) {
	if d.scans++; d.channels == nil || d.scans > maxScans {
		return nil, FormatError(fmt.Sprintf("jpeg: scan %d, of at most %d after the frame header", d.scans, maxScans))
	}
	if len(body) < 1 || body[0] < 1 || body[0] > 4 || len(body) != 4+2*int(body[0]) {
		return nil, FormatError(fmt.Sprintf("jpeg: scan header of %d bytes makes no sense", len(body)))
	}
	n := int(body[0])
	s := &jpegScan{progressive: d.frame.progressive(), last: 63}
	if tail := body[1+2*n:]; s.progressive {
		s.first, s.last, s.high, s.low = int(tail[0]), int(tail[1]), int(tail[2]>>4), int(tail[2]&15)
		switch {
		case s.first > s.last, s.last > 63, s.first == 0 && s.last > 0, s.first > 0 && n > 1:
			return nil, FormatError(fmt.Sprintf("jpeg: scan of coefficients %d to %d of %d channels", s.first, s.last, n))
		case s.low > 13, s.high > 0 && s.high != s.low+1:
			return nil, FormatError(fmt.Sprintf("jpeg: scan takes coefficients from bit %d to %d", s.high, s.low))
		}
	}
	blocks := 0
	for i := range n {
		c, err := d.channel(body[1+2*i], body[2+2*i], s)
		if err != nil {
			return nil, err
		}
		s.channels = append(s.channels, c)
		blocks += c.h * c.v
	}
	if n > 1 && blocks > 10 {
		return nil, FormatError(fmt.Sprintf("jpeg: %d blocks in a unit, want at most 10", blocks))
	}
	return s, nil
}

// channel finds the channel called id and gives it the tables that s needs: codes holds their numbers.
func (d *jpegDecoder) channel(id, codes byte, s *jpegScan) (*jpegChannel, error) {
	for _, c := range s.channels {
		if c.id == id {
			return nil, FormatError(fmt.Sprintf("jpeg: scan has channel %d twice", id))
		}
	}
	for i := range d.channels {
		c := &d.channels[i]
		if c.id != id {
			continue
		}
		if c.quant == nil {
			c.quant = d.quant[c.table]
		}
		if c.quant == nil {
			return nil, FormatError(fmt.Sprintf("jpeg: quantization table %d is missing", c.table))
		}
		dc, ac := codes>>4, codes&15
		if dc > 3 || ac > 3 {
			return nil, FormatError(fmt.Sprintf("jpeg: scan wants Huffman tables %d and %d, want at most 3", dc, ac))
		}
		c.dc, c.dcCode, c.acCode = 0, &d.huff[0][dc], &d.huff[1][ac]
		if s.first == 0 && s.high == 0 && !c.dcCode.defined || s.last > 0 && !c.acCode.defined {
			return nil, FormatError("jpeg: scan wants a Huffman table that is missing")
		}
		return c, nil
	}
	return nil, FormatError(fmt.Sprintf("jpeg: scan has channel %d, which the frame has not", id))
}
