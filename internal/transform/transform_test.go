package transform

import (
	"math"
	"testing"
)

func TestSpecText(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		text string
	}{
		{Spec{Width: 224, Height: 224}, "stretch 224x224 bilinear"},
		{Spec{Width: 320, Height: 240, Rule: Letterbox, Filter: Nearest}, "letterbox 320x240 nearest"},
		{Spec{Width: 224, Height: 224, Rule: Crop, Short: 256, Filter: Bicubic}, "crop 256 224x224 bicubic"},
	} {
		t.Run(c.text, func(t *testing.T) {
			if got := c.spec.String(); got != c.text {
				t.Errorf("String() = %q, want %q", got, c.text)
			}
			if got, err := ParseSpec(c.text); err != nil || got != c.spec {
				t.Errorf("ParseSpec = %+v, %v, want %+v", got, err, c.spec)
			}
		})
	}
}

// Specs that do the same must share a cache key.
func TestSpecTextIsCanonical(t *testing.T) {
	a := Spec{Width: 224, Height: 192, Rule: Crop}
	b := Spec{Width: 224, Height: 192, Rule: Crop, Short: 192}
	if a.String() != b.String() {
		t.Errorf("%q and %q, want the same text", a, b)
	}
	c := Spec{Width: 224, Height: 192, Short: 300}
	d := Spec{Width: 224, Height: 192}
	if c.String() != d.String() {
		t.Errorf("%q and %q, want the same text: only Crop has a short side", c, d)
	}
}

func TestParseSpecRefuses(t *testing.T) {
	for _, text := range []string{
		"", "stretch", "squash 224x224 bilinear", "stretch 224 bilinear", "stretch 0x224 bilinear", "stretch 224x-1 bilinear",
		"stretch 224x224 lanczos", "crop 224x224 bilinear", "crop 256 224x224", "stretch 224x224 bilinear ", "stretch  224x224 bilinear",
		"stretch 224x224 bilinear more", "stretch 99999x224 bilinear", "crop 0 224x224 bilinear", "stretch +224x224 bilinear",
	} {
		if s, err := ParseSpec(text); err == nil {
			t.Errorf("ParseSpec(%q) = %+v, want an error", text, s)
		}
	}
}

func TestPlacement(t *testing.T) {
	for _, c := range []struct {
		name string
		spec Spec
		w, h int
		want placement
	}{
		{"stretch", Spec{Width: 224, Height: 112}, 300, 200, placement{224, 112, 0, 0}},
		{"long side is truncated", Spec{Width: 224, Height: 224, Rule: Crop, Short: 256}, 333, 500, placement{256, 384, -16, -80}},
		{"offset 0.5 goes to 0", Spec{Width: 255, Height: 255, Rule: Crop, Short: 256}, 256, 256, placement{256, 256, 0, 0}},
		{"offset 1.5 goes to 2", Spec{Width: 253, Height: 253, Rule: Crop, Short: 256}, 256, 256, placement{256, 256, -2, -2}},
		{"crop of a small picture pads", Spec{Width: 9, Height: 4, Rule: Crop}, 10, 10, placement{4, 4, 2, 0}},
		{"letterbox, wide", Spec{Width: 100, Height: 100, Rule: Letterbox}, 300, 100, placement{100, 33, 0, 34}},
		{"letterbox, tall", Spec{Width: 100, Height: 100, Rule: Letterbox}, 100, 200, placement{50, 100, 25, 0}},
		{"letterbox keeps a pixel", Spec{Width: 10, Height: 10, Rule: Letterbox}, 100, 1, placement{10, 1, 0, 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.spec.place(c.w, c.h); got != c.want {
				t.Errorf("place(%d, %d) = %+v, want %+v", c.w, c.h, got, c.want)
			}
		})
	}
}

func TestApplyRefusesWrongLengths(t *testing.T) {
	s := Spec{Width: 4, Height: 4}
	dst, pix := make([]float32, 48), make([]uint8, 12)
	for _, c := range []struct {
		name string
		spec Spec
		dst  []float32
		pix  []uint8
		w, h int
	}{
		{"short dst", s, dst[:47], pix, 2, 2},
		{"short source", s, dst, pix[:11], 2, 2},
		{"no pixel", s, dst, nil, 0, 0},
		{"negative", s, dst, pix, -2, -2},
		{"invalid spec", Spec{Width: 4, Height: 4, Filter: 9}, dst, pix, 2, 2},
	} {
		if err := c.spec.Apply(c.dst, c.pix, c.w, c.h); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
	if err := s.Apply(dst, pix, 2, 2); err != nil {
		t.Errorf("a good call: %v", err)
	}
}

func TestModes(t *testing.T) {
	for _, c := range []struct {
		mode  string
		pixel float32
		want  float32 // of the first channel after BGR
	}{
		{"raw", 200, 200}, {"tf", 255, 1}, {"tf", 0, -1}, {"torch", 255, (1 - .485) / .229}, {"caffe", 103.939, 0},
	} {
		n, err := ParseMode(c.mode)
		if err != nil {
			t.Fatal(err)
		}
		if got := (c.pixel - n.Mean[0]) / n.Std[0]; math.Abs(float64(got-c.want)) > 1e-6 {
			t.Errorf("%s: %v becomes %v, want %v", c.mode, c.pixel, got, c.want)
		}
		if n.BGR != (c.mode == "caffe") || n.Mode() != c.mode || n.Validate() != nil {
			t.Errorf("%s: %+v names itself %q, valid: %v", c.mode, n, n.Mode(), n.Validate())
		}
	}
	if _, err := ParseMode("keras"); err == nil {
		t.Error("ParseMode of an unknown name: no error")
	}
	if (Normalise{}).Validate() == nil || (Normalise{Std: [3]float32{1, 1, float32(math.NaN())}}).Validate() == nil {
		t.Error("a zero or NaN deviation is accepted")
	}
}

// A folder of pictures of ever new sizes must not fill the memory with tables.
func TestTablesAreBounded(t *testing.T) {
	s := Spec{Width: 2, Height: 2}
	dst := make([]float32, 12)
	for w := 1; w <= 2*maxCached; w++ {
		if err := s.Apply(dst, make([]uint8, 3*w), w, 1); err != nil {
			t.Fatal(err)
		}
		if len(cache.m) > maxCached {
			t.Fatalf("%d tables kept after %d widths, want at most %d", len(cache.m), w, maxCached)
		}
	}
}

// The crop of an enlarged picture begins beyond the width of the picture itself.
func TestCropOfATinyPicture(t *testing.T) {
	s := Spec{Width: 6, Height: 6, Rule: Crop}
	dst := make([]float32, 3*6*6)
	if err := s.Apply(dst, []uint8{0, 10, 20, 0, 10, 20}, 2, 1); err != nil {
		t.Fatal(err)
	}
	for i, v := range dst {
		if v != float32(i/36*10) {
			t.Fatalf("value %d is %v, want %d", i, v, i/36*10)
		}
	}
}
