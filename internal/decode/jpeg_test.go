package decode

import (
	"bytes"
	"errors"
	"hash/crc32"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"
)

// jpegGoldens are small files of every kind: subsampled, progressive, with restarts, of four channels.
var jpegGoldens = []string{"420_17x2.jpg", "gray.jpg", "restart.jpg", "progressive.jpg", "progressive_422.jpg", "mixed.jpg", "cmyk.jpg", "ycck_halved.jpg"}

// decodeUnguarded is Decode for a JPEG, less the recover and the budget.
func decodeUnguarded(data []byte, maxPixels int, reduce func(w, h int) Reduction) (*Image, error) {
	h, err := jpegHeader(data)
	if err != nil {
		return nil, err
	}
	h.reduce(reduce)
	if err := (Options{MaxPixels: maxPixels}).check(0, h, len(data)); err != nil {
		return nil, err
	}
	return jpegPixels(data, h)
}

// The planes are within the inverse DCT's tolerance of image/jpeg's, which computes it in another way.
func TestJPEGPlanesAreNearTheLibrarys(t *testing.T) {
	const tolerance = 2
	rng := rand.New(rand.NewPCG(3, 4))
	for _, size := range []image.Point{{1, 1}, {8, 8}, {17, 31}, {64, 16}, {100, 75}} {
		for _, quality := range []int{1, 50, 90, 100} {
			src := image.NewRGBA(image.Rectangle{Max: size})
			for i := range src.Pix {
				src.Pix[i] = uint8(128 + 90*math.Sin(float64(i)/70) + 37*rng.Float64())
			}
			var b bytes.Buffer
			if err := jpeg.Encode(&b, src, &jpeg.Options{Quality: quality}); err != nil {
				t.Fatal(err)
			}
			m, err := jpeg.Decode(bytes.NewReader(b.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			d, err := decodeJPEG(b.Bytes(), walkJPEG(b.Bytes()).frame, Reduction{})
			if err != nil {
				t.Fatal(err)
			}
			want := m.(*image.YCbCr)
			for i, p := range []plane{{pix: want.Y, stride: want.YStride}, {pix: want.Cb, stride: want.CStride}, {pix: want.Cr, stride: want.CStride}} {
				c := &d.channels[i]
				for y := range c.height {
					for x := range c.width {
						got, want := int(c.pix[8*c.row*y+x]), int(p.pix[p.stride*y+x])
						if got-want > tolerance || want-got > tolerance {
							t.Fatalf("%v, quality %d, channel %d: sample (%d, %d) is %d, want %d±%d", size, quality, i, x, y, got, want, tolerance)
						}
					}
				}
			}
		}
	}
}

// idctExact is the inverse DCT of T.81 A.3.3 as it is written there, in floats.
func idctExact(b *block, q *[64]int32) (out [64]float64) {
	for y := range 8 {
		for x := range 8 {
			sum := 0.0
			for v := range 8 {
				for u := range 8 {
					c := float64(b[8*v+u]) * float64(q[8*v+u]) / 4
					if u == 0 {
						c *= math.Sqrt2 / 2
					}
					if v == 0 {
						c *= math.Sqrt2 / 2
					}
					sum += c * math.Cos(float64((2*x+1)*u)*math.Pi/16) * math.Cos(float64((2*y+1)*v)*math.Pi/16)
				}
			}
			out[8*y+x] = sum + 128
		}
	}
	return out
}

func TestIDCTIsTheStandards(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for n := range 300 {
		var b block
		var q [64]int32
		for i := range b {
			q[i] = 1 + rng.Int32N(40)
			if rng.IntN(64) < n/4 {
				b[i] = int16(rng.IntN(200)-100) / int16(1+i/4)
			}
		}
		var got [64]uint8
		idct(got[:], 8, &b, &q)
		for i, want := range idctExact(&b, &q) {
			want = min(max(want, 0), 255)
			if d := math.Abs(float64(got[i]) - want); d > 0.6 { // half a level is the rounding's
				t.Fatalf("block %d: sample %d is %d, want %.2f", n, i, got[i], want)
			}
		}
	}
}

func TestFlatBlocksAreAsAnyOther(t *testing.T) {
	for mean := -1100; mean <= 1100; mean++ {
		for _, q := range []int32{1, 3, 16, 255} {
			if mean*int(q) < -8192 || mean*int(q) > 8192 {
				continue // four times what 8-bit samples have, and soon beyond 32 bits
			}
			b, table := block{int16(mean)}, [64]int32{q}
			var got, want [64]uint8
			idctFlat(got[:], 8, 8, 8, b[0], q)
			idct(want[:], 8, &b, &table)
			if got != want {
				t.Fatalf("mean %d times %d gives %d, want %d", mean, q, got[0], want[0])
			}
		}
	}
}

// A file that ends anywhere before its end is refused, and never by a panic.
func TestJPEGCutAnywhere(t *testing.T) {
	for _, name := range jpegGoldens {
		data := golden(t, name)
		for n := 3; n < len(data); n++ {
			_, err := guard(0, func() (*Image, error) { return decodeUnguarded(data[:n:n], 0, nil) })
			var format FormatError
			if !errors.As(err, &format) || bytes.Contains([]byte(err.Error()), []byte("stopped with")) {
				t.Fatalf("%s cut to %d of %d bytes: %v, want a FormatError", name, n, len(data), err)
			}
			if _, reduced := guard(0, func() (*Image, error) { return decodeUnguarded(data[:n:n], 0, reduceBy(8, 4)) }); reduced != err {
				t.Fatalf("%s cut to %d of %d bytes: %v whole, and %v reduced", name, n, len(data), err, reduced)
			}
		}
	}
}

// A file with damaged bytes is a picture or an error of this package, and never a panic.
func TestJPEGDamagedAnywhere(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, name := range jpegGoldens {
		data := golden(t, name)
		for range 300 {
			bad := bytes.Clone(data)
			for range 1 + rng.IntN(4) {
				bad[2+rng.IntN(len(bad)-2)] = uint8(rng.Uint32())
			}
			decodeBothWays(t, bad, reduceBy(1+rng.IntN(16), 1+rng.IntN(16)))
		}
	}
}

// FuzzJPEG runs the decoder without the recover that Decode has for others.
func FuzzJPEG(f *testing.F) {
	for _, name := range jpegGoldens {
		f.Add(golden(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 3 {
			return // no file that is taken for a JPEG is shorter
		}
		seed := crc32.ChecksumIEEE(data)
		decodeBothWays(t, data, reduceBy(1+int(seed%19), 1+int(seed/19%19)))
	})
}
