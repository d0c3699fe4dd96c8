package transform

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustParse(t testing.TB, spec string) Augment {
	t.Helper()
	a, err := ParseAugment(spec)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// drawRGB makes a picture of noise and of flat parts.
func drawRGB(t *rapid.T) RGB {
	p := RGB{W: rapid.IntRange(1, 40).Draw(t, "width"), H: rapid.IntRange(1, 40).Draw(t, "height")}
	p.Pix = make([]uint8, 3*p.W*p.H)
	some := rapid.SliceOfN(rapid.Byte(), 1, 30).Draw(t, "pixels")
	for i := range p.Pix {
		p.Pix[i] = some[i*i%len(some)]
	}
	return p
}

func drawSpec(t *rapid.T) Spec {
	return Spec{
		Width: rapid.IntRange(1, 24).Draw(t, "out width"), Height: rapid.IntRange(1, 24).Draw(t, "out height"),
		Rule: Rule(rapid.IntRange(0, 2).Draw(t, "rule")), Filter: Filter(rapid.IntRange(0, 2).Draw(t, "filter")),
	}
}

// Whatever is drawn, the output has its size and whole numbers 0–255, and the draw is the same again.
func TestDrawIsAPicture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := drawRGB(t)
		r := Random{Spec: drawSpec(t), Augment: drawAugment(t), Seed: rapid.Uint64().Draw(t, "seed")}
		d := r.At(rapid.IntRange(0, 9).Draw(t, "epoch"), rapid.Uint64().Draw(t, "key"))
		n := 3 * r.Spec.Width * r.Spec.Height
		dst := slices.Repeat([]float32{-1}, n+2)
		if err := d.Apply(dst[1:n+1], src.Pix, src.W, src.H); err != nil {
			t.Fatal(err)
		}
		if dst[0] != -1 || dst[n+1] != -1 {
			t.Fatal("written beyond the output")
		}
		for i, v := range dst[1 : n+1] {
			if !(v >= 0 && v <= 255) || v != float32(int(v)) {
				t.Fatalf("value %d is %v, want a whole number 0–255", i, v)
			}
		}
		again := make([]float32, n)
		if err := d.Apply(again, src.Pix, src.W, src.H); err != nil || !slices.Equal(again, dst[1:n+1]) {
			t.Fatalf("another time the draw is another, %v", err)
		}
		if got := d.Reduction(src.W, src.H); got.Wanted.Empty() && !d.frame(src.W, src.H).empty() {
			t.Fatalf("nothing is wanted of the picture: %v", got)
		}
	})
}

// An augmentation that changes nothing gives the bits of the Spec.
func TestNoAugmentIsTheSpec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src, s := drawRGB(t), drawSpec(t)
		want, got := make([]float32, 3*s.Width*s.Height), make([]float32, 3*s.Width*s.Height)
		d := Random{Spec: s, Augment: Augment{fill: FillWrap}, Seed: 1}.At(2, 3)
		if err := s.Apply(want, src.Pix, src.W, src.H); err != nil {
			t.Fatal(err)
		}
		if err := d.Apply(got, src.Pix, src.W, src.H); err != nil || !slices.Equal(got, want) {
			t.Errorf("not what the spec gives, %v", err)
		}
		if d.Reduction(src.W, src.H) != s.Reduction(src.W, src.H) {
			t.Error("another reduction than the spec's")
		}
	})
}

// Changes of strength zero leave a picture as it is, for any fill; so do two flips.
func TestIdentity(t *testing.T) {
	for name, draw := range map[string]func(d *drawing){
		"rotation": func(d *drawing) { d.rotate(0) },
		"shear":    func(d *drawing) { d.shear(0) },
		"shift":    func(d *drawing) { d.shift(0, 0) },
		"zoom":     func(d *drawing) { drawMotion(d, affine{a: 1, e: 1}) },
		"hflips":   func(d *drawing) { drawHFlip(d, 1); d.brightness(0); drawHFlip(d, 1) },
		"vflips":   func(d *drawing) { drawVFlip(d, 1); d.brightness(0); drawVFlip(d, 1) },
		"there and back": func(d *drawing) {
			d.rotate(30)
			d.shift(0.25, 0.5)
			d.shift(-0.25, -0.5)
			d.rotate(-30)
		},
		"once round": func(d *drawing) {
			for range 4 {
				d.rotate(90)
			}
		},
		"brightness": func(d *drawing) { d.brightness(0) },
		"contrast":   func(d *drawing) { d.contrast(0) },
		"saturation": func(d *drawing) { d.saturation(0) },
		"hue":        func(d *drawing) { d.add(func(p *picture) { p.turnHue(0) }, "") },
		"sharpness":  func(d *drawing) { d.add(func(p *picture) { p.sharpen(1) }, "") },
		"posterize":  func(d *drawing) { d.add(func(p *picture) { p.posterize(8) }, "") },
		"solarize":   func(d *drawing) { d.add(func(p *picture) { p.solarize(256) }, "") },
		"randaugment": func(d *drawing) {
			for i := range 10 { // those with a magnitude that can be none
				randomChanges[i](d, 0, 1)
			}
		},
	} {
		for fill := range fillNames {
			src := source(t)
			p := &picture{slices.Clone(src.Pix), src.W, src.H}
			r := Draw{}.stream(hflip)
			d := &drawing{r: &r, w: p.w, h: p.h}
			draw(d)
			run(p, d.steps, Fill(fill))
			if !slices.Equal(p.pix, src.Pix) {
				t.Errorf("%s with fill %v changes the picture", name, Fill(fill))
			}
		}
	}
}

// What one augmentation draws depends on the seed, the epoch, the picture and itself, and on no other.
func TestDrawsAreIndependent(t *testing.T) {
	steps := func(spec string, seed uint64, epoch int, key uint64) string {
		r := Random{Spec: Spec{Width: 20, Height: 20}, Augment: mustParse(t, spec), Seed: seed}
		return strings.Join(r.At(epoch, key).Steps(50, 60), ", ")
	}
	want := steps("rotation=90", 1, 2, 3)
	if got := steps("rotation=90,vflip=1,hue=0.5", 1, 2, 3); !strings.Contains(got, want) {
		t.Errorf("%q beside others is %q", want, got)
	}
	for name, other := range map[string]string{
		"seed": steps("rotation=90", 2, 2, 3), "epoch": steps("rotation=90", 1, 3, 3), "key": steps("rotation=90", 1, 2, 4),
	} {
		if other == want {
			t.Errorf("another %s draws the same: %s", name, want)
		}
	}
}

// Each draw's strength stays within what is asked for, and reaches both sides of it.
func TestDrawsSpread(t *testing.T) {
	r := Random{Spec: Spec{Width: 16, Height: 16}, Augment: mustParse(t, "hflip=0.25,rotation=10,resizedcrop=0.5")}
	flips, least, most := 0, 0.0, 0.0
	const n = 2000
	for key := range uint64(n) {
		d := r.At(0, key)
		if f := d.frame(90, 60); f.across.in*f.down.in*100 < 48*90*60 || f.across.from+f.across.in > 90 || f.down.from+f.down.in > 60 {
			t.Fatalf("box %+v of 90x60", f)
		}
		for _, s := range d.steps() {
			switch {
			case s.format == "hflip":
				flips++
			default:
				least, most = min(least, s.args[0].(float64)), max(most, s.args[0].(float64))
			}
		}
	}
	if flips < n/5 || flips > 3*n/10 || least < -10 || least > -9.9 || most > 10 || most < 9.9 {
		t.Errorf("%d flips of %d, rotation by %v to %v", flips, n, least, most)
	}
}

// goldenRows are the specs of testdata/augment/draws.png, from top to bottom.
var goldenRows = []string{
	"none", "resizedcrop", "hflip", "vflip", "zoom=0.4", "shear=25", "rotation=45", "shift=0.3", "randaugment", "brightness=0.5",
	"contrast=0.7", "saturation=0.9", "hue=0.3", "grayscale=0.5", "blur=3", "erasing=0.7",
	"rotation=45,zoom=0.5,fill=nearest", "rotation=45,zoom=0.5,fill=wrap", "rotation=45,zoom=0.5,fill=constant", "standard", "strong",
}

// A seed has its pictures for good: draws.png shows them, a row a spec and a column an epoch.
func TestGoldenDraws(t *testing.T) {
	const columns, w, h = 6, 32, 24
	path := "../../testdata/augment/draws.png"
	src := source(t)
	got := image.NewRGBA(image.Rect(0, 0, columns*w, len(goldenRows)*h))
	dst := make([]float32, 3*w*h)
	for row, spec := range goldenRows {
		r := Random{Spec: Spec{Width: w, Height: h}, Augment: mustParse(t, spec), Seed: 1}
		for epoch := range columns {
			if err := r.At(epoch, 7).Apply(dst, src.Pix, src.W, src.H); err != nil {
				t.Fatal(err)
			}
			for i := range w * h {
				at := got.PixOffset(epoch*w+i%w, row*h+i/w)
				copy(got.Pix[at:], []uint8{uint8(dst[i]), uint8(dst[w*h+i]), uint8(dst[2*w*h+i]), 255})
			}
		}
	}
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		writePNG(t, path, got)
	}
	want := readPNG(t, path)
	if want.W != got.Rect.Dx() || want.H != got.Rect.Dy() {
		t.Fatalf("%s is %dx%d, want %v (UPDATE_GOLDEN=1 rewrites it)", path, want.W, want.H, got.Rect.Size())
	}
	for row, spec := range goldenRows {
		for i := row * h * want.W; i < (row+1)*h*want.W; i++ {
			if string(got.Pix[4*i:4*i+3]) != string(want.Pix[3*i:3*i+3]) {
				t.Errorf("%s: pixel %d,%d is %v, want %v (UPDATE_GOLDEN=1 rewrites it)", spec, i%want.W, i/want.W, got.Pix[4*i:4*i+3], want.Pix[3*i:3*i+3])
				break
			}
		}
	}
}

func writePNG(t testing.TB, path string, m image.Image) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, m); err != nil {
		t.Fatal(err)
	}
}

// What a draw costs beside the resize, at the size of most networks.
func BenchmarkDraw(b *testing.B) {
	src := source(b)
	dst := make([]float32, 3*224*224)
	for _, spec := range append([]string{"none"}, goldenRows[1:]...) {
		b.Run(spec, func(b *testing.B) {
			r := Random{Spec: Spec{Width: 224, Height: 224}, Augment: mustParse(b, spec)}
			epoch := 0
			for b.Loop() {
				epoch++
				if err := r.At(epoch, 7).Apply(dst, src.Pix, src.W, src.H); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
