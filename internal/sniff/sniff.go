// Package sniff tells what a file is from its first bytes. The name of a file is never asked: a picture
// with a wrong extension is a picture, and a text called .jpg is none.
package sniff

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// HeadLen is how many leading bytes Format looks at; fewer are enough where the file has no more.
const HeadLen = 4096

// Format is a file's kind, by content.
type Format uint8

const (
	Unknown Format = iota
	Empty          // no bytes at all

	// Pictures that graft decodes.
	JPEG
	PNG
	GIF
	WebP
	BMP
	TIFF

	// Pictures that graft recognises and does not decode.
	HEIC
	AVIF
	Raw // a camera's raw file: DNG, NEF, CR2, CR3, ARW …

	// Things that lie beside pictures.
	Video
	Text // JSON, XML, HTML, CSV, plain text
	PDF
	Archive
)

var names = [...]string{"unknown", "empty", "jpeg", "png", "gif", "webp", "bmp", "tiff", "heic", "avif", "raw", "video", "text", "pdf", "archive"}

func (f Format) String() string { return names[f] }

// Decodable reports whether graft reads pictures of this format.
func (f Format) Decodable() bool { return f >= JPEG && f <= TIFF }

// Convertible reports whether f is a picture that another program must convert first.
func (f Format) Convertible() bool { return f >= HEIC && f <= Raw }

// Of returns the format of a file that begins with head. Files that are cut or damaged after their first
// bytes are still what they began as: the decoder will say what is wrong with them.
func Of(head []byte) Format {
	if len(head) == 0 {
		return Empty
	}
	for _, m := range magics {
		if len(head) >= m.at+len(m.is) && string(head[m.at:m.at+len(m.is)]) == m.is {
			if m.then != nil {
				return m.then(head)
			}
			return m.format
		}
	}
	if isText(head) {
		return Text
	}
	return Unknown
}

// magics is searched in order; the first that fits decides. The values are those of the formats' own
// specifications.
var magics = []struct {
	at     int
	is     string
	format Format
	then   func(head []byte) Format
}{
	{0, "\xff\xd8\xff", JPEG, nil},
	{0, "\x89PNG\r\n\x1a\n", PNG, nil},
	{0, "GIF87a", GIF, nil},
	{0, "GIF89a", GIF, nil},
	{8, "WEBP", WebP, riff},
	{0, "BM", BMP, bmp},
	{0, "II*\x00", TIFF, tiffOrRaw},
	{0, "MM\x00*", TIFF, tiffOrRaw},
	{0, "IIRO", Raw, nil},            // Olympus ORF
	{0, "IIU\x00", Raw, nil},         // Panasonic RW2
	{0, "FUJIFILMCCD-RAW", Raw, nil}, // Fujifilm RAF
	{4, "ftyp", Video, isoMedia},     // ISO base media: HEIF, AVIF, CR3, MP4, MOV
	{4, "moov", Video, nil}, {4, "mdat", Video, nil}, {4, "wide", Video, nil},
	{0, "\x1aE\xdf\xa3", Video, nil}, // Matroska, WebM
	{8, "AVI ", Video, nil},
	{0, "\x00\x00\x01\xba", Video, nil}, // MPEG program stream
	{0, "%PDF-", PDF, nil},
	{0, "PK\x03\x04", Archive, nil}, {0, "PK\x05\x06", Archive, nil},
	{0, "\x1f\x8b", Archive, nil}, {257, "ustar", Archive, nil}, {0, "7z\xbc\xaf'\x1c", Archive, nil},
}

func riff(head []byte) Format {
	if string(head[:4]) == "RIFF" {
		return WebP
	}
	return Unknown
}

// bmp asks for more than two letters, which a text may begin with too: a known size of the second header.
func bmp(head []byte) Format {
	if len(head) < 18 {
		return textOr(head, BMP)
	}
	switch binary.LittleEndian.Uint32(head[14:]) {
	case 12, 16, 40, 52, 56, 64, 108, 124:
		return BMP
	}
	return textOr(head, Unknown)
}

func textOr(head []byte, f Format) Format {
	if isText(head) {
		return Text
	}
	return f
}

// isoMedia tells a still picture from a film by the brands of the file type box (ISO 14496-12, 4.3).
func isoMedia(head []byte) Format {
	n := min(int(binary.BigEndian.Uint32(head)), len(head))
	for i := 8; i+4 <= n; i += 4 {
		if i == 12 {
			continue // minor version
		}
		switch string(head[i : i+4]) {
		case "avif", "avis":
			return AVIF
		case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1":
			return HEIC
		case "crx ":
			return Raw
		}
	}
	return Video
}

// tiffOrRaw tells a camera's raw file, which has the TIFF container's magic, by what only cameras write:
// Canon's CR2 marker, a DNG version tag, a raw photometric interpretation, or a maker's compression.
func tiffOrRaw(head []byte) Format {
	var order binary.ByteOrder = binary.LittleEndian
	if head[0] == 'M' {
		order = binary.BigEndian
	}
	if len(head) >= 10 && string(head[8:10]) == "CR" {
		return Raw
	}
	if len(head) < 8 {
		return TIFF
	}
	at := int64(order.Uint32(head[4:]))
	if at+2 > int64(len(head)) {
		return TIFF
	}
	n := int64(order.Uint16(head[at:]))
	maker := false
	for i := int64(0); i < n; i++ {
		e := at + 2 + 12*i
		if e+12 > int64(len(head)) {
			break
		}
		tag, typ, value := order.Uint16(head[e:]), order.Uint16(head[e+2:]), order.Uint32(head[e+8:])
		if typ == 3 {
			value = uint32(order.Uint16(head[e+8:]))
		}
		switch {
		case tag == 50706: // DNGVersion
			return Raw
		case tag == 262 && (value == 32803 || value == 34892): // colour filter array, linear raw
			return Raw
		case tag == 259 && (value == 34713 || value == 32767 || value == 65535): // Nikon, Sony, Pentax
			return Raw
		case tag == 271:
			maker = true
		case tag == 330 && maker: // SubIFDs after a camera's make: NEF, ARW and their like keep the raw data there
			return Raw
		}
	}
	return TIFF
}

// isText reports whether head is text in UTF-8 or UTF-16 with a byte order mark: no control characters
// but white space. A rune cut by the end of head does not count against it.
func isText(head []byte) bool {
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return true
	}
	for i := 0; i < len(head); {
		r, n := utf8.DecodeRune(head[i:])
		if r == utf8.RuneError && n == 1 {
			return i > 0 && len(head)-i < utf8.UTFMax && !utf8.FullRune(head[i:])
		}
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' {
			return false
		}
		i += n
	}
	return true
}
