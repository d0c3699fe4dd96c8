package decode

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"slices"
)

// maxScans bounds the scans of a progressive JPEG, each of which costs a pass over the whole picture however
// few its bytes. Encoders write about ten; the standard's own scheme has room for fewer than this.
const maxScans = 100

// jpegFile is what the segments of a JPEG say beside its pixels.
type jpegFile struct {
	frame     byte // its start-of-frame marker; 0 if there is none
	precision int  // bits a sample
	channels  int
	halved    bool   // the second channel has half the samples of the first, both ways
	exif      []byte // the TIFF structure of its first EXIF segment
	adobe     []int  // offsets of the transform bytes of Adobe's segments
	scans     int
}

// walkJPEG reads the segments of data up to its end, or to where they no longer make sense: what is wrong
// there is for the decoder to say.
func walkJPEG(data []byte) jpegFile {
	var f jpegFile
	for at := 2; ; {
		// Between segments, anything that is not a marker is skipped, as decoders do; so is coded data.
		i := bytes.IndexByte(data[min(at, len(data)):], 0xff)
		if i < 0 || at+i+4 > len(data) {
			return f
		}
		at += i + 1
		marker := data[at]
		switch {
		case marker == 0xff: // a fill byte; the next one may be the marker
			continue
		case marker == 0xd9: // end of image
			return f
		case marker <= 0x01, marker >= 0xd0 && marker <= 0xd8: // no segment follows
			at++
			continue
		}
		n := int(data[at+1])<<8 | int(data[at+2])
		if n < 2 || at+1+n > len(data) {
			return f
		}
		f.segment(marker, data[at+3:at+1+n], at+3)
		at += 1 + n
	}
}

// segment notes what one segment says; body begins at offset at of the file.
func (f *jpegFile) segment(marker byte, body []byte, at int) {
	switch {
	case marker == 0xda:
		f.scans++
	case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
		if f.frame != 0 || len(body) < 6 {
			return
		}
		f.frame, f.precision, f.channels = marker, int(body[0]), int(body[5])
		f.halved = len(body) >= 12 && body[7] == 0x22 && body[10] == 0x11
	case marker == 0xe1 && f.exif == nil && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
		f.exif = body[6:]
	case marker == 0xee && len(body) >= 12 && string(body[:5]) == "Adobe":
		f.adobe = append(f.adobe, at+11)
	}
}

// supported names the processes of the standard that image/jpeg does not know.
func (f *jpegFile) supported() error {
	refuse := func(what string) error {
		return UnsupportedError("jpeg: " + what + "; save it as an ordinary 8-bit JPEG first")
	}
	switch {
	case f.frame == 0xc3 || f.frame == 0xc7 || f.frame == 0xcb || f.frame == 0xcf:
		return refuse("lossless coding is not supported")
	case f.frame == 0xc5 || f.frame == 0xc6 || f.frame == 0xcd || f.frame == 0xce:
		return refuse("hierarchical coding is not supported")
	case f.frame == 0xc9 || f.frame == 0xca:
		return refuse("arithmetic coding is not supported")
	case f.frame != 0 && f.precision != 8:
		return refuse(fmt.Sprintf("%d bits a sample are not supported", f.precision))
	case f.scans > maxScans:
		return UnsupportedError(fmt.Sprintf("jpeg: %d scans, above the limit of %d", f.scans, maxScans))
	}
	return nil
}

func jpegHeader(data []byte) (header, error) {
	f := walkJPEG(data)
	if err := f.supported(); err != nil {
		return header{}, err
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return header{}, err
	}
	h := header{w: c.Width, h: c.Height, orientation: orientationOf(f.exif)}
	h.perPixel = 3 + int64(f.channels)
	if f.channels == 4 {
		h.perPixel += 8 // the channels again as an image.CMYK, and once more apart
	}
	if f.frame == 0xc2 {
		h.perPixel += 4 * int64(f.channels) // coefficients
	}
	h.holds = 512 * int64(len(data)) // one bit for each block of 8x8, in a scan of nothing but means
	return h, nil
}

func jpegPixels(data []byte, _ header) (*Image, error) {
	f := walkJPEG(data)
	if f.channels == 4 {
		return jpegFour(data, f)
	}
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return FromImage(m), nil
}

// adobeUnknown is an Adobe segment that says of its channels that nothing is to be converted.
const adobeUnknown = "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"

// jpegFour decodes four channels, CMYK or YCCK, which by Adobe's convention are stored inverted. image/jpeg
// converts YCCK with its own colours and refuses a file without Adobe's segment; told that the channels are
// plain, it hands all of them over as they are stored.
func jpegFour(data []byte, f jpegFile) (*Image, error) {
	ycck := false
	plain := slices.Concat(data[:2], []byte(adobeUnknown), data[2:])
	for _, at := range f.adobe {
		ycck = data[at] != 0
		plain[at+len(adobeUnknown)] = 0
	}
	m, err := jpeg.Decode(bytes.NewReader(plain))
	if err != nil {
		return nil, err
	}
	ink, ok := m.(*image.CMYK)
	if !ok {
		return nil, FormatError("jpeg: four channels are declared and not found")
	}
	return fromFour(ink, f.halved, ycck), nil
}

// fromFour converts the stored channels, of which image.CMYK holds the complement. Where the middle two are
// halved, it repeats their samples; they are taken apart again and brought to size by the triangle filter.
func fromFour(ink *image.CMYK, halved, ycck bool) *Image {
	out := newImage(ink.Rect.Dx(), ink.Rect.Dy())
	step, ratio := 1, image.YCbCrSubsampleRatio444
	if halved {
		step, ratio = 2, image.YCbCrSubsampleRatio420
	}
	planes := image.NewYCbCr(ink.Rect, ratio)
	for y := range out.H {
		for x := range out.W {
			px := ink.Pix[y*ink.Stride+4*x:][:4]
			planes.Y[y*planes.YStride+x] = 255 - px[0]
			if x%step == 0 && y%step == 0 {
				c := y/step*planes.CStride + x/step
				planes.Cb[c], planes.Cr[c] = 255-px[1], 255-px[2]
			}
		}
	}
	up := newUpsampler(planes)
	cmy, cmyk := make([]uint8, 3*out.W), make([]uint8, 4*out.W)
	for y := range out.H {
		cb, cr := up.row(y)
		luma := planes.Y[y*planes.YStride:]
		if ycck {
			yccRow(cmy, luma, cb, cr)
		}
		for x := range out.W {
			if ycck {
				copy(cmyk[4*x:], cmy[3*x:3*x+3])
			} else {
				cmyk[4*x], cmyk[4*x+1], cmyk[4*x+2] = 255-luma[x], 255-cb[x], 255-cr[x]
			}
			cmyk[4*x+3] = ink.Pix[y*ink.Stride+4*x+3]
		}
		cmykRow(out.Pix[3*y*out.W:][:3*out.W], cmyk)
	}
	return out
}
