package transform

import (
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goldenDir = "../../testdata/pixels/resize"

// readPNG returns a committed picture, all of which are opaque.
func readPNG(t testing.TB, path string) RGB {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	b := m.Bounds()
	rgba := image.NewRGBA(b)
	draw.Draw(rgba, b, m, b.Min, draw.Src)
	out := RGB{W: b.Dx(), H: b.Dy()}
	for i := 0; i < len(rgba.Pix); i += 4 {
		out.Pix = append(out.Pix, rgba.Pix[i:i+3]...)
	}
	return out
}

// The file names are specs. What Pillow made of the source under each must come out byte for byte.
func TestEqualsPillow(t *testing.T) {
	src := readPNG(t, filepath.Join(goldenDir, "source.png"))
	paths, err := filepath.Glob(filepath.Join(goldenDir, "*_*.png"))
	if err != nil || len(paths) < 40 {
		t.Fatalf("%d golden files, %v", len(paths), err)
	}
	for _, path := range paths {
		text := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".png"), "_", " ")
		t.Run(text, func(t *testing.T) {
			want := readPNG(t, path)
			spec, err := ParseSpec(text)
			if err != nil {
				t.Fatal(err)
			}
			dst := make([]float32, 3*spec.Width*spec.Height)
			if err := spec.Apply(dst, src.Pix, src.W, src.H); err != nil {
				t.Fatal(err)
			}
			compare(t, want, func(i, c int) float32 { return dst[c*spec.Width*spec.Height+i] })
			if spec.Rule != Stretch {
				return
			}
			got := RGB{Pix: make([]uint8, len(want.Pix)), W: want.W, H: want.H}
			if err := Resize(got, src, spec.Filter); err != nil {
				t.Fatal(err)
			}
			compare(t, want, func(i, c int) float32 { return float32(got.Pix[3*i+c]) })
		})
	}
}

func compare(t *testing.T, want RGB, got func(i, c int) float32) {
	t.Helper()
	bad := 0
	for i := range want.W * want.H {
		for c := range 3 {
			if g := got(i, c); g != float32(want.Pix[3*i+c]) {
				if bad++; bad == 1 {
					t.Errorf("pixel %d,%d channel %d: %v, want %d", i%want.W, i/want.W, c, g, want.Pix[3*i+c])
				}
			}
		}
	}
	if bad > 1 {
		t.Errorf("%d samples differ in all", bad)
	}
}

func BenchmarkApply(b *testing.B) {
	spec := Spec{Width: 224, Height: 224}
	dst := make([]float32, 3*224*224)
	for _, size := range []struct {
		name string
		w, h int
	}{{"300x200", 300, 200}, {"4000x3000", 4000, 3000}} {
		pix := make([]uint8, 3*size.w*size.h)
		b.Run(size.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := spec.Apply(dst, pix, size.w, size.h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
