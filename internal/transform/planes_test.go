package transform

import (
	"image"
	"math"
	"slices"
	"testing"
)

func TestReduction(t *testing.T) {
	for _, c := range []struct {
		name string
		spec Spec
		w, h int
		want Reduction
	}{
		{"a photo", Spec{Width: 224, Height: 224}, 4000, 3000, Reduction{8, 6, image.Rect(0, 0, 4000, 3000)}},
		{"four times as large", Spec{Width: 224, Height: 224}, 896, 896, Reduction{2, 2, image.Rect(0, 0, 896, 896)}},
		{"just not, across", Spec{Width: 224, Height: 224}, 895, 3000, Reduction{1, 1, image.Rect(0, 0, 895, 3000)}},
		{"just not, down", Spec{Width: 224, Height: 224}, 4000, 895, Reduction{1, 1, image.Rect(0, 0, 4000, 895)}},
		{"nearest", Spec{Width: 10, Height: 10, Filter: Nearest}, 1000, 1000, Reduction{1, 1, image.Rect(0, 0, 1000, 1000)}},
		// 20x10, of which 10x10 from (5, 0) on: five pixels each, the first from 25 on. The filter reaches from
		// the first's middle, 27.5, five pixels to the left; then a sample of two. To the right likewise.
		{"crop", Spec{Width: 10, Height: 10, Rule: Crop}, 100, 50, Reduction{2, 2, image.Rect(23-2, 0, 78+2, 50)}},
		{"letterbox", Spec{Width: 10, Height: 10, Rule: Letterbox}, 200, 100, Reduction{10, 10, image.Rect(0, 0, 200, 100)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.spec.Reduction(c.w, c.h); got != c.want {
				t.Errorf("Reduction(%d, %d) = %v, want %v", c.w, c.h, got, c.want)
			}
		})
	}
}

// planesOf reduces planes of w x h pixels to the means of across x down, the first samples x0 and y0 early.
func planesOf(full [][]uint8, w, h, across, down, x0, y0 int) []Plane {
	var planes []Plane
	for _, pix := range full {
		p := Plane{W: (w - x0 + across - 1) / across, H: (h - y0 + down - 1) / down, Across: across, Down: down, X0: x0, Y0: y0}
		p.Stride = p.W + 3
		p.Pix = make([]uint8, p.Stride*p.H)
		for y := range p.H {
			for x := range p.W {
				sum := 0
				for i := range across * down {
					px, py := min(max(x0+x*across+i%across, 0), w-1), min(max(y0+y*down+i/across, 0), h-1)
					sum += int(pix[py*w+px])
				}
				p.Pix[y*p.Stride+x] = uint8((2*sum + across*down) / (2 * across * down))
			}
		}
		planes = append(planes, p)
	}
	return planes
}

// smooth returns three planes of a picture without detail, and its RGB8.
func smooth(w, h int) (planes [][]uint8, rgb []uint8) {
	planes = [][]uint8{make([]uint8, w*h), make([]uint8, w*h), make([]uint8, w*h)}
	for y := range h {
		for x := range w {
			l := math.Round(128 + 60*math.Sin(float64(x)*7/float64(w)+float64(y)*3/float64(h)))
			b, r := math.Round(110+float64(30*x)/float64(w)), math.Round(140-float64(30*y)/float64(h))
			for i, v := range []float64{l, b, r} {
				planes[i][y*w+x] = uint8(v)
			}
			for _, v := range []float64{l + 1.402*(r-128), l - 0.344136*(b-128) - 0.714136*(r-128), l + 1.772*(b-128)} {
				rgb = append(rgb, uint8(math.Round(min(max(v, 0), 255))))
			}
		}
	}
	return planes, rgb
}

// On a picture without detail, where means lose nothing, planes give what its pixels give, but for roundings:
// the geometry is the same, at the edges and where samples start before the picture too.
func TestPlanesOfASmoothPicture(t *testing.T) {
	const tolerance = 2 // levels: of the samples, of pixels between the passes, and of colours
	const w, h = 211, 173
	full, rgb := smooth(w, h)
	for _, text := range []string{
		"stretch 24x20 bilinear", "stretch 13x43 bicubic", "crop 32 28x28 bilinear", "crop 20 31x17 bicubic", "letterbox 30x40 bilinear",
	} {
		s, err := ParseSpec(text)
		if err != nil {
			t.Fatal(err)
		}
		want, got := make([]float32, 3*s.Width*s.Height), make([]float32, 3*s.Width*s.Height)
		if err := s.Apply(want, rgb, w, h); err != nil {
			t.Fatal(err)
		}
		for _, c := range [][4]int{{1, 1, 0, 0}, {2, 2, 0, 0}, {4, 2, -3, 0}, {3, 8, -1, -7}, {8, 8, 0, -3}} {
			if err := s.ApplyPlanes(got, planesOf(full, w, h, c[0], c[1], c[2], c[3]), w, h); err != nil {
				t.Fatal(err)
			}
			for i, v := range want {
				if d := math.Abs(float64(got[i] - v)); d > tolerance || got[i] != float32(math.Trunc(float64(got[i]))) {
					t.Fatalf("%s of means %v: value %d is %v, want %v", text, c, i, got[i], v)
				}
			}
		}
	}
}

// One plane is gray in all three channels.
func TestPlaneOfGray(t *testing.T) {
	full, _ := smooth(97, 64)
	gray := make([]uint8, 0, 3*97*64)
	for _, v := range full[0] {
		gray = append(gray, v, v, v)
	}
	s := Spec{Width: 12, Height: 8}
	want, got := make([]float32, 3*96), make([]float32, 3*96)
	if err := s.Apply(want, gray, 97, 64); err != nil {
		t.Fatal(err)
	}
	if err := s.ApplyPlanes(got, planesOf(full[:1], 97, 64, 2, 4, 0, 0), 97, 64); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 1 || got[i] != got[i%96] {
			t.Fatalf("value %d is %v, want %v in all channels", i, got[i], want[i])
		}
	}
}

// What Reduction does not want is not looked at.
func TestPlanesOutsideTheWanted(t *testing.T) {
	const w, h = 400, 200
	full, _ := smooth(w, h)
	s := Spec{Width: 20, Height: 16, Rule: Crop, Short: 24, Filter: Bicubic}
	r := s.Reduction(w, h)
	if r.Wanted == image.Rect(0, 0, w, h) || min(r.Across, r.Down) < 2 {
		t.Fatalf("%v is not a part", r)
	}
	want, got := make([]float32, 3*320), make([]float32, 3*320)
	planes := planesOf(full, w, h, r.Across, r.Down, 0, 0)
	if err := s.ApplyPlanes(want, planes, w, h); err != nil {
		t.Fatal(err)
	}
	for _, p := range planes {
		for y := range p.H {
			for x := range p.W {
				if !image.Rect(x*p.Across, y*p.Down, (x+1)*p.Across, (y+1)*p.Down).Overlaps(r.Wanted) {
					p.Pix[y*p.Stride+x] ^= 0xff
				}
			}
		}
	}
	if err := s.ApplyPlanes(got, planes, w, h); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Error("the output shows what is not wanted")
	}
}

func TestApplyPlanesRefuses(t *testing.T) {
	s := Spec{Width: 4, Height: 4}
	dst := make([]float32, 48)
	good := Plane{Pix: make([]uint8, 100), W: 10, H: 10, Stride: 10, Across: 2, Down: 2}
	change := func(f func(p *Plane)) []Plane {
		p := good
		f(&p)
		return []Plane{p}
	}
	for _, c := range []struct {
		name   string
		spec   Spec
		dst    []float32
		planes []Plane
		w, h   int
	}{
		{"short dst", s, dst[:47], []Plane{good}, 20, 20},
		{"two planes", s, dst, []Plane{good, good}, 20, 20},
		{"no plane", s, dst, nil, 20, 20},
		{"no pixel", s, dst, []Plane{good}, 0, 0},
		{"nearest", Spec{Width: 4, Height: 4, Filter: Nearest}, dst, []Plane{good}, 20, 20},
		{"short plane", s, dst, change(func(p *Plane) { p.Pix = p.Pix[:99] }), 20, 20},
		{"stride", s, dst, change(func(p *Plane) { p.Stride = 9 }), 20, 20},
		{"samples of nothing", s, dst, change(func(p *Plane) { p.Across = 0 }), 20, 20},
		{"not covered", s, dst, []Plane{good}, 21, 20},
		{"starts late", s, dst, change(func(p *Plane) { p.Y0 = 1 }), 20, 20},
		{"ends early", s, dst, change(func(p *Plane) { p.Y0 = -1 }), 20, 20},
	} {
		if err := c.spec.ApplyPlanes(c.dst, c.planes, c.w, c.h); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
	if err := s.ApplyPlanes(dst, []Plane{good}, 20, 20); err != nil {
		t.Errorf("a good call: %v", err)
	}
}
