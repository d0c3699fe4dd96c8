package decode

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// reduceBy asks for one reduction of every picture, all of which is wanted.
func reduceBy(across, down int) func(w, h int) Reduction {
	return func(w, h int) Reduction { return Reduction{across, down, image.Rect(0, 0, w, h)} }
}

// decodeBothWays holds whatever data to the same outcome whole and reduced, and to sizes that are right.
func decodeBothWays(t *testing.T, data []byte, reduce func(w, h int) Reduction) {
	t.Helper()
	const limit = 1 << 16
	whole, err := decodeUnguarded(data, limit, nil)
	reduced, reducedErr := decodeUnguarded(data, limit, reduce)
	if fmt.Sprint(err) != fmt.Sprint(reducedErr) {
		t.Fatalf("whole %v, reduced %v", err, reducedErr)
	}
	if err != nil {
		return
	}
	if whole.W*whole.H > limit || len(whole.Pix) != 3*whole.W*whole.H {
		t.Errorf("%dx%d with %d bytes", whole.W, whole.H, len(whole.Pix))
	}
	if reduced.W != whole.W || reduced.H != whole.H {
		t.Errorf("%dx%d reduced, %dx%d whole", reduced.W, reduced.H, whole.W, whole.H)
	}
	if reduced.Planes == nil && len(reduced.Pix) != len(whole.Pix) {
		t.Errorf("neither planes nor pixels")
	}
	for i := range reduced.Planes {
		checkPlane(t, &reduced.Planes[i], whole.W, whole.H, reduce(0, 0))
	}
}

// checkPlane holds p to what Plane promises of a w x h picture, and to r as far as the sampling allows.
func checkPlane(t *testing.T, p *Plane, w, h int, r Reduction) {
	t.Helper()
	if p.Stride < p.W || len(p.Pix) < (p.H-1)*p.Stride+p.W {
		t.Errorf("%d bytes for %dx%d samples, stride %d", len(p.Pix), p.W, p.H, p.Stride)
	}
	if p.X0 > 0 || p.X0 <= -p.Across || p.Y0 > 0 || p.Y0 <= -p.Down {
		t.Errorf("starts at %d, %d with samples of %dx%d", p.X0, p.Y0, p.Across, p.Down)
	}
	if p.X0+p.W*p.Across < w || p.X0+p.W*p.Across >= w+p.Across || p.Y0+p.H*p.Down < h || p.Y0+p.H*p.Down >= h+p.Down {
		t.Errorf("%dx%d samples of %dx%d from %d, %d on for %dx%d pixels", p.W, p.H, p.Across, p.Down, p.X0, p.Y0, w, h)
	}
	if p.Across > max(r.Across, 4) || p.Down > max(r.Down, 4) {
		t.Errorf("samples of %dx%d pixels, want at most %dx%d", p.Across, p.Down, r.Across, r.Down)
	}
}

// A reduced block is the means of the whole one.
func TestIDCTReducedIsTheMean(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for n := range 100 {
		var b block
		var q [64]int32
		for i := range b {
			q[i] = 1 + rng.Int32N(20)
			if rng.IntN(64) < n {
				b[i] = int16(rng.IntN(80)-40) / int16(1+i/3)
			}
		}
		exact := idctExact(&b, &q)
		for _, nx := range []int{1, 2, 4, 8} {
			for _, ny := range []int{1, 2, 4, 8} {
				var got [64]uint8
				idctReduced(got[:], 8, nx, ny, &b, &q)
				for y := range ny {
					for x := range nx {
						want := 0.0
						for i := range 64 / nx / ny {
							want += exact[8*(y*8/ny+i/(8/nx))+x*8/nx+i%(8/nx)] * float64(nx*ny) / 64
						}
						if d := math.Abs(float64(got[8*y+x]) - min(max(want, 0), 255)); d > 0.6 { // half a level is the rounding's
							t.Fatalf("block %d to %dx%d: sample (%d, %d) is %d, want %.2f", n, nx, ny, x, y, got[8*y+x], want)
						}
					}
				}
			}
		}
	}
}

// The samples of each kind of file are the means of those that it has when whole, whatever the orientation.
func TestPlanesAreMeans(t *testing.T) {
	for _, name := range []string{"gray.jpg", "444.jpg", "420_61x43.jpg", "422.jpg", "440.jpg", "411.jpg", "410.jpg", "luma_halved.jpg", "thirds.jpg",
		"restart.jpg", "progressive.jpg", "progressive_422.jpg", "progressive_gray.jpg", "mixed.jpg"} {
		data := golden(t, name)
		d, err := decodeJPEG(data, walkJPEG(data).frame, Reduction{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []Reduction{{Across: 2, Down: 2}, {Across: 4, Down: 3}, {Across: 2, Down: 9}, {Across: 16, Down: 31}} {
			m, err := Decode(t.Context(), data, Options{Reduce: reduceBy(r.Across, r.Down)})
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Planes) != len(d.channels) || m.Pix != nil {
				t.Fatalf("%s: %d planes and %d bytes, want %d planes", name, len(m.Planes), len(m.Pix), len(d.channels))
			}
			for i := range m.Planes {
				checkPlane(t, &m.Planes[i], m.W, m.H, r)
				checkMeans(t, fmt.Sprintf("%s by %dx%d, channel %d", name, r.Across, r.Down, i), &m.Planes[i], &d.channels[i], &d.frame)
			}
		}
	}
}

// checkMeans compares the samples of p that lie within c, whole, with its means.
func checkMeans(t *testing.T, what string, p *Plane, c *jpegChannel, f *jpegFrame) {
	t.Helper()
	nx, ny := p.Across*c.h/f.hmax, p.Down*c.v/f.vmax
	for y := range c.height / ny {
		for x := range c.width / nx {
			sum, clipped := 0.0, false
			for j := range ny {
				for _, v := range c.pix[8*c.row*(y*ny+j)+x*nx:][:nx] {
					sum += float64(v)
					clipped = clipped || v == 0 || v == 255
				}
			}
			// A level for two roundings; where samples were clipped, their mean was before.
			if got, want := float64(p.Pix[y*p.Stride+x]), sum/float64(nx*ny); math.Abs(got-want) > 1.01 && !clipped {
				t.Fatalf("%s: sample (%d, %d) is %v, want %.2f", what, x, y, got, want)
			}
		}
	}
}

// Turning a reduced picture is turning its pixels: each sample keeps the pixels that it stands for.
func TestPlaneTurned(t *testing.T) {
	const w, h = 13, 7
	pixels := make([]uint8, w*h)
	for i := range pixels {
		pixels[i] = uint8(2 * i)
	}
	p := Plane{W: 4, H: 4, Stride: 5, Across: 4, Down: 2, Pix: make([]uint8, 20)}
	for y := range p.H {
		for x := range p.W {
			p.Pix[5*y+x] = pixels[min(2*y, h-1)*w+min(4*x, w-1)] // its first pixel names it
		}
	}
	for o := 1; o <= 8; o++ {
		turn := turnings[o]
		upright, got := turn.pixels(pixels, w, h, 1, w), p
		if o > 1 {
			got = p.turn(turn, w, h)
		}
		uw, uh := turn.size(w, h)
		checkPlane(t, &got, uw, uh, Reduction{Across: 4, Down: 4})
		for y := range got.H {
			for x := range got.W {
				found := false
				for j := got.Y0 + y*got.Down; j < got.Y0+(y+1)*got.Down; j++ {
					for i := got.X0 + x*got.Across; i < got.X0+(x+1)*got.Across; i++ {
						found = found || (image.Point{i, j}).In(image.Rect(0, 0, uw, uh)) && upright[j*uw+i] == got.Pix[y*got.Stride+x]
					}
				}
				if !found {
					t.Errorf("orientation %d: sample (%d, %d) does not stand for the pixel that names it", o, x, y)
				}
			}
		}
	}
}

// What is wanted of a reduced picture does not depend on how much else is, in any orientation.
func TestWantedPart(t *testing.T) {
	data := golden(t, "420_64x48.jpg")
	for o := 1; o <= 8; o++ {
		data := slices.Concat(data[:2], []byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), []byte{byte(o), 0, 0, 0, 0, 0, 0}, data[2:])
		whole, err := Decode(t.Context(), data, Options{Reduce: reduceBy(4, 2)})
		if err != nil {
			t.Fatal(err)
		}
		wanted := image.Rect(5, 9, 21, 18)
		part, err := Decode(t.Context(), data, Options{Reduce: func(w, h int) Reduction {
			if w != whole.W || h != whole.H {
				t.Errorf("orientation %d: asked for a picture of %dx%d, want %dx%d", o, w, h, whole.W, whole.H)
			}
			return Reduction{4, 2, wanted}
		}})
		if err != nil {
			t.Fatal(err)
		}
		differ := 0
		for i, p := range part.Planes {
			for y := range p.H {
				for x := range p.W {
					same := p.Pix[y*p.Stride+x] == whole.Planes[i].Pix[y*whole.Planes[i].Stride+x]
					stands := image.Rect(p.X0+x*p.Across, p.Y0+y*p.Down, p.X0+(x+1)*p.Across, p.Y0+(y+1)*p.Down)
					if !same && stands.Overlaps(wanted) {
						t.Fatalf("orientation %d, channel %d: sample (%d, %d), of %v, differs", o, i, x, y, stands)
					}
					if !same {
						differ++
					}
				}
			}
		}
		if differ == 0 {
			t.Errorf("orientation %d: all was decoded", o)
		}
	}
}

// What is asked for is done only where it pays and can be done, and holds less memory.
func TestReduceIsAsked(t *testing.T) {
	for _, c := range []struct {
		name         string
		across, down int
		planes       int
	}{
		{"420_61x43.jpg", 2, 2, 3}, {"gray.jpg", 3, 2, 1}, {"420_61x43.jpg", 1, 8, 0}, {"420_61x43.jpg", 8, 1, 0},
		{"cmyk.jpg", 8, 8, 0}, {"ycck.jpg", 8, 8, 0}, {"rgb.jpg", 8, 8, 0}, {"rgb8.png", 8, 8, 0},
	} {
		b := NewBudget(1 << 20)
		m, err := Decode(t.Context(), golden(t, c.name), Options{Budget: b, Reduce: reduceBy(c.across, c.down)})
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Planes) != c.planes || (m.Pix == nil) != (c.planes > 0) {
			t.Errorf("%s by %dx%d: %d planes, %d bytes", c.name, c.across, c.down, len(m.Planes), len(m.Pix))
		}
		if b.used != m.bytes() || b.used == 0 {
			t.Errorf("%s by %dx%d: %d bytes held, want %d", c.name, c.across, c.down, b.used, m.bytes())
		}
		m.Release()
	}
}
