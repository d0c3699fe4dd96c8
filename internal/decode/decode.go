// Package decode turns the bytes of a picture file into RGB8.
//
// In: a whole file in memory. Out: an [Image], upright, opaque, 8 bits a channel.
//
// What is done on the way, for every format:
//   - The content says what a file is, never its name.
//   - Sizes are read and judged before any pixel is allocated: none may be zero, above [Options].MaxPixels in
//     all, longer than [MaxAspect], or more than a file of that length can hold.
//   - An EXIF or TIFF orientation is applied: all eight of them.
//   - 16 bits become 8 by v*255/65535, rounded; 1, 2 and 4 bits are scaled to 0–255.
//   - Alpha is blended over white, in the values as they are stored (no gamma), rounded.
//   - JPEG becomes the same bytes as with libjpeg-turbo's defaults: its accurate inverse DCT, its triangle
//     filter for subsampled chroma and its fixed-point colours. Four channels are taken as Adobe's inverted
//     CMYK or YCCK.
//   - Lossy WebP is converted as libwebp does it.
//   - Of an animation the first frame is taken, on its canvas (white where the frame does not reach).
//   - Colour profiles are ignored: values are taken as sRGB.
//
// A large JPEG of which only a fraction is needed can come as planes of means instead: see [Options].Reduce.
//
// No input can make it panic: the decoders of the standard library and of x/image run behind a recover, which
// the JPEG decoder, this package's own, does not need.
package decode

import (
	"context"
	"fmt"

	"github.com/graft-ml/graft/internal/sniff"
)

const (
	// DefaultMaxPixels is what Options.MaxPixels is when 0.
	DefaultMaxPixels = 256 << 20
	// MaxAspect is how many times longer than the other a side may be: beyond it, nothing is left to see
	// once the picture is brought to a network's size.
	MaxAspect = 100
)

// Options bounds what a picture may cost. The zero value is ready to use.
type Options struct {
	MaxPixels int     // most pixels that a header may declare; 0 is DefaultMaxPixels
	Budget    *Budget // memory shared with other calls; nil is no bound

	// Reduce, if set, is told the size of an upright picture and says with how much less its caller is
	// content. Where that is at least two pixels a sample both ways, a JPEG in gray or YCbCr comes as
	// [Image].Planes, at a fraction of the cost. Files with an error have the same one either way.
	Reduce func(w, h int) Reduction
}

// Image is a decoded picture of W x H pixels: either Pix, RGB8 [H,W,3] without padding, or Planes.
type Image struct {
	W, H   int
	Pix    []uint8
	Planes []Plane // luma alone, or luma, Cb and Cr, in the full range; see [Options].Reduce

	budget *Budget
	held   int64
}

// Release hands the picture's bytes back to the budget that it was decoded under. The pixels must not be
// used any more. It may be called on any Image, and more than once.
func (m *Image) Release() {
	m.budget.release(m.held)
	m.held = 0
}

func (m *Image) bytes() int64 {
	n := len(m.Pix)
	for _, p := range m.Planes {
		n += len(p.Pix)
	}
	return int64(n)
}

func newImage(w, h int) *Image { return &Image{W: w, H: h, Pix: make([]uint8, 3*w*h)} }

// header is what a codec reads before pixels are allocated.
type header struct {
	w, h        int
	orientation int   // 1 to 8, as EXIF counts; 1 is upright
	perPixel    int64 // peak of memory while decoding, in bytes for each pixel, the result included
	holds       int64 // the most pixels that a file of this length can hold

	reducible  bool      // it can come as planes
	reduction  Reduction // what is asked for, in the stored orientation; the zero value is a whole picture
	perReduced int64     // perPixel of a reduced picture
}

// reduce notes what f asks for, if it is worth while and can be done.
func (h *header) reduce(f func(w, h int) Reduction) {
	if f == nil || !h.reducible {
		return
	}
	t := turnings[h.orientation]
	width, height := t.size(h.w, h.h)
	if r := f(width, height).stored(t, width, height); min(r.Across, r.Down) >= 2 {
		h.reduction = r
	}
}

// peak is the most memory that decoding takes, the result included.
func (h *header) peak() int64 {
	pixels := int64(h.w) * int64(h.h)
	switch {
	case h.reduction.Across > 0:
		return pixels * h.perReduced
	case h.orientation > 1:
		return pixels * (h.perPixel + 3)
	}
	return pixels * h.perPixel
}

// codec reads one format. Both functions may return errors of the libraries below, or panic.
type codec struct {
	header func(data []byte) (header, error)
	pixels func(data []byte, h header) (*Image, error)
}

var codecs = map[sniff.Format]codec{
	sniff.JPEG: {jpegHeader, jpegPixels},
	sniff.PNG:  {pngHeader, pngPixels},
	sniff.GIF:  {gifHeader, gifPixels},
	sniff.WebP: {webpHeader, webpPixels},
	sniff.BMP:  {bmpHeader, bmpPixels},
	sniff.TIFF: {tiffHeader, tiffPixels},
}

// Decode returns the picture in data. While it works it holds its peak memory of o.Budget, waiting for it if
// need be; the result holds its pixels' until [Image.Release]. An error is a [FormatError] (the file is at
// fault), an [UnsupportedError] (graft can't or won't read it), or ctx's.
func Decode(ctx context.Context, data []byte, o Options) (*Image, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	format := sniff.Of(data[:min(len(data), sniff.HeadLen)])
	c, ok := codecs[format]
	if !ok {
		return nil, refuse(format, data)
	}
	h, err := guard(format, func() (header, error) { return c.header(data) })
	if err != nil {
		return nil, err
	}
	if err := o.check(format, h, len(data)); err != nil {
		return nil, err
	}
	h.reduce(o.Reduce)
	need := o.Budget.clamp(h.peak())
	if err := o.Budget.acquire(ctx, need); err != nil {
		return nil, err
	}
	m, err := guard(format, func() (*Image, error) {
		m, err := c.pixels(data, h)
		if err != nil {
			return nil, err
		}
		return orient(m, h.orientation), nil
	})
	if err != nil {
		o.Budget.release(need)
		return nil, err
	}
	m.budget, m.held = o.Budget, min(need, m.bytes())
	o.Budget.release(need - m.held)
	return m, nil
}

// check judges a header before its pixels are allocated.
func (o Options) check(format sniff.Format, h header, size int) error {
	limit := o.MaxPixels
	if limit == 0 {
		limit = DefaultMaxPixels
	}
	pixels := int64(h.w) * int64(h.h) // may overflow, but not where both pass the test against 1<<30
	switch {
	case h.w < 1 || h.h < 1:
		return FormatError(fmt.Sprintf("%v: header says %dx%d pixels, want at least 1x1", format, h.w, h.h))
	case h.w > 1<<30 || h.h > 1<<30 || pixels > int64(limit):
		return UnsupportedError(fmt.Sprintf("%v: header says %dx%d pixels, above the limit of %d in all (--max-pixels)", format, h.w, h.h, limit))
	case max(h.w, h.h) > MaxAspect*min(h.w, h.h):
		return UnsupportedError(fmt.Sprintf("%v: %dx%d pixels, more than %d times as long as wide", format, h.w, h.h, MaxAspect))
	case pixels > h.holds:
		return FormatError(fmt.Sprintf("%v: header says %dx%d pixels, more than its %d bytes can hold", format, h.w, h.h, size))
	}
	return nil
}
