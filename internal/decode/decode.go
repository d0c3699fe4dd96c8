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
}

// Image is a decoded picture: Pix is RGB8 [H,W,3] without padding.
type Image struct {
	W, H int
	Pix  []uint8

	budget *Budget
	held   int64
}

// Release hands the picture's bytes back to the budget that it was decoded under. The pixels must not be
// used any more. It may be called on any Image, and more than once.
func (m *Image) Release() {
	m.budget.release(m.held)
	m.held = 0
}

func newImage(w, h int) *Image { return &Image{W: w, H: h, Pix: make([]uint8, 3*w*h)} }

// header is what a codec reads before pixels are allocated.
type header struct {
	w, h        int
	orientation int   // 1 to 8, as EXIF counts; 1 is upright
	perPixel    int64 // peak of memory while decoding, in bytes for each pixel, the result included
	holds       int64 // the most pixels that a file of this length can hold
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
	need := int64(h.w) * int64(h.h) * h.perPixel
	if h.orientation > 1 {
		need += 3 * int64(h.w) * int64(h.h)
	}
	need = o.Budget.clamp(need)
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
	m.budget, m.held = o.Budget, min(need, int64(len(m.Pix)))
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
