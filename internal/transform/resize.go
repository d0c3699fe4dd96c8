package transform

import (
	"fmt"
	"sync"
)

// RGB is a picture: Pix is RGB8 [H,W,3] without padding.
type RGB struct {
	Pix  []uint8
	W, H int
}

func (p RGB) check() error {
	if p.W < 1 || p.H < 1 || len(p.Pix)%3 != 0 || len(p.Pix)/3/p.W != p.H || len(p.Pix)/3%p.W != 0 {
		return fmt.Errorf("%d bytes for a picture of %dx%d, want 3 a pixel and at least one pixel", len(p.Pix), p.W, p.H)
	}
	return nil
}

// Resize scales src to the size of dst and writes dst.Pix, every byte of it equal to what Pillow's
// Image.resize gives. dst and src must not overlap. An error means that a size does not fit its Pix.
func Resize(dst, src RGB, f Filter) error {
	for _, p := range []RGB{dst, src} {
		if err := p.check(); err != nil {
			return fmt.Errorf("transform: resize: %w", err)
		}
	}
	if int(f) >= len(filterNames) {
		return fmt.Errorf("transform: resize: unknown filter %d", f)
	}
	across, down := axis{in: src.W, out: dst.W, hi: dst.W}, axis{in: src.H, out: dst.H, hi: dst.H}
	resample(src, f, across, down, func(y int, row []uint8) {
		copy(dst.Pix[y*dst.W*3:], row)
	})
	return nil
}

// resample resizes src along both axes and hands each wanted row, RGB8 [across.hi-across.lo,3], to emit with
// its y in the whole resized picture. emit must not keep the row.
func resample(src RGB, f Filter, across, down axis, emit func(y int, row []uint8)) {
	if across.lo >= across.hi || down.lo >= down.hi {
		return
	}
	if f == Nearest {
		resampleNearest(src, across, down, emit)
		return
	}
	var vertical *taps
	first, last := down.from+down.lo, down.from+down.hi
	if !down.identity() {
		vertical = tapsFor(f, down)
		first, last = vertical.span()
	}

	// Horizontally first, and only the rows that are wanted: the result is rounded to bytes, as in Pillow.
	width := 3 * (across.hi - across.lo)
	var tmp plane
	if across.identity() {
		tmp = plane{pix: src.Pix[3*(first*src.W+across.from+across.lo):], stride: 3 * src.W, width: width}
	} else {
		buf := getScratch((last - first) * width)
		defer scratch.Put(buf)
		tmp = plane{pix: *buf, stride: width, width: width}
		t := tapsFor(f, across)
		for y := first; y < last; y++ {
			horizontal(tmp.row(y-first), src.Pix[3*y*src.W:][:3*src.W], t)
		}
	}
	if vertical == nil {
		for y := range last - first {
			emit(down.lo+y, tmp.row(y))
		}
		return
	}
	row, sum := make([]uint8, width), make([]int32, width)
	for i, t := range vertical.rows {
		weigh(row, sum, tmp, t, first)
		emit(down.lo+i, row)
	}
}

// plane is bytes in rows of width, stride apart.
type plane struct {
	pix           []uint8
	stride, width int
}

func (p plane) row(y int) []uint8 { return p.pix[y*p.stride:][:p.width] }

// horizontal writes to dst, RGB8, the weighted sums of src, RGB8, that t names.
func horizontal(dst, src []uint8, t *taps) {
	const half = 1 << (precision - 1)
	for i, r := range t.rows {
		s := src[3*r.first:][:3*len(r.k)]
		var red, green, blue int32 = half, half, half
		for j, k := range r.k {
			px := s[3*j : 3*j+3 : 3*j+3]
			red += k * int32(px[0])
			green += k * int32(px[1])
			blue += k * int32(px[2])
		}
		d := dst[3*i : 3*i+3 : 3*i+3]
		d[0], d[1], d[2] = clip8(red), clip8(green), clip8(blue)
	}
}

// weigh writes to dst the sum of the rows of src, which start at row first of the picture, weighted by t.
// sum is scratch of the same length.
func weigh(dst []uint8, sum []int32, src plane, t tap, first int) {
	for i := range sum {
		sum[i] = 1 << (precision - 1)
	}
	for j, k := range t.k {
		row := src.row(t.first - first + j)[:len(sum)]
		for i, v := range row {
			sum[i] += k * int32(v)
		}
	}
	dst = dst[:len(sum)]
	for i, v := range sum {
		dst[i] = clip8(v)
	}
}

// clip8 takes a sum back to a byte.
func clip8(v int32) uint8 { return uint8(min(max(v>>precision, 0), 255)) }

func resampleNearest(src RGB, across, down axis, emit func(y int, row []uint8)) {
	columns := nearest(across)
	row := make([]uint8, 3*len(columns))
	for i, y := range nearest(down) {
		line := src.Pix[3*y*src.W:][:3*src.W]
		for x, from := range columns {
			copy(row[3*x:3*x+3], line[3*from:3*from+3])
		}
		emit(down.lo+i, row)
	}
}

// scratch holds the half-resized pictures between calls.
var scratch = sync.Pool{New: func() any { return new([]uint8) }}

// getScratch returns n bytes of any content; its caller puts the pointer back.
func getScratch(n int) *[]uint8 {
	buf := scratch.Get().(*[]uint8)
	if cap(*buf) < n {
		*buf = make([]uint8, n)
	}
	*buf = (*buf)[:n]
	return buf
}
