package transform

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

const referenceDir = "../../testdata/augment/reference"

// moved is the picture after the motions that draw adds.
func moved(fill Fill, draw func(d *drawing)) func(p *picture) {
	return func(p *picture) {
		d := &drawing{w: p.w, h: p.h}
		draw(d)
		run(p, d.steps, fill)
	}
}

// unless is how far a value may be from the reference's: as many levels, and further in a share of the values.
type unless struct {
	levels int
	share  float64
}

var (
	exact = unless{}
	// cut is for references that cut the fraction off where we round.
	cut = unless{levels: 1}
	// edged is for motions: their interpolation rounds elsewhere, and at the edge of the picture a position a hair
	// beyond it is filled.
	edged = unless{1, 0.004}
)

// What torchvision and Pillow make of the source with fixed strengths (testdata/augment/make_reference.py).
func TestEqualsTorchvision(t *testing.T) {
	in := func(pixels, size int) float64 { return float64(pixels) / float64(size) }
	composed := func(d *drawing) {
		drawMotion(d, affine{a: 1.2, e: 1.2})
		d.shear(8)
		d.rotate(-12)
		d.shift(in(-5, d.w), in(3, d.h))
	}
	filled := func(d *drawing) {
		drawMotion(d, affine{a: 0.8, e: 0.8})
		d.rotate(25)
		d.shift(in(10, d.w), in(4, d.h))
	}
	for _, c := range []struct {
		name   string
		change func(p *picture)
		unless unless
	}{
		{"hflip", moved(0, func(d *drawing) { drawMotion(d, affine{a: -1, e: 1}) }), exact},
		{"vflip", moved(0, func(d *drawing) { drawMotion(d, affine{a: 1, e: -1}) }), exact},
		{"rotation_17", moved(FillConstant, func(d *drawing) { d.rotate(17) }), edged},
		{"rotation_-100", moved(FillConstant, func(d *drawing) { d.rotate(-100) }), edged},
		{"shear_20", moved(FillConstant, func(d *drawing) { d.shear(20) }), edged},
		{"zoom_0.7", moved(FillConstant, func(d *drawing) { drawMotion(d, affine{a: 0.7, e: 0.7}) }), edged},
		{"zoom_1.6", moved(FillConstant, func(d *drawing) { drawMotion(d, affine{a: 1.6, e: 1.6}) }), edged},
		{"shift", moved(FillConstant, func(d *drawing) { d.shift(in(9, d.w), in(-6, d.h)) }), exact},
		{"composed", moved(FillConstant, composed), edged},
		{"fill_reflect", moved(FillReflect, filled), edged},
		{"fill_nearest", moved(FillNearest, filled), edged},
		{"fill_wrap", moved(FillWrap, filled), edged},
		{"brightness_0.4", func(p *picture) { p.scale(0.4, 0) }, cut},
		{"brightness_1.5", func(p *picture) { p.scale(1.5, 0) }, cut},
		{"contrast_0.4", func(p *picture) { p.scale(0.4, p.meanGrey()) }, cut},
		{"contrast_1.5", func(p *picture) { p.scale(1.5, p.meanGrey()) }, cut},
		{"saturation_0.4", func(p *picture) { p.saturate(0.4) }, cut},
		{"saturation_1.5", func(p *picture) { p.saturate(1.5) }, cut},
		{"sharpness_0.4", func(p *picture) { p.sharpen(0.4) }, cut},
		{"sharpness_1.5", func(p *picture) { p.sharpen(1.5) }, cut},
		{"hue_-0.4", func(p *picture) { p.turnHue(-0.4) }, cut},
		{"hue_-0.05", func(p *picture) { p.turnHue(-0.05) }, cut},
		{"hue_0.1", func(p *picture) { p.turnHue(0.1) }, cut},
		{"hue_0.5", func(p *picture) { p.turnHue(0.5) }, cut},
		{"grayscale", func(p *picture) { p.saturate(0) }, exact},
		{"blur_0.5", func(p *picture) { p.blur(0.5) }, cut},
		{"blur_1.3", func(p *picture) { p.blur(1.3) }, cut},
		{"blur_4.0", func(p *picture) { p.blur(4) }, cut},
		{"posterize_4", func(p *picture) { p.posterize(4) }, exact},
		{"posterize_6", func(p *picture) { p.posterize(6) }, exact},
		{"solarize_100", func(p *picture) { p.solarize(100) }, exact},
	} {
		t.Run(c.name, func(t *testing.T) { checkReference(t, "source", c.name, c.change, c.unless) })
	}
	t.Run("autocontrast", func(t *testing.T) {
		checkReference(t, "dull", "autocontrast", (*picture).autoContrast, exact)
	})
	t.Run("equalize", func(t *testing.T) { checkReference(t, "dull", "equalize", (*picture).equalize, exact) })
}

func drawMotion(d *drawing, m affine) { d.addMotion(m, "") }

func source(t testing.TB) RGB { return readPNG(t, filepath.Join(goldenDir, "source.png")) }

func checkReference(t *testing.T, from, name string, change func(*picture), unless unless) {
	t.Helper()
	src := source(t)
	if from != "source" {
		src = readPNG(t, filepath.Join(referenceDir, from+".png"))
	}
	want := readPNG(t, filepath.Join(referenceDir, name+".png"))
	p := &picture{src.Pix, src.W, src.H}
	change(p)
	far, farthest := 0, 0
	for i, v := range want.Pix {
		d := max(int(p.pix[i])-int(v), int(v)-int(p.pix[i]))
		farthest = max(farthest, d)
		if d > unless.levels {
			far++
		}
	}
	if float64(far) > unless.share*float64(len(want.Pix)) {
		t.Errorf("%d of %d values are more than %d levels from the reference's, the farthest %d", far, len(want.Pix), unless.levels, farthest)
		show(t, name, p)
	}
}

// show writes a picture to the folder that GRAFT_SHOW names, to be looked at.
func show(t testing.TB, name string, p *picture) {
	t.Helper()
	dir := os.Getenv("GRAFT_SHOW")
	if dir == "" {
		return
	}
	m := image.NewRGBA(image.Rect(0, 0, p.w, p.h))
	for i := range p.w * p.h {
		copy(m.Pix[4*i:], p.pix[3*i:3*i+3])
		m.Pix[4*i+3] = 255
	}
	f, err := os.Create(filepath.Join(dir, name+".png"))
	if err == nil {
		err = png.Encode(f, m)
		f.Close()
	}
	if err != nil {
		t.Error(err)
	}
}

// A box of the source, resized: torchvision's resized_crop, to the byte.
func TestCropEqualsTorchvision(t *testing.T) {
	src := source(t)
	for _, f := range []Filter{Bilinear, Bicubic, Nearest} {
		want := readPNG(t, filepath.Join(referenceDir, "crop_"+f.String()+".png"))
		s := Spec{Width: want.W, Height: want.H, Filter: f}
		frame := framing{placement{w: s.Width, h: s.Height},
			axis{in: 41, out: s.Width, hi: s.Width, from: 8, drawn: true}, axis{in: 30, out: s.Height, hi: s.Height, from: 5, drawn: true}}
		dst := make([]float32, 3*s.Width*s.Height)
		frame.apply(dst, src, s)
		compare(t, want, func(i, c int) float32 { return dst[c*s.Width*s.Height+i] })
	}
}
