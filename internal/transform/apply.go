package transform

import (
	"fmt"
	"math"
)

// Apply writes the picture pix, RGB8 [h,w,3], to dst, [3,Height,Width]: planes R, G, B of whole numbers
// 0–255. It keeps nothing of either. An error means that s is invalid or that a length does not fit.
func (s Spec) Apply(dst []float32, pix []uint8, w, h int) error {
	if err := s.checkDst(dst); err != nil {
		return err
	}
	src := RGB{Pix: pix, W: w, H: h}
	if err := src.check(); err != nil {
		return fmt.Errorf("transform: source: %w", err)
	}
	s.frame(w, h).apply(dst, src, s)
	return nil
}

// apply resizes src and lays it into dst, [3,Height,Width] of s.
func (f framing) apply(dst []float32, src RGB, s Spec) {
	s.fillAround(dst, f.placement)
	plane := s.Width * s.Height
	resample(src, s.Filter, f.across, f.down, func(y int, row []uint8) {
		at := (f.y+y)*s.Width + f.x + f.across.lo
		spread(dst, row, plane, at)
	})
}

// spread writes row, RGB8, to dst from position at of each of its planes on.
func spread(dst []float32, row []uint8, plane, at int) {
	n := len(row) / 3
	red, green, blue := dst[at:][:n], dst[plane+at:][:n], dst[2*plane+at:][:n]
	for x := range red {
		px := row[3*x : 3*x+3 : 3*x+3]
		red[x], green[x], blue[x] = float32(px[0]), float32(px[1]), float32(px[2])
	}
}

// checkDst reports an invalid s, or a dst that is not its output's.
func (s Spec) checkDst(dst []float32) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if len(dst) != 3*s.Width*s.Height {
		return fmt.Errorf("transform: dst has %d values, want 3x%dx%d", len(dst), s.Height, s.Width)
	}
	return nil
}

// framing says which part of a picture is resized to what, and where that lies in the output.
type framing struct {
	placement
	across, down axis
}

// empty reports whether the output shows nothing of the picture.
func (f framing) empty() bool { return f.across.lo >= f.across.hi || f.down.lo >= f.down.hi }

// frame is the framing of a whole w x h picture, of which only what the output shows is wanted.
func (s Spec) frame(w, h int) framing {
	p := s.place(w, h)
	return framing{p, axis{in: w, out: p.w, lo: max(0, -p.x), hi: min(p.w, s.Width-p.x)},
		axis{in: h, out: p.h, lo: max(0, -p.y), hi: min(p.h, s.Height-p.y)}}
}

// fillAround sets what the picture, placed at p, will not cover.
func (s Spec) fillAround(dst []float32, p placement) {
	if p.x <= 0 && p.y <= 0 && p.x+p.w >= s.Width && p.y+p.h >= s.Height {
		return
	}
	v := float32(0)
	if s.Rule == Letterbox {
		v = LetterboxFill
	}
	for i := range dst {
		dst[i] = v
	}
}

// placement is the size of the whole resized picture and where its top left corner lies in the output;
// x and y are negative where it is cropped.
type placement struct{ w, h, x, y int }

func (s Spec) place(w, h int) placement {
	switch s.Rule {
	case Crop:
		rw, rh := shortSide(w, h, s.short())
		return placement{rw, rh, -cropOffset(rw - s.Width), -cropOffset(rh - s.Height)}
	case Letterbox:
		rw, rh := contain(w, h, s.Width, s.Height)
		return placement{rw, rh, halfEven(s.Width - rw), halfEven(s.Height - rh)}
	}
	return placement{s.Width, s.Height, 0, 0}
}

// shortSide is torchvision's size of a w x h picture whose short side becomes short: the long one is
// truncated.
func shortSide(w, h, short int) (rw, rh int) {
	if w <= h {
		return short, short * h / w
	}
	return short * w / h, short
}

// cropOffset is torchvision's start of a centre crop that leaves spare pixels out: rounded half to even.
// A negative spare is padding, of which the smaller half comes first.
func cropOffset(spare int) int {
	if spare < 0 {
		return -(-spare / 2)
	}
	return halfEven(spare)
}

// halfEven is n/2, rounded to the even neighbour.
func halfEven(n int) int { return int(math.RoundToEven(float64(n) / 2)) }

// contain is the size that Pillow's ImageOps.contain gives a w x h picture inside width x height; at least
// one pixel either way.
func contain(w, h, width, height int) (rw, rh int) {
	picture, box := float64(w)/float64(h), float64(width)/float64(height)
	switch {
	case picture > box:
		return width, max(1, int(math.RoundToEven(float64(h)/float64(w)*float64(width))))
	case picture < box:
		return max(1, int(math.RoundToEven(float64(w)/float64(h)*float64(height)))), height
	}
	return width, height
}
