package decode

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzDecode holds whatever comes to the promises of Decode: an error of one of two kinds, or a whole
// picture within the limits, and a budget that ends as it began.
func FuzzDecode(f *testing.F) {
	for _, path := range goldenFiles(f) {
		f.Add(readFile(f, path))
	}
	for _, c := range badCases(f) {
		if len(c.data) < 10000 {
			f.Add(c.data)
		}
	}
	const limit = 1 << 16
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, reduce := range []func(w, h int) Reduction{nil, reduceBy(4, 2)} {
			b := NewBudget(8 << 20)
			m, err := Decode(t.Context(), data, Options{MaxPixels: limit, Budget: b, Reduce: reduce})
			if err != nil {
				checkError(t, err)
				m = &Image{}
			} else if m.W < 1 || m.H < 1 || m.W*m.H > limit || m.Planes == nil && len(m.Pix) != 3*m.W*m.H {
				t.Errorf("%dx%d with %d bytes and %d planes", m.W, m.H, len(m.Pix), len(m.Planes))
			}
			m.Release()
			if b.used != 0 {
				t.Errorf("%d bytes of the budget are lost", b.used)
			}
		}
	})
}

func checkError(t *testing.T, err error) {
	t.Helper()
	var format FormatError
	var unsupported UnsupportedError
	if !errors.As(err, &format) && !errors.As(err, &unsupported) {
		t.Errorf("error of type %T: %v", err, err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error of several lines: %q", err)
	}
}

// FuzzExif looks for EXIF data that hangs or panics, and for orientations that there are not.
func FuzzExif(f *testing.F) {
	for _, c := range exifCases {
		f.Add(c.data)
	}
	for _, name := range []string{"orientation5.tiff", "group4.tiff"} {
		f.Add(readFile(f, filepath.Join(goldenDir, name)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if o := orientationOf(data); o < 1 || o > 8 {
			t.Errorf("orientation %d", o)
		}
	})
}
