package decode

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"testing"
)

// plain hides an image's type, so that FromImage has to ask for every pixel.
type plain struct{ image.Image }

// Every fast path must agree with asking for every pixel, on whole pictures and on parts of them.
func TestFromImagePathsAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	r := image.Rect(0, 0, 13, 9)
	src := image.NewNRGBA64(r)
	for i := range src.Pix {
		src.Pix[i] = uint8(rng.Uint32())
	}
	palette := color.Palette{color.Black, color.White, color.NRGBA{200, 20, 90, 130}, color.RGBA{10, 20, 30, 40}, color.Gray16{0x7f80}}
	for name, m := range map[string]draw.Image{
		"gray": image.NewGray(r), "gray16": image.NewGray16(r), "rgba": image.NewRGBA(r), "nrgba": image.NewNRGBA(r),
		"rgba64": image.NewRGBA64(r), "nrgba64": image.NewNRGBA64(r), "paletted": image.NewPaletted(r, palette),
	} {
		draw.Draw(m, r, src, image.Point{}, draw.Src)
		part := m.(interface {
			SubImage(image.Rectangle) image.Image
		}).SubImage(image.Rect(3, 2, 12, 8))
		for _, v := range []image.Image{m, part} {
			got, want := FromImage(v), FromImage(plain{v})
			if got.W != v.Bounds().Dx() || got.H != v.Bounds().Dy() {
				t.Errorf("%s: %dx%d of %v", name, got.W, got.H, v.Bounds())
			}
			// image.NRGBA's At premultiplies and loses up to half a level by it.
			for i := range want.Pix {
				if d := int(got.Pix[i]) - int(want.Pix[i]); d < -1 || d > 1 {
					t.Errorf("%s %v: sample %d is %d, want %d", name, v.Bounds(), i, got.Pix[i], want.Pix[i])
					break
				}
			}
		}
	}
}

// A part of a YCbCr picture that starts inside a chroma sample has no planes of its own to bring to size.
func TestFromImageOfMisalignedChroma(t *testing.T) {
	m := image.NewYCbCr(image.Rect(0, 0, 8, 8), image.YCbCrSubsampleRatio420)
	for i := range m.Y {
		m.Y[i] = uint8(i * 3)
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = uint8(i*15), uint8(255-i*15)
	}
	part := m.SubImage(image.Rect(1, 1, 7, 6))
	if got, want := FromImage(part), FromImage(plain{part}); got.W != 6 || got.H != 5 || !bytes.Equal(got.Pix, want.Pix) {
		t.Errorf("%dx%d, or pixels that differ", got.W, got.H)
	}
	even := m.SubImage(image.Rect(2, 4, 8, 8)).(*image.YCbCr)
	if got := FromImage(even); got.W != 6 || got.H != 4 {
		t.Errorf("%dx%d, want 6x4", got.W, got.H)
	}
}

// The rules for depth and alpha, in numbers.
func TestScalingRules(t *testing.T) {
	for v := range uint32(65536) {
		want := uint8((2*v*255 + 65535) / (2 * 65535)) // v*255/65535, rounded
		if got := to8(v); got != want {
			t.Fatalf("to8(%d) = %d, want %d", v, got, want)
		}
	}
	for _, c := range []struct{ c, a, want uint8 }{{0, 0, 255}, {0, 255, 0}, {77, 255, 77}, {0, 128, 127}, {255, 3, 255}, {100, 51, 224}} {
		if got := over(c.c, c.a); got != c.want {
			t.Errorf("%d with alpha %d over white is %d, want %d", c.c, c.a, got, c.want)
		}
		if got := over16(uint32(c.c)*257, uint32(c.a)*257); got != c.want {
			t.Errorf("%d with alpha %d over white is %d at 16 bits, want %d", c.c, c.a, got, c.want)
		}
	}
}
