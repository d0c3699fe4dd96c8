package loader

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/image/draw"

	"github.com/graft-ml/graft/internal/transform"
)

const (
	largeDir = "../../testdata/pixels/large"

	// How far decoding at a fraction may lead from the exact pixels of a natural picture, in levels of 255: on
	// average, and in 99 of 100 values. On Caltech-101 it is 0.5 and 4. What is beyond are the hardest edges, and
	// strong colours, which are clipped pixel by pixel on one way and after the resize on the other.
	maxMean, maxTail = 1.0, 4.0
)

// load returns what a network would see of a file.
func load(t testing.TB, data []byte, spec transform.Spec, exact bool) []float32 {
	t.Helper()
	return loadAs(t, data, spec, spec, exact)
}

// loadAs is load with a picture prepared as how says, which gives the size of spec.
func loadAs(t testing.TB, data []byte, spec transform.Spec, how preparation, exact bool) []float32 {
	t.Helper()
	o, err := Options{Spec: spec, ExactDecode: exact}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, 3*spec.Width*spec.Height)
	if err := (&line{src: same{data}, index: []int{0}, o: o, of: func(int) preparation { return how }}).load(t.Context(), dst, 0); err != nil {
		t.Fatal(err)
	}
	return dst
}

// difference returns the mean and the 99th percentile of |a - b|.
func difference(a, b []float32) (mean, tail float64) {
	d := make([]float64, len(a))
	for i := range d {
		d[i] = math.Abs(float64(a[i] - b[i]))
		mean += d[i] / float64(len(a))
	}
	slices.Sort(d)
	return mean, d[len(d)*99/100]
}

func checkNear(t *testing.T, got, want []float32) {
	t.Helper()
	mean, tail := difference(got, want)
	if mean > maxMean || tail > maxTail {
		t.Errorf("differs by %.3f on average and %v at the 99th percentile, want at most %v and %v", mean, tail, maxMean, maxTail)
	}
	if mean == 0 {
		t.Error("not a pixel differs: it was not decoded at a fraction")
	}
}

func largeFiles(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(largeDir, "*.jpg"))
	if err != nil || len(paths) < 6 {
		t.Fatalf("%d files in %s, %v", len(paths), largeDir, err)
	}
	return paths
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestLargeIsNearPillow(t *testing.T) {
	spec := transform.Spec{Width: 40, Height: 30}
	for _, path := range largeFiles(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			m, err := png.Decode(bytes.NewReader(read(t, path+".want.png")))
			if err != nil {
				t.Fatal(err)
			}
			want := make([]float32, 3*40*30)
			for i := range 40 * 30 {
				r, g, b, _ := m.At(i%40, i/40).RGBA()
				want[i], want[40*30+i], want[2*40*30+i] = float32(r>>8), float32(g>>8), float32(b>>8)
			}
			if got := load(t, read(t, path), spec, true); !slices.Equal(got, want) {
				t.Error("the exact pixels are not Pillow's")
			}
			checkNear(t, load(t, read(t, path), spec, false), want)
		})
	}
}

// turned returns a JPEG with an EXIF segment that states an orientation.
func turned(data []byte, orientation byte) []byte {
	exif := append([]byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), orientation, 0, 0, 0, 0, 0, 0)
	return slices.Concat(data[:2], exif, data[2:])
}

func TestLargeIsNearExact(t *testing.T) {
	for _, path := range largeFiles(t) {
		for i, text := range []string{
			"stretch 24x20 bilinear", "stretch 56x44 bilinear", "stretch 60x22 bicubic", "crop 32 28x28 bilinear",
			"crop 33 28x27 bicubic", "letterbox 30x30 bilinear", "crop 20 30x30 bilinear", "crop 32 31x9 bilinear",
		} {
			spec, err := transform.ParseSpec(text)
			if err != nil {
				t.Fatal(err)
			}
			orientation := byte(i + 1)
			t.Run(fmt.Sprintf("%s/%s/%d", filepath.Base(path), text, orientation), func(t *testing.T) {
				data := turned(read(t, path), orientation)
				checkNear(t, load(t, data, spec, false), load(t, data, spec, true))
			})
		}
	}
}

// Random boxes of a large picture are decoded at a fraction too, as near to the exact pixels.
func TestLargeDrawIsNearExact(t *testing.T) {
	a, err := transform.ParseAugment("resizedcrop=0.5,hflip,brightness=0.3")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range largeFiles(t) {
		for epoch, filter := range []transform.Filter{transform.Bilinear, transform.Bicubic, transform.Bilinear} {
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(path), epoch), func(t *testing.T) {
				spec := transform.Spec{Width: 24, Height: 20, Filter: filter}
				how := transform.Random{Spec: spec, Augment: a, Seed: 1}.At(epoch, 9)
				data := turned(read(t, path), byte(3+epoch))
				checkNear(t, loadAs(t, data, spec, how, false), loadAs(t, data, spec, how, true))
			})
		}
	}
}

// What is not at least four times as large as its resized form both ways is decoded as ever, to the byte.
func TestSmallIsExact(t *testing.T) {
	for _, path := range largeFiles(t) {
		for _, text := range []string{"stretch 224x224 bilinear", "stretch 121x20 bilinear", "stretch 20x91 bicubic", "stretch 20x20 nearest", "crop 91 20x20 bilinear"} {
			spec, err := transform.ParseSpec(text)
			if err != nil {
				t.Fatal(err)
			}
			data := read(t, path)
			if !slices.Equal(load(t, data, spec, false), load(t, data, spec, true)) {
				t.Errorf("%s, %s: pixels differ", filepath.Base(path), text)
			}
		}
	}
}

// TestLargeCaltech holds real photographs to the same bounds, all of their pixels together. GRAFT_DATA is the
// folder that holds Caltech-101.
func TestLargeCaltech(t *testing.T) {
	f, err := os.Open(filepath.Join(os.Getenv("GRAFT_DATA"), "101_ObjectCategories.tar.gz"))
	if err != nil {
		t.Skip("GRAFT_DATA is not a folder that holds 101_ObjectCategories.tar.gz")
	}
	defer f.Close()
	photos := every(t, f, 29)
	for _, size := range []int{24, 32, 48} {
		spec := transform.Spec{Width: size, Height: size}
		var got, want []float32
		for _, data := range photos {
			a, b := load(t, data, spec, false), load(t, data, spec, true)
			if !slices.Equal(a, b) { // else it is not large
				got, want = append(got, a...), append(want, b...)
			}
		}
		mean, tail := difference(got, want)
		t.Logf("%d pixels: %d pictures, mean %.3f, 99th percentile %v", size, len(got)/3/size/size, mean, tail)
		checkNear(t, got, want)
	}
}

// every returns each nth JPEG of an archive.
func every(t *testing.T, f io.Reader, n int) (files [][]byte) {
	t.Helper()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(h.Name) != ".jpg" {
			continue
		}
		if seen++; seen%n == 0 {
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, data)
		}
	}
}

// large returns a 12-megapixel photo's like, as a baseline 4:2:0 JPEG.
func large(b *testing.B) []byte {
	m := image.NewRGBA(image.Rect(0, 0, 4000, 3000))
	photo, err := jpeg.Decode(bytes.NewReader(read(b, filepath.Join(largeDir, "444.jpg"))))
	if err != nil {
		b.Fatal(err)
	}
	// Side by side at a third more than their size: a photo of this many pixels has not all the detail of a small one.
	for y := 0; y < 3000; y += 480 {
		for x := 0; x < 4000; x += 640 {
			draw.CatmullRom.Scale(m, image.Rect(x, y, x+640, y+480), photo, photo.Bounds(), draw.Src, nil)
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: 85}); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// BenchmarkLarge is the whole way of a photo to a network's 224x224, and that of the standard parts.
func BenchmarkLarge(b *testing.B) {
	data := large(b)
	spec := transform.Spec{Width: 224, Height: 224}
	b.Run("reduced", func(b *testing.B) {
		for b.Loop() {
			load(b, data, spec, false)
		}
	})
	b.Run("exact", func(b *testing.B) {
		for b.Loop() {
			load(b, data, spec, true)
		}
	})
	for _, s := range []struct {
		name   string
		scaler draw.Scaler
	}{{"standardBilinear", draw.BiLinear}, {"standardCatmullRom", draw.CatmullRom}} {
		b.Run(s.name, func(b *testing.B) {
			for b.Loop() {
				m, err := jpeg.Decode(bytes.NewReader(data))
				if err != nil {
					b.Fatal(err)
				}
				dst := image.NewRGBA(image.Rect(0, 0, 224, 224))
				s.scaler.Scale(dst, dst.Rect, m, m.Bounds(), draw.Src, nil)
			}
		})
	}
}
