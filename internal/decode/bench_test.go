package decode

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"testing"

	"github.com/graft-ml/graft/internal/transform"
)

// BenchmarkToInput is a photo's whole way, 4:2:0 JPEG to a network's 224x224, and the way to its planes alone,
// ours and image/jpeg's.
func BenchmarkToInput(b *testing.B) {
	for _, size := range []image.Point{{300, 200}, {4000, 3000}} {
		m := image.NewRGBA(image.Rectangle{Max: size})
		for y := range size.Y {
			for x := range size.X {
				v := 128 + 60*math.Sin(float64(x)/17) + float64((x*7919+y*104729)%41)
				m.SetRGBA(x, y, color.RGBA{uint8(v), uint8(255 * y / size.Y), uint8(255 * x / size.X), 255})
			}
		}
		var data bytes.Buffer
		if err := jpeg.Encode(&data, m, &jpeg.Options{Quality: 85}); err != nil {
			b.Fatal(err)
		}
		spec := transform.Spec{Width: 224, Height: 224}
		dst := make([]float32, 3*224*224)
		b.Run(fmt.Sprintf("%dx%d", size.X, size.Y), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m, err := Decode(b.Context(), data.Bytes(), Options{})
				if err != nil {
					b.Fatal(err)
				}
				if err := spec.Apply(dst, m.Pix, m.W, m.H); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%dx%d/planes", size.X, size.Y), func(b *testing.B) {
			f := walkJPEG(data.Bytes())
			for b.Loop() {
				if _, err := decodeJPEG(data.Bytes(), f.frame, Reduction{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%dx%d/libraryPlanes", size.X, size.Y), func(b *testing.B) {
			for b.Loop() {
				if _, err := jpeg.Decode(bytes.NewReader(data.Bytes())); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
