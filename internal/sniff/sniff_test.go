package sniff

import (
	"encoding/binary"
	"strings"
	"testing"
)

// tiff returns the head of a little-endian TIFF file with the given entries of tag and value.
func tiff(entries ...[2]uint32) string {
	b := []byte("II*\x00\x08\x00\x00\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(len(entries)))
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = binary.LittleEndian.AppendUint16(b, 4)
		b = binary.LittleEndian.AppendUint32(b, 1)
		b = binary.LittleEndian.AppendUint32(b, e[1])
	}
	return string(b)
}

func TestOf(t *testing.T) {
	for _, c := range []struct {
		name, head string
		want       Format
	}{
		{"nothing", "", Empty},
		{"jpeg", "\xff\xd8\xff\xe0\x00\x10JFIF", JPEG},
		{"png", "\x89PNG\r\n\x1a\n", PNG},
		{"gif", "GIF89a\x01\x00", GIF},
		{"webp", "RIFF\x00\x00\x00\x00WEBPVP8 ", WebP},
		{"bmp", "BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00", BMP},
		{"text that begins as a bmp", "BMW is a maker of cars in Munich", Text},
		{"tiff", tiff([2]uint32{256, 10}, [2]uint32{262, 2}), TIFF},
		{"tiff of a scanner", tiff([2]uint32{262, 2}, [2]uint32{271, 100}), TIFF},
		{"dng", tiff([2]uint32{256, 10}, [2]uint32{50706, 0x01040000}), Raw},
		{"nef", tiff([2]uint32{254, 1}, [2]uint32{271, 100}, [2]uint32{330, 200}), Raw},
		{"cr2", "II*\x00\x10\x00\x00\x00CR\x02\x00", Raw},
		{"arw", tiff([2]uint32{259, 32767}), Raw},
		{"tiff whose directory is cut", tiff([2]uint32{256, 10})[:15], TIFF},
		{"tiff with a wild offset", "II*\x00\xff\xff\xff\xff", TIFF},
		{"heic", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", HEIC},
		{"avif named by a later brand", "\x00\x00\x00\x1cftypmif2\x00\x00\x00\x00avif", AVIF},
		{"cr3", "\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom", Raw},
		{"live photo", "\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ", Video},
		{"box that lies about its length", "\xff\xff\xff\xffftypisom", Video},
		{"takeout json", `{"title": "IMG_1.jpg"}`, Text},
		{"html error page", "<!DOCTYPE html><title>404</title>", Text},
		{"aae", "<?xml version=\"1.0\"?>\n<!DOCTYPE plist>", Text},
		{"text cut within a letter", "caf\xc3", Text},
		{"zip", "PK\x03\x04", Archive},
		{"tar", strings.Repeat("\x00", 257) + "ustar\x00", Archive},
		{"noise", "\x00\x01\x02\xfe", Unknown},
	} {
		if got := Of([]byte(c.head)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzOf(f *testing.F) {
	f.Add([]byte(tiff([2]uint32{50706, 1})))
	f.Add([]byte("\x00\x00\x00\x18ftypheic"))
	f.Fuzz(func(t *testing.T, head []byte) { _ = Of(head).String() })
}
