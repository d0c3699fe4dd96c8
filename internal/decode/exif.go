package decode

import "encoding/binary"

// Tags of TIFF 6.0, which EXIF builds on.
const (
	tagCompression = 259
	tagPhotometric = 262
	tagOrientation = 274
	tagPlanar      = 284
)

// orientationOf returns the orientation that tiff, a TIFF structure as EXIF holds one, states: 1 to 8. What
// is absent, damaged or out of range is 1, upright: it must not cost the picture.
func orientationOf(tiff []byte) int {
	if v, ok := ifdValue(tiff, tagOrientation); ok && v >= 1 && v <= 8 {
		return int(v)
	}
	return 1
}

// ifdValue returns the first value of a tag of the first directory of tiff. It follows one offset and reads
// one list, so that neither cycles nor offsets beyond the end can hurt.
func ifdValue(tiff []byte, tag uint16) (uint32, bool) {
	if len(tiff) < 8 {
		return 0, false
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0, false
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 0, false
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			return 0, false
		}
		e := entries[:12]
		entries = entries[12:]
		if order.Uint16(e) != tag || order.Uint32(e[4:]) == 0 {
			continue
		}
		switch order.Uint16(e[2:]) { // the type
		case 1, 6: // byte
			return uint32(e[8]), true
		case 3, 8: // short
			return uint32(order.Uint16(e[8:])), true
		case 4, 9: // long
			return order.Uint32(e[8:]), true
		}
	}
	return 0, false
}

// turning is how the axes of a picture as it is stored run through the upright one: transposed exchanges them,
// and a mirrored one runs backwards.
type turning struct{ transposed, mirrorX, mirrorY bool }

// turnings are EXIF's orientations.
var turnings = [9]turning{
	2: {mirrorX: true},
	3: {mirrorX: true, mirrorY: true},
	4: {mirrorY: true},
	5: {transposed: true},
	6: {transposed: true, mirrorY: true}, // turned left: a quarter turn to the right mends it
	7: {transposed: true, mirrorX: true, mirrorY: true},
	8: {transposed: true, mirrorX: true}, // turned right
}

// size is that of the upright picture stored as w x h, and the other way round.
func (t turning) size(w, h int) (int, int) {
	if t.transposed {
		return h, w
	}
	return w, h
}

// pixels returns pix, w x h pixels of n bytes in rows of stride bytes, upright and without padding.
func (t turning) pixels(pix []uint8, w, h, n, stride int) []uint8 {
	out := make([]uint8, n*w*h)
	// The stored position of upright (x, y) is start + x*across + y*down, in bytes.
	start, across, down := 0, n, stride
	if t.mirrorX {
		start, across = start+n*(w-1), -n
	}
	if t.mirrorY {
		start, down = start+stride*(h-1), -stride
	}
	if t.transposed {
		across, down = down, across
	}
	w, h = t.size(w, h)
	to := 0
	for y := range h {
		from := start + y*down
		for range w {
			copy(out[to:to+n], pix[from:from+n])
			to += n
			from += across
		}
	}
	return out
}

// orient returns m turned and mirrored so that what EXIF calls orientation is upright.
func orient(m *Image, orientation int) *Image {
	t := turnings[orientation]
	if t == (turning{}) {
		return m
	}
	out := &Image{}
	out.W, out.H = t.size(m.W, m.H)
	if m.Pix != nil {
		out.Pix = t.pixels(m.Pix, m.W, m.H, 3, 3*m.W)
	}
	for _, p := range m.Planes {
		out.Planes = append(out.Planes, p.turn(t, m.W, m.H))
	}
	return out
}
