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

// orient returns m turned and mirrored so that what EXIF calls orientation is upright.
func orient(m *Image, orientation int) *Image {
	if orientation < 2 || orientation > 8 {
		return m
	}
	w, h := m.W, m.H
	if orientation >= 5 {
		w, h = h, w
	}
	out := newImage(w, h)
	// The source position of output (x, y) is start + x*across + y*down, in pixels.
	var start, across, down int
	row, last, bottom := m.W, m.W-1, m.W*(m.H-1)
	switch orientation {
	case 2: // mirrored left to right
		start, across, down = last, -1, row
	case 3: // upside down
		start, across, down = bottom+last, -1, -row
	case 4: // mirrored top to bottom
		start, across, down = bottom, 1, -row
	case 5: // transposed
		start, across, down = 0, row, 1
	case 6: // turned left: a quarter turn to the right mends it
		start, across, down = bottom, -row, 1
	case 7: // transposed along the other diagonal
		start, across, down = bottom+last, -row, -1
	case 8: // turned right
		start, across, down = last, row, -1
	}
	to := 0
	for y := range h {
		from := start + y*down
		for range w {
			copy(out.Pix[to:to+3], m.Pix[3*from:3*from+3])
			to += 3
			from += across
		}
	}
	return out
}
