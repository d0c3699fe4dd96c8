package sample

import (
	"image"
	"math"
)

// sprite is a flat square picture to be pasted into a scene, from -1 to 1 each way.
type sprite struct {
	levels                 []*image.RGBA // each half the size of the one before, down to 16 pixels
	left, top, right, down float64       // what lies outside of these is clear
}

// sprite returns what was painted.
func (p *painter) sprite() *sprite {
	levels := []*image.RGBA{p.img}
	for img := p.img; img.Rect.Dx() > 16; {
		img = halve(img)
		levels = append(levels, img)
	}
	// A margin of a pixel of the smallest level, which blends that far.
	const margin = 2.0 / 16
	at := func(px int) float64 { return 2*float64(px)/float64(p.img.Rect.Dx()) - 1 }
	u := p.used
	return &sprite{levels, at(u.Min.X) - margin, at(u.Min.Y) - margin, at(u.Max.X) + margin, at(u.Max.Y) + margin}
}

// halve averages each two by two pixels.
func halve(src *image.RGBA) *image.RGBA {
	n := src.Rect.Dx() / 2
	dst := image.NewRGBA(image.Rect(0, 0, n, n))
	for y := range n {
		for x := range n {
			a, b := src.Pix[2*y*src.Stride+8*x:], src.Pix[(2*y+1)*src.Stride+8*x:]
			for c := range 4 {
				sum := int(a[c]) + int(a[4+c]) + int(b[c]) + int(b[4+c])
				dst.Pix[y*dst.Stride+4*x+c] = uint8((sum + 2) / 4)
			}
		}
	}
	return dst
}

// level returns the smallest level that has about a pixel for each step in u and v.
func (s *sprite) level(step float64) *image.RGBA {
	img := s.levels[0]
	for _, l := range s.levels[1:] {
		if float64(l.Rect.Dx())*step/2 >= 0.8 {
			img = l
		}
	}
	return img
}

// texel returns the colour at (u,v), times alpha, and alpha, 0 to 1, between pixels by their distance.
func texel(img *image.RGBA, u, v float64) (col rgb, alpha float32) {
	n := img.Rect.Dx()
	x, y := (u+1)/2*float64(n)-0.5, (v+1)/2*float64(n)-0.5
	x0, y0 := int(math.Floor(x)), int(math.Floor(y))
	fx, fy := float32(x-float64(x0)), float32(y-float64(y0))
	for _, t := range [4]struct {
		x, y int
		f    float32
	}{{x0, y0, (1 - fx) * (1 - fy)}, {x0 + 1, y0, fx * (1 - fy)}, {x0, y0 + 1, (1 - fx) * fy}, {x0 + 1, y0 + 1, fx * fy}} {
		if t.x < 0 || t.y < 0 || t.x >= n || t.y >= n {
			continue
		}
		p := img.Pix[t.y*img.Stride+4*t.x:][:4]
		for j := range col {
			col[j] += t.f * float32(p[j])
		}
		alpha += t.f * float32(p[3]) / 255
	}
	return col, alpha
}
