package decode

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"io"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/graft-ml/graft/internal/sniff"
)

// FormatError reports that the input is not a whole, valid picture.
type FormatError string

func (e FormatError) Error() string { return "decode: " + string(e) }

// UnsupportedError reports that the input may well be valid, but is of a kind that graft does not read.
type UnsupportedError string

func (e UnsupportedError) Error() string { return "decode: " + string(e) }

// guard runs one step of a codec and makes whatever comes out of it, a panic included, one of this package's
// two errors.
func guard[T any](format sniff.Format, step func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = FormatError(fmt.Sprintf("%v: damaged: the decoder stopped with: %v", format, r))
		}
	}()
	v, err = step()
	return v, blame(format, err)
}

// blame sorts err, which may be a library's, by whose fault it is.
func blame(format sniff.Format, err error) error {
	var (
		ourFormat FormatError
		ours      UnsupportedError
		pngs      png.UnsupportedError
		tiffs     tiff.UnsupportedError
	)
	switch {
	case err == nil, errors.As(err, &ourFormat), errors.As(err, &ours):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), saysCut(err):
		return FormatError(fmt.Sprintf("%v: file is cut short", format))
	case errors.As(err, &pngs), errors.As(err, &tiffs), errors.Is(err, bmp.ErrUnsupported):
		return UnsupportedError(fmt.Sprintf("%v: %s", format, reason(format, err)))
	}
	return FormatError(fmt.Sprintf("%v: %s", format, reason(format, err)))
}

// saysCut reports whether a library says in words of its own that the file ended too early.
func saysCut(err error) bool {
	return strings.Contains(err.Error(), "unexpected EOF")
}

// reason is err without the library's own mention of the format.
func reason(format sniff.Format, err error) string {
	return strings.TrimPrefix(err.Error(), format.String()+": ")
}

// foreign are pictures that package sniff does not tell apart, by their first bytes.
var foreign = []struct{ magic, name string }{
	{"\x00\x00\x00\x0cJXL \r\n", "JPEG XL"},
	{"\xff\x0a", "JPEG XL"},
	{"\x00\x00\x00\x0cjP  \r\n", "JPEG 2000"},
	{"\xff\x4f\xff\x51", "JPEG 2000"},
	{"8BPS", "Photoshop"},
	{"\x00\x00\x01\x00", "icon"},
	{"%!PS", "PostScript"},
}

// refuse says why content that no codec reads is not read, and what to do about it.
func refuse(format sniff.Format, data []byte) error {
	convert := func(what string) error {
		return UnsupportedError(what + " is not read; convert it to JPEG or PNG first (for example: magick INPUT OUTPUT.jpg)")
	}
	switch format {
	case sniff.Empty:
		return FormatError("file is empty")
	case sniff.HEIC:
		return convert("HEIC, an iPhone's format,")
	case sniff.AVIF:
		return convert("AVIF")
	case sniff.Raw:
		return convert("a camera's raw file")
	case sniff.PDF:
		return convert("PDF")
	case sniff.Video, sniff.Archive:
		return UnsupportedError(fmt.Sprintf("content is %v, not a picture", format))
	}
	for _, f := range foreign {
		if bytes.HasPrefix(data, []byte(f.magic)) {
			return convert(f.name)
		}
	}
	if format == sniff.Text {
		if bytes.Contains(data[:min(len(data), sniff.HeadLen)], []byte("<svg")) {
			return convert("SVG")
		}
		return FormatError("content is text, not a picture")
	}
	return FormatError("content is none of the known picture formats (JPEG, PNG, GIF, WebP, BMP, TIFF)")
}
