package decode

import (
	"bytes"
	"fmt"
)

// maxScans bounds the scans of a progressive JPEG, each of which costs a pass over the whole picture however
// few its bytes. Encoders write about ten; the standard's own scheme has room for fewer than this.
const maxScans = 100

// jpegFile is what the segments of a JPEG say beside its pixels.
type jpegFile struct {
	frame    jpegFrame
	frameErr error  // what is wrong with the frame header
	endErr   error  // why the segments end before the end of the image
	exif     []byte // the TIFF structure of its first EXIF segment
	jfif     bool   // it has JFIF's segment
	adobe    int    // the transform that Adobe's last segment states; -1 if there is none
	scans    int
}

// walkJPEG reads the segments of data up to its end, or to where they no longer make sense.
func walkJPEG(data []byte) jpegFile {
	f := jpegFile{adobe: -1}
	for at := 2; ; {
		s, err := nextSegment(data, at)
		if err != nil || s.marker == 0xd9 {
			f.endErr = err
			return f
		}
		f.segment(s)
		at = s.end()
	}
}

// segment notes what one segment says.
func (f *jpegFile) segment(s jpegSegment) {
	switch {
	case s.marker == 0xda:
		f.scans++
	case isFrame(s.marker) && f.frame.marker == 0:
		f.frame, f.frameErr = readFrame(s.marker, s.body)
	case s.marker == 0xe0 && len(s.body) >= 14 && string(s.body[:5]) == "JFIF\x00":
		f.jfif = true
	case s.marker == 0xe1 && f.exif == nil && bytes.HasPrefix(s.body, []byte("Exif\x00\x00")):
		f.exif = s.body[6:]
	case s.marker == 0xee && len(s.body) >= 12 && string(s.body[:5]) == "Adobe":
		f.adobe = int(s.body[11])
	}
}

// check judges all that is known before pixels are allocated.
func (f *jpegFile) check() error {
	switch {
	case f.frameErr != nil:
		return f.frameErr
	case f.frame.marker == 0 && f.endErr != nil:
		return f.endErr
	case f.frame.marker == 0:
		return FormatError("jpeg: no frame header")
	case f.scans > maxScans:
		return UnsupportedError(fmt.Sprintf("jpeg: %d scans, above the limit of %d", f.scans, maxScans))
	}
	return nil
}

// colours says what the channels are, by the rules of libjpeg.
func (f *jpegFile) colours() jpegColours {
	ids := [3]byte{f.frame.factors[0].id, f.frame.factors[1].id, f.frame.factors[2].id}
	switch {
	case f.frame.channels == 1:
		return jpegGray
	case f.frame.channels == 4 && f.adobe > 0:
		return jpegYCCK
	case f.frame.channels == 4:
		return jpegCMYK
	case f.jfif:
		return jpegYCC
	case f.adobe == 0, f.adobe < 0 && ids == [3]byte{'R', 'G', 'B'}:
		return jpegRGB
	}
	return jpegYCC
}

func jpegHeader(data []byte) (header, error) {
	f := walkJPEG(data)
	if err := f.check(); err != nil {
		return header{}, err
	}
	h := header{w: f.frame.w, h: f.frame.h, orientation: orientationOf(f.exif)}
	h.perPixel = 3 + int64(f.frame.channels)
	h.reducible = f.colours() <= jpegYCC
	h.perReduced = 2 // three channels, at most a quarter of each, twice: as they are stored, and upright
	if f.frame.progressive() {
		coefficients := (17*int64(f.frame.channels) + 7) / 8 // of 16 bits, and a bit whether they are 0
		h.perPixel += coefficients
		h.perReduced += coefficients
	}
	h.holds = 512 * int64(len(data)) // one bit for each block of 8x8, in a scan of nothing but means
	return h, nil
}

func jpegPixels(data []byte, h header) (*Image, error) {
	f := walkJPEG(data)
	d, err := decodeJPEG(data, f.frame, h.reduction)
	if err != nil {
		return nil, err
	}
	if h.reduction.Across > 0 {
		return d.planes(), nil
	}
	return d.picture(f.colours()), nil
}
