package decode

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goldenDir = "../../testdata/pixels/decode"

func goldenFiles(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(goldenDir, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	var pictures []string
	for _, path := range all {
		if !strings.HasSuffix(path, ".want.png") {
			pictures = append(pictures, path)
		}
	}
	if len(pictures) < 70 {
		t.Fatalf("%d pictures in %s, want them all", len(pictures), goldenDir)
	}
	return pictures
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func golden(t testing.TB, name string) []byte { return readFile(t, filepath.Join(goldenDir, name)) }

// goldenWant returns the reference's pixels of a picture: an opaque PNG of 8 bits.
func goldenWant(t testing.TB, path string) *Image {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(readFile(t, path+".want.png")))
	if err != nil {
		t.Fatal(err)
	}
	b := m.Bounds()
	want := newImage(b.Dx(), b.Dy())
	for i := range want.W * want.H {
		r, g, bl, _ := m.At(i%want.W, i/want.W).RGBA()
		want.Pix[3*i], want.Pix[3*i+1], want.Pix[3*i+2] = uint8(r>>8), uint8(g>>8), uint8(bl>>8)
	}
	return want
}

func TestEqualsReference(t *testing.T) {
	for _, path := range goldenFiles(t) {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			got, err := Decode(t.Context(), readFile(t, path), Options{})
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got, goldenWant(t, path))
		})
	}
}

// compare fails unless got is want to the last bit.
func compare(t *testing.T, got, want *Image) {
	t.Helper()
	if got.W != want.W || got.H != want.H || len(got.Pix) != len(want.Pix) {
		t.Fatalf("%dx%d with %d bytes, want %dx%d", got.W, got.H, len(got.Pix), want.W, want.H)
	}
	worst, differ := 0, 0
	for i, w := range want.Pix {
		if d := max(int(got.Pix[i])-int(w), int(w)-int(got.Pix[i])); d > 0 {
			worst = max(worst, d)
			differ++
		}
	}
	if differ > 0 {
		t.Errorf("%d of %d samples differ, by %d at worst", differ, len(want.Pix), worst)
	}
}
