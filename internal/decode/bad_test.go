package decode

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"runtime"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/sniff"
)

// maxBombBytes is what refusing a file may allocate in all, however much it declares.
const maxBombBytes = 64 << 20

// splice returns data with the bytes at an offset replaced.
func splice(data []byte, at int, with ...byte) []byte {
	out := bytes.Clone(data)
	copy(out[at:], with)
	return out
}

// sized returns a JPEG whose frame header is overwritten with another size.
func sized(jpeg []byte, w, h uint16) []byte {
	at := bytes.Index(jpeg, []byte{0xff, 0xc0})
	return splice(jpeg, at+5, byte(h>>8), byte(h), byte(w>>8), byte(w))
}

func pngChunk(name string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(append(out, name...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

func pngOf(w, h uint32, chunks ...[]byte) []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	head = append(head, 8, 2, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", head)...)
	return append(out, bytes.Join(chunks, nil)...)
}

func bmpOf(w, h int32, bits uint16) []byte {
	out := append([]byte("BM"), make([]byte, 52)...)
	binary.LittleEndian.PutUint32(out[10:], 54)
	binary.LittleEndian.PutUint32(out[14:], 40)
	binary.LittleEndian.PutUint32(out[18:], uint32(w))
	binary.LittleEndian.PutUint32(out[22:], uint32(h))
	binary.LittleEndian.PutUint16(out[26:], 1)
	binary.LittleEndian.PutUint16(out[28:], bits)
	return out
}

func gifOf(w, h uint16) []byte {
	size := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, w), h)
	out := append([]byte("GIF89a"), size...)
	out = append(out, 0x80, 0, 0, 0, 0, 0, 255, 255, 255) // two colours
	out = append(append(out, 0x2c, 0, 0, 0, 0), size...)
	return append(out, 0, 2, 2, 0x4c, 1, 0, 0x3b)
}

// tiffOf builds a little-endian TIFF of one directory of LONG values.
func tiffOf(entries ...[2]uint32) []byte {
	out := append([]byte("II*\x00\x08\x00\x00\x00"), byte(len(entries)), 0)
	for _, e := range entries {
		out = binary.LittleEndian.AppendUint16(out, uint16(e[0]))
		out = binary.LittleEndian.AppendUint16(out, 4)
		out = binary.LittleEndian.AppendUint32(out, 1)
		out = binary.LittleEndian.AppendUint32(out, e[1])
	}
	return append(out, 0, 0, 0, 0)
}

func webpOf(chunk string, body []byte, declared uint32) []byte {
	out := binary.LittleEndian.AppendUint32([]byte("RIFF"), 1<<30)
	out = binary.LittleEndian.AppendUint32(append(out, "WEBP"+chunk...), declared)
	return append(out, body...)
}

// manyScans repeats the last scan of a progressive JPEG.
func manyScans(jpeg []byte, n int) []byte {
	at := bytes.LastIndex(jpeg, []byte{0xff, 0xda})
	scan := jpeg[at : len(jpeg)-2]
	return append(append(bytes.Clone(jpeg[:at]), bytes.Repeat(scan, n)...), 0xff, 0xd9)
}

// without returns a JPEG less its first or last segment of a kind, coded data included.
func without(jpeg []byte, marker byte, last bool) []byte {
	mark := []byte{0xff, marker}
	at := bytes.Index(jpeg, mark)
	if last {
		at = bytes.LastIndex(jpeg, mark)
	}
	s, err := nextSegment(jpeg, at)
	if err != nil {
		panic(err)
	}
	next, err := nextSegment(jpeg, s.end())
	if err != nil {
		panic(err)
	}
	end := next.at - 4 // the next segment's marker
	if next.marker == 0xd9 {
		end = next.at - 2
	}
	return append(bytes.Clone(jpeg[:at]), jpeg[end:]...)
}

type badCase struct {
	name        string
	data        []byte
	unsupported bool // an UnsupportedError is due, not a FormatError
	says        string
}

func badCases(t testing.TB) []badCase {
	colour, progressive := golden(t, "420_61x43.jpg"), golden(t, "progressive.jpg")
	rgb, anim := golden(t, "rgb8.png"), golden(t, "lossy_32x32.webp")
	frame := bytes.Index(colour, []byte{0xff, 0xc0})
	return []badCase{
		{"zero bytes", nil, false, "empty"},
		{"one byte", []byte{0xff}, false, "none of the known"},
		{"text called jpg", []byte("hello, this is no picture\n"), false, "text"},
		{"HTML called png", []byte("<!doctype html><title>404</title>"), false, "text"},
		{"JPEG cut in half", colour[:len(colour)/2], false, "cut short"},
		{"JPEG without end", colour[:len(colour)-2], false, "cut short"},
		{"JPEG of three bytes", colour[:3], false, "cut short"},
		{"JPEG 64x0", sized(colour, 64, 0), false, "64x0"},
		{"JPEG 0x64", sized(colour, 0, 64), false, "0x64"},
		{"JPEG 65500x65500", sized(colour, 65500, 65500), true, "65500x65500"},
		{"JPEG 16000x16000", sized(colour, 16000, 16000), false, "can hold"},
		{"JPEG 12 bits", splice(colour, frame+4, 12), true, "12 bits"},
		{"JPEG lossless", splice(colour, frame+1, 0xc3), true, "lossless"},
		{"JPEG arithmetic", splice(colour, frame+1, 0xc9), true, "arithmetic"},
		{"JPEG with a channel of no scan", without(golden(t, "411.jpg"), 0xda, true), false, "no scan has channel 2"},
		{"JPEG without scans", without(golden(t, "gray.jpg"), 0xda, true), false, "no scan has channel 0"},
		{"JPEG without quantization", without(golden(t, "gray.jpg"), 0xdb, false), false, "quantization table 0 is missing"},
		{"JPEG without Huffman table", without(golden(t, "gray.jpg"), 0xc4, false), false, "Huffman table that is missing"},
		{"JPEG without frame header", without(golden(t, "gray.jpg"), 0xc0, false), false, "no frame header"},
		{"JPEG with a restart of the wrong number", bytes.Replace(golden(t, "restart.jpg"), []byte{0xff, 0xd1}, []byte{0xff, 0xd4}, 1), false, "restart marker"},
		{"JPEG with a marker in coded data", bytes.Replace(golden(t, "restart.jpg"), []byte{0xff, 0xd0}, []byte{0xff, 0xd9}, 1), false, "restart marker"},
		{"JPEG of two channels", splice(colour, frame+9, 2), true, "2 channels"},
		{"JPEG sampled 3 in 4", splice(golden(t, "411.jpg"), bytes.Index(golden(t, "411.jpg"), []byte{0xff, 0xc0})+14, 0x31), true, "sampling factors of 3x1 in 4x1"},
		{"JPEG of 10000 scans", manyScans(progressive, 10000), true, "scans"},
		{"PNG 20000x20000 of 68 bytes", pngOf(20000, 20000, pngChunk("IDAT", nil), pngChunk("IEND", nil)), true, "20000x20000"},
		{"PNG 10000x10000 of 68 bytes", pngOf(10000, 10000, pngChunk("IDAT", nil), pngChunk("IEND", nil)), false, "can hold"},
		{"PNG bad checksum", splice(rgb, len(rgb)-13, rgb[len(rgb)-13]^1), false, "checksum"},
		{"PNG without pixels", pngOf(4, 4, pngChunk("IEND", nil)), false, "png"},
		{"PNG cut", rgb[:len(rgb)-20], false, "cut short"},
		{"PNG 1x20000", pngOf(1, 20000), true, "times as long"},
		{"PNG 20000x1", pngOf(20000, 1), true, "times as long"},
		{"GIF 65535x65535 of 35 bytes", gifOf(65535, 65535), true, "65535x65535"},
		{"GIF 16000x16000", gifOf(16000, 16000), false, "can hold"},
		{"GIF cut", golden(t, "whole.gif")[:500], false, "gif"},
		{"GIF frame outside", splice(golden(t, "whole.gif"), 6, 10, 0, 10, 0), false, "gif"},
		{"BMP 30000x30000 of 54 bytes", bmpOf(30000, 30000, 24), true, "30000x30000"},
		{"BMP 10000x10000 of 54 bytes", bmpOf(10000, 10000, 24), false, "can hold"},
		{"BMP 0x0", bmpOf(0, 0, 24), false, "0x0"},
		{"BMP 16 bits", bmpOf(2, 2, 16), true, "unsupported"},
		{"TIFF directory at 4 GiB", splice(tiffOf(), 4, 0xff, 0xff, 0xff, 0xff), false, "tiff"},
		{"TIFF 4 GiB wide", tiffOf([2]uint32{256, 1<<32 - 1}, [2]uint32{257, 1<<32 - 1}), false, "tiff"},
		{"TIFF tile of 2^31", tiffOf([2]uint32{256, 64}, [2]uint32{257, 64}, [2]uint32{262, 1}, [2]uint32{322, 1 << 31}, [2]uint32{323, 1 << 31}), false, "tile"},
		{"TIFF 16000x16000", tiffOf([2]uint32{256, 16000}, [2]uint32{257, 16000}, [2]uint32{262, 1}), false, "can hold"},
		{"WebP chunk of 2 GiB", webpOf("VP8 ", anim[20:40], 1<<31), false, "cut short"},
		{"WebP cut", anim[:len(anim)-10], false, "cut short"},
		{"WebP lossless 16384x16384", webpOf("VP8L", []byte{0x2f, 0xff, 0xff, 0xff, 0x0f, 0}, 6), false, "can hold"},
		{"WebP animation", webpOf("ANIM", make([]byte, 6), 6), true, "animation"},
		{"HEIC", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), true, "convert"},
		{"AVIF", []byte("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif"), true, "convert"},
		{"camera raw", []byte("II*\x00\x10\x00\x00\x00CR\x02\x00"), true, "convert"},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), true, "SVG"},
		{"PDF", []byte("%PDF-1.7\n"), true, "PDF"},
		{"JPEG XL", []byte("\x00\x00\x00\x0cJXL \r\n\x87\n"), true, "JPEG XL"},
		{"archive", []byte("PK\x03\x04\x14\x00"), true, "archive"},
	}
}

func TestBadPictures(t *testing.T) {
	for _, c := range badCases(t) {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m, err := Decode(t.Context(), c.data, Options{})
			runtime.ReadMemStats(&after)
			var format FormatError
			var unsupported UnsupportedError
			switch {
			case err == nil:
				t.Fatalf("decoded to %dx%d", m.W, m.H)
			case c.unsupported && !errors.As(err, &unsupported), !c.unsupported && !errors.As(err, &format):
				t.Errorf("%T %v, want the other kind", err, err)
			case !strings.Contains(err.Error(), c.says):
				t.Errorf("%q, want it to say %q", err, c.says)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > maxBombBytes {
				t.Errorf("allocated %d MiB before refusing", n>>20)
			}
		})
	}
}

// What looks odd and is fine.
func TestGoodPictures(t *testing.T) {
	colour := golden(t, "420_61x43.jpg")
	for name, data := range map[string][]byte{
		"JPEG followed by a ZIP":  append(bytes.Clone(colour), "PK\x03\x04"...),
		"PNG with unknown chunks": pngWithText(golden(t, "rgb8.png")),
		"one pixel":               golden(t, "420_1x1.jpg"),
		"as long as it may be":    append(bmpOf(100, 1, 24), make([]byte, 300)...),
	} {
		if _, err := Decode(t.Context(), data, Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// pngWithText inserts a compressed text that would unpack to much; it must be skipped as it is.
func pngWithText(data []byte) []byte {
	text := pngChunk("zTXt", append([]byte("k\x00\x00"), make([]byte, 5000)...))
	return append(append(bytes.Clone(data[:pngHead]), text...), data[pngHead:]...)
}

func TestMaxPixels(t *testing.T) {
	data := golden(t, "420_61x43.jpg")
	if _, err := Decode(t.Context(), data, Options{MaxPixels: 61 * 43}); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	var unsupported UnsupportedError
	if _, err := Decode(t.Context(), data, Options{MaxPixels: 61*43 - 1}); !errors.As(err, &unsupported) {
		t.Errorf("above the limit: %v, want an UnsupportedError", err)
	}
}

// A decoder that panics must cost its picture only, and no budget.
func TestPanicBecomesFormatError(t *testing.T) {
	saved := codecs[sniff.PNG]
	defer func() { codecs[sniff.PNG] = saved }()
	b := NewBudget(1 << 20)
	boom := func([]byte, header) (*Image, error) { panic("index out of range") }
	for name, c := range map[string]codec{
		"in the header": {func([]byte) (header, error) { panic("index out of range") }, saved.pixels},
		"in the pixels": {saved.header, boom},
	} {
		codecs[sniff.PNG] = c
		_, err := Decode(t.Context(), golden(t, "rgb8.png"), Options{Budget: b})
		var format FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), "index out of range") {
			t.Errorf("%s: %v, want a FormatError that carries the panic", name, err)
		}
	}
	if b.used != 0 {
		t.Errorf("%d bytes of the budget are lost", b.used)
	}
}

func TestDecodeOfCancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Decode(ctx, golden(t, "rgb8.png"), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

func TestFromImageOfEmpty(t *testing.T) {
	for _, r := range []image.Rectangle{{}, image.Rect(0, 0, 0, 5), {Max: image.Pt(-1, 3)}} {
		if m := FromImage(&image.Gray{Rect: r}); len(m.Pix) != 0 {
			t.Errorf("%v becomes %dx%d", r, m.W, m.H)
		}
	}
}
