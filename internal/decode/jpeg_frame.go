package decode

import (
	"fmt"
	"image"
)

// jpegFrame is what a frame header says (T.81 B.2.2).
type jpegFrame struct {
	marker     byte // 0 if there is none
	w, h       int
	channels   int
	hmax, vmax int // the largest sampling factors
	factors    [4]jpegFactors
}

// jpegFactors is a frame header's word on one channel.
type jpegFactors struct {
	id, table byte // the name that scans use, and the quantization table
	h, v      int  // its samples across and down for every hmax across and vmax down
}

func isFrame(marker byte) bool {
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
}

func (f *jpegFrame) progressive() bool { return f.marker == 0xc2 }

// readFrame reads a frame header. Its error is an [UnsupportedError] for the processes of the standard that
// graft does not know.
func readFrame(marker byte, body []byte) (jpegFrame, error) {
	f := jpegFrame{marker: marker}
	if err := knownProcess(marker); err != nil {
		return f, err
	}
	if len(body) < 6 {
		return f, FormatError("jpeg: the frame header is cut short")
	}
	if body[0] != 8 {
		return f, refuseJPEG(fmt.Sprintf("%d bits a sample are not supported", body[0]))
	}
	f.h, f.w, f.channels = int(body[1])<<8|int(body[2]), int(body[3])<<8|int(body[4]), int(body[5])
	if f.channels != 1 && f.channels != 3 && f.channels != 4 {
		return f, refuseJPEG(fmt.Sprintf("%d channels are not supported", f.channels))
	}
	if len(body) != 6+3*f.channels {
		return f, FormatError(fmt.Sprintf("jpeg: frame header of %d channels in %d bytes", f.channels, len(body)))
	}
	return f, f.readFactors(body[6:])
}

func knownProcess(marker byte) error {
	switch marker {
	case 0xc3, 0xc7, 0xcb, 0xcf:
		return refuseJPEG("lossless coding is not supported")
	case 0xc5, 0xc6, 0xcd, 0xce:
		return refuseJPEG("hierarchical coding is not supported")
	case 0xc9, 0xca:
		return refuseJPEG("arithmetic coding is not supported")
	}
	return nil
}

func refuseJPEG(what string) error {
	return UnsupportedError("jpeg: " + what + "; save it as an ordinary 8-bit JPEG first")
}

func (f *jpegFrame) readFactors(body []byte) error {
	for i := range f.channels {
		c := jpegFactors{id: body[3*i], table: body[3*i+2], h: int(body[3*i+1] >> 4), v: int(body[3*i+1] & 15)}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.table > 3 {
			return FormatError(fmt.Sprintf("jpeg: channel %d has sampling factors %dx%d and quantization table %d", i, c.h, c.v, c.table))
		}
		for j := range i {
			if f.factors[j].id == c.id {
				return FormatError(fmt.Sprintf("jpeg: two channels are called %d", c.id))
			}
		}
		if f.channels == 1 {
			c.h, c.v = 1, 1 // a channel alone is not sampled relative to anything (A.2.2)
		}
		f.hmax, f.vmax = max(f.hmax, c.h), max(f.vmax, c.v)
		f.factors[i] = c
	}
	for _, c := range f.factors[:f.channels] {
		if f.hmax%c.h != 0 || f.vmax%c.v != 0 {
			return refuseJPEG(fmt.Sprintf("sampling factors of %dx%d in %dx%d are not supported", c.h, c.v, f.hmax, f.vmax))
		}
	}
	return nil
}

// jpegChannel is one channel while it is decoded.
type jpegChannel struct {
	jpegFactors
	width, height int             // its samples
	across, down  int             // its blocks, those that only pad the last units of an interleaved scan left out
	row           int             // blocks in a row, with those
	nx, ny        int             // samples of a block in pix, across and down: 8, or 4, 2 or 1 where it is reduced
	wanted        image.Rectangle // the blocks whose samples are wanted
	pix           []uint8
	*coefficients            // of all blocks, for a progressive frame
	quant         *[64]int32 // by row; set by the first scan that has the channel, as nothing later may change it
	dc            int32      // the last block's mean
	dcCode        *huffman
	acCode        *huffman
}

// newChannels lays out the planes of f, reduced by r.
func (f *jpegFrame) newChannels(r Reduction) []jpegChannel {
	unitsAcross, unitsDown := ceilDiv(f.w, 8*f.hmax), ceilDiv(f.h, 8*f.vmax)
	channels := make([]jpegChannel, f.channels)
	for i := range channels {
		c := &channels[i]
		c.jpegFactors = f.factors[i]
		c.width, c.height = ceilDiv(f.w*c.h, f.hmax), ceilDiv(f.h*c.v, f.vmax)
		c.across, c.down = ceilDiv(c.width, 8), ceilDiv(c.height, 8)
		c.row = unitsAcross * c.h
		c.reduce(f.hmax/c.h, f.vmax/c.v, r)
		blocks := c.row * unitsDown * c.v
		c.pix = make([]uint8, c.nx*c.ny*blocks)
		if f.progressive() {
			c.coefficients = newCoefficients(blocks, c.nx, c.ny)
		}
	}
	return channels
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// reduce notes what r asks of c, whose samples are across x down pixels each.
func (c *jpegChannel) reduce(across, down int, r Reduction) {
	c.nx, c.ny = reduced(across, r.Across), reduced(down, r.Down)
	c.wanted = image.Rect(0, 0, c.across, c.down)
	if r.Across > 0 {
		c.wanted = c.wanted.Intersect(image.Rect(r.Wanted.Min.X/(8*across), r.Wanted.Min.Y/(8*down),
			ceilDiv(r.Wanted.Max.X, 8*across), ceilDiv(r.Wanted.Max.Y, 8*down)))
	}
}

// reduced returns how many samples of a block's eight are left so that none of them, which are size pixels
// now, is above limit.
func reduced(size, limit int) int {
	n := 8
	for n > 1 && 16/n*size <= limit {
		n /= 2
	}
	return n
}

// put writes the samples of block (x, y). flat says that it is all zeros but for its mean.
func (c *jpegChannel) put(b *block, x, y int, flat bool) {
	stride := c.nx * c.row
	dst := c.pix[stride*c.ny*y+c.nx*x:]
	switch {
	case flat || c.nx == 1 && c.ny == 1:
		idctFlat(dst, stride, c.nx, c.ny, b[0], c.quant[0])
	case c.nx == 8 && c.ny == 8:
		idct(dst, stride, b, c.quant)
	default:
		idctReduced(dst, stride, c.nx, c.ny, b, c.quant)
	}
}
