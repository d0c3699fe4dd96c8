package decode

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

// directory builds a TIFF structure of one directory at an offset.
func directory(order binary.AppendByteOrder, at uint32, entries ...[4]uint32) []byte {
	out := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		out = []byte("MM\x00*")
	}
	out = order.AppendUint32(out, at)
	out = order.AppendUint16(out, uint16(len(entries)))
	for _, e := range entries { // tag, type, count, value
		out = order.AppendUint16(out, uint16(e[0]))
		out = order.AppendUint16(out, uint16(e[1]))
		out = order.AppendUint32(out, e[2])
		if e[1] == 3 {
			out = order.AppendUint16(order.AppendUint16(out, uint16(e[3])), 0)
		} else {
			out = order.AppendUint32(out, e[3])
		}
	}
	return order.AppendUint32(out, at) // the next directory: this one again
}

var exifCases = []struct {
	name string
	data []byte
	want int
}{
	{"little endian", directory(binary.LittleEndian, 8, [4]uint32{274, 3, 1, 6}), 6},
	{"big endian", directory(binary.BigEndian, 8, [4]uint32{271, 2, 4, 0}, [4]uint32{274, 3, 1, 8}), 8},
	{"long instead of short", directory(binary.LittleEndian, 8, [4]uint32{274, 4, 1, 3}), 3},
	{"out of range", directory(binary.LittleEndian, 8, [4]uint32{274, 3, 1, 9}), 1},
	{"no value", directory(binary.LittleEndian, 8, [4]uint32{274, 3, 0, 6}), 1},
	{"text", directory(binary.LittleEndian, 8, [4]uint32{274, 2, 1, 6}), 1},
	{"cycle through a sub-directory", directory(binary.BigEndian, 8, [4]uint32{34665, 4, 1, 8}, [4]uint32{274, 3, 1, 5}), 5},
	{"directory at 4 GiB", directory(binary.LittleEndian, 0xffffffff, [4]uint32{274, 3, 1, 6}), 1},
	{"directory in the header", directory(binary.LittleEndian, 0, [4]uint32{274, 3, 1, 6}), 1},
	{"more entries than bytes", append([]byte("II*\x00\x08\x00\x00\x00\xff\xff"), make([]byte, 30)...), 1},
	{"cut header", []byte("II*\x00\x08"), 1},
	{"empty", nil, 1},
	{"other magic", []byte("JJ*\x00\x08\x00\x00\x00"), 1},
}

func TestOrientationOf(t *testing.T) {
	for _, c := range exifCases {
		t.Run(c.name, func(t *testing.T) {
			if got := orientationOf(c.data); got != c.want {
				t.Errorf("orientation %d, want %d", got, c.want)
			}
		})
	}
}

// A damaged EXIF segment must not cost the picture.
func TestDamagedEXIFIsUpright(t *testing.T) {
	plain := golden(t, "420_61x43.jpg")
	for _, c := range exifCases {
		body := append([]byte("Exif\x00\x00"), c.data...)
		segment := append([]byte{0xff, 0xe1, 0, byte(len(body) + 2)}, body...)
		m, err := Decode(t.Context(), slices.Concat(plain[:2], segment, plain[2:]), Options{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if turned := c.want >= 5; turned != (m.W == 43) {
			t.Errorf("%s: %dx%d", c.name, m.W, m.H)
		}
	}
}

// Each orientation, undone by its opposite, gives back the picture: 6 and 8 are each other's, the rest their own.
func TestOrientUndone(t *testing.T) {
	m := newImage(3, 2)
	for i := range m.Pix {
		m.Pix[i] = uint8(i)
	}
	for o := 1; o <= 8; o++ {
		opposite := o
		if o == 6 || o == 8 {
			opposite = 14 - o
		}
		back := orient(orient(m, o), opposite)
		if back.W != 3 || back.H != 2 || !bytes.Equal(back.Pix, m.Pix) {
			t.Errorf("orientation %d then %d: %dx%d %v", o, opposite, back.W, back.H, back.Pix)
		}
	}
}
