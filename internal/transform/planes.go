package transform

import (
	"fmt"
	"image"
)

// margin is the fewest samples that a reduced picture keeps for each pixel of the resized one, either way.
// Measured on Caltech-101 at 24 to 48 pixels, means of 2 to 8 pixels, the mean and the 99th percentile of the
// difference to the whole picture's are 0.47 and 3 levels with 2, 0.8 and 6 with 1.5, and 0.3 and 3 with 3.
const margin = 2

// Reduction is how much less than a whole picture a resize needs.
type Reduction struct {
	Across, Down int             // pixels that a sample may stand for, by their mean; 1 where all are needed
	Wanted       image.Rectangle // the part of the picture that the output shows
}

// Reduction returns what s needs of a w x h picture. It is a rule of geometry alone: a picture that is at
// least four times as large as its resized form both ways may be reduced to no less than twice that; any
// other, and any for Nearest, is needed whole.
func (s Spec) Reduction(w, h int) Reduction { return s.frame(w, h).reduction(s.Filter, w, h) }

func (f framing) reduction(filter Filter, w, h int) Reduction {
	whole := Reduction{1, 1, image.Rect(0, 0, w, h)}
	across, down := f.across, f.down
	if filter == Nearest || f.empty() || across.in < 2*margin*across.out || down.in < 2*margin*down.out {
		return whole
	}
	x0, x1 := tapsFor(filter, across).span()
	y0, y1 := tapsFor(filter, down).span()
	r := Reduction{across.in / (margin * across.out), down.in / (margin * down.out), image.Rect(x0, y0, x1, y1)}
	r.Wanted.Min = r.Wanted.Min.Sub(image.Pt(r.Across, r.Down)) // one sample more on each side; see grouped
	r.Wanted.Max = r.Wanted.Max.Add(image.Pt(r.Across, r.Down))
	r.Wanted = r.Wanted.Intersect(whole.Wanted)
	return r
}

// Plane is one channel of a picture at less than full size, W x H samples in rows of Stride bytes. Sample
// (x, y) is the mean of the pixels from (X0+x*Across, Y0+y*Down) on, Across wide and Down high; at the edges
// it may stand for pixels that the picture has not.
type Plane struct {
	Pix          []uint8
	W, H, Stride int
	Across, Down int
	X0, Y0       int // at most 0
}

// check reports whether p covers a w x h picture.
func (p *Plane) check(w, h int) error {
	if p.W < 1 || p.H < 1 || p.Stride < p.W || len(p.Pix) < (p.H-1)*p.Stride+p.W {
		return fmt.Errorf("%d bytes for a plane of %dx%d in rows of %d", len(p.Pix), p.W, p.H, p.Stride)
	}
	if p.Across < 1 || p.Down < 1 || p.X0 > 0 || p.Y0 > 0 || p.X0+p.W*p.Across < w || p.Y0+p.H*p.Down < h {
		return fmt.Errorf("%dx%d samples of %dx%d from %d,%d on do not cover %dx%d pixels", p.W, p.H, p.Across, p.Down, p.X0, p.Y0, w, h)
	}
	return nil
}

// ApplyPlanes is [Spec.Apply] for a w x h picture in planes: luma alone, or luma, Cb and Cr in the full range
// of BT.601. Each plane is resized on its own, with the filter that Apply uses, except that all pixels of a
// sample get their mean; the colours are converted afterwards. Only the part that [Spec.Reduction] wants is
// read.
func (s Spec) ApplyPlanes(dst []float32, planes []Plane, w, h int) error {
	if err := s.checkDst(dst); err != nil {
		return err
	}
	if err := s.checkPlanes(planes, w, h); err != nil {
		return err
	}
	s.frame(w, h).applyPlanes(dst, planes, s)
	return nil
}

// checkPlanes reports planes that are not those of a w x h picture.
func (s Spec) checkPlanes(planes []Plane, w, h int) error {
	if len(planes) != 1 && len(planes) != 3 || w < 1 || h < 1 {
		return fmt.Errorf("transform: %d planes of %dx%d pixels, want 1 or 3 and at least one pixel", len(planes), w, h)
	}
	if s.Filter == Nearest {
		return fmt.Errorf("transform: the filter %v takes whole pictures", s.Filter)
	}
	for i := range planes {
		if err := planes[i].check(w, h); err != nil {
			return fmt.Errorf("transform: plane %d: %w", i, err)
		}
	}
	return nil
}

// applyPlanes resizes planes and lays the picture into dst, [3,Height,Width] of s.
func (f framing) applyPlanes(dst []float32, planes []Plane, s Spec) {
	s.fillAround(dst, f.placement)
	if f.empty() {
		return
	}
	across, down := f.across, f.down
	var small [3][]int32
	for i := range planes {
		small[i] = planes[i].resize(s.Filter, across, down)
	}
	size, width := s.Width*s.Height, across.hi-across.lo
	for y := range down.hi - down.lo {
		at := (f.y+down.lo+y)*s.Width + f.x + across.lo
		red, green, blue := dst[at:][:width], dst[size+at:][:width], dst[2*size+at:][:width]
		luma := small[0][y*width:][:width]
		if len(planes) == 1 {
			for x, v := range luma {
				red[x] = toPixel(int64(v) << 16)
			}
			copy(green, red)
			copy(blue, red)
			continue
		}
		yccRow(red, green, blue, luma, small[1][y*width:], small[2][y*width:])
	}
}

// fraction is the number of fraction bits of a resized plane.
const fraction = 8

// yccRow converts a row of resized planes to R, G and B, ITU-R BT.601 over the full range.
func yccRow(red, green, blue []float32, luma, cb, cr []int32) {
	const crR, cbB, crG, cbG = 91881, 116130, 46802, 22554 // 1.402, 1.772, 0.71414 and 0.34414, with 16 bits of fraction
	for x, l := range luma {
		y, b, r := int64(l)<<16, int64(cb[x]-128<<fraction), int64(cr[x]-128<<fraction)
		red[x], green[x], blue[x] = toPixel(y+crR*r), toPixel(y-crG*r-cbG*b), toPixel(y+cbB*b)
	}
}

// toPixel rounds a value with 16 more bits of fraction than a plane has.
func toPixel(v int64) float32 {
	const shift = 16 + fraction
	return float32(min(max((v+1<<(shift-1))>>shift, 0), 255))
}

// resize returns the wanted part of p, resized.
func (p *Plane) resize(f Filter, across, down axis) []int32 {
	columns := tapsFor(f, across).grouped(p.Across, p.X0, p.W)
	rows := tapsFor(f, down).grouped(p.Down, p.Y0, p.H)
	width := len(columns.rows)
	first, last := rows.span()
	half := make([]int32, (last-first)*width) // resized across
	for y := first; y < last; y++ {
		line, to := p.Pix[y*p.Stride:][:p.W], half[(y-first)*width:][:width]
		for x, t := range columns.rows {
			var sum int32
			for j, v := range line[t.first:][:len(t.k)] {
				sum += t.k[j] * int32(v)
			}
			to[x] = sum >> (precision - fraction)
		}
	}
	out, sum := make([]int32, len(rows.rows)*width), make([]int64, width)
	for y, t := range rows.rows {
		for x := range sum {
			sum[x] = 1 << (precision - 1)
		}
		for j, k := range t.k {
			for x, v := range half[(t.first-first+j)*width:][:width] {
				sum[x] += int64(k) * int64(v)
			}
		}
		for x, v := range sum {
			out[y*width+x] = int32(v >> precision)
		}
	}
	return out
}

// grouped returns t for n samples that stand for size pixels each, the first for those from start on. A sample
// gets the weights of all its pixels. So that a slope across them is not lost, it is taken from the samples on
// both sides, which get the moment of those weights.
func (t *taps) grouped(size, start, n int) *taps {
	rows := make([]tap, len(t.rows))
	var backing []int32
	var moments []int64
	for i, r := range t.rows {
		at := r.first - start
		first, last := max(at/size-1, 0), min((at+len(r.k)-1)/size+1, n-1)
		count := last - first + 1
		if len(backing) < count {
			backing = make([]int32, count*(len(rows)-i))
		}
		k := backing[:count:count]
		backing = backing[count:]
		moments = append(moments[:0], make([]int64, count)...)
		for j, v := range r.k {
			sample, pixel := (at+j)/size-first, (at+j)%size
			k[sample] += v
			moments[sample] += int64(v) * int64(2*pixel-size+1) // twice the distance from the middle
		}
		for j, m := range moments {
			slope := int32(m / int64(4*size)) // twice for the distance, and the neighbours are two samples apart
			k[min(j+1, count-1)] += slope
			k[max(j-1, 0)] -= slope
		}
		rows[i] = tap{first, k}
	}
	return &taps{rows}
}
