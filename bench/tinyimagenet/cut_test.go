package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const side = 4

// pixel is what stands at (x, y) of picture number i of a mosaic.
func pixel(i, x, y int) color.NRGBA {
	return color.NRGBA{uint8(40 * i), uint8(50 * x), uint8(60 * y), 255}
}

// writeMosaic writes one of 3×2 pictures.
func writeMosaic(t *testing.T, path string) {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 3*side, 2*side))
	for y := range 2 * side {
		for x := range 3 * side {
			m.SetNRGBA(x, y, pixel(y/side*3+x/side, x%side, y%side))
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	write(t, path, b.String())
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// mosaics makes a folder with three mosaics of three classes, two of which share their first name.
func mosaics(t *testing.T) string {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "classes.tsv"), "n01\tgoldfish, Carassius auratus\nn02\tcrane\r\nn03\tcrane\nn04\tnever seen\n")
	for _, name := range []string{"n01_0.webp", "n01_1.webp", "n02_0.png", "n03_0.webp"} {
		writeMosaic(t, filepath.Join(dir, name)) // the content says what a file is
	}
	write(t, filepath.Join(dir, "README.txt"), "no mosaic")
	return dir
}

func TestCut(t *testing.T) {
	dir := mosaics(t)
	for files, want := range map[string]struct{ pictures, classes int }{"": {24, 3}, "_0": {18, 3}, "_1": {6, 1}} {
		out := filepath.Join(t.TempDir(), "out")
		c := cutter{files: files, side: side}
		if err := c.run(t.Context(), dir, out); err != nil {
			t.Fatal(err)
		}
		paths, err := filepath.Glob(filepath.Join(out, "*", "*.png"))
		if err != nil || len(paths) != want.pictures || c.pictures != want.pictures || c.classes != want.classes {
			t.Errorf("files %q: %d files, %d pictures of %d classes, want %+v, error %v", files, len(paths), c.pictures, c.classes, want, err)
		}
		if files == "_1" {
			continue
		}
		for i := range 6 {
			checkPicture(t, filepath.Join(out, "goldfish", fmt.Sprintf("n01_0_%02d.png", i)), i)
		}
		for _, folder := range []string{"crane", "crane n03"} {
			checkPicture(t, filepath.Join(out, folder, map[string]string{"crane": "n02", "crane n03": "n03"}[folder]+"_0_05.png"), 5)
		}
		if _, err := os.Stat(out + ".partial"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the folder of the work is left: %v", err)
		}
	}
}

// checkPicture compares a file with picture number i of a mosaic, pixel by pixel.
func checkPicture(t *testing.T, path string, i int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil || m.Bounds() != image.Rect(0, 0, side, side) {
		t.Fatalf("%s: %v, %v", path, m.Bounds(), err)
	}
	for y := range side {
		for x := range side {
			if got := color.NRGBAModel.Convert(m.At(x, y)); got != pixel(i, x, y) {
				t.Fatalf("%s: (%d, %d) is %v, want %v", path, x, y, got, pixel(i, x, y))
			}
		}
	}
}

// What cannot be cut is named, and leaves nothing.
func TestCutRefuses(t *testing.T) {
	replaced := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { write(t, filepath.Join(dir, name), text) }
	}
	for want, c := range map[string]struct {
		change func(t *testing.T, dir string)
		cutter cutter
	}{
		"n01_0.webp: ":                           {replaced("n01_0.webp", "RIFF"), cutter{side: side}},
		"12x8 pixels, want a multiple of 5":      {nil, cutter{side: 5}},
		"want 1 to 1024":                         {nil, cutter{}},
		"no mosaics":                             {nil, cutter{side: side, files: "_7"}},
		`classes.tsv has no class "n03"`:         {replaced("classes.tsv", "n01\ta\nn02\tb\n"), cutter{side: side}},
		`class "n01" is there twice`:             {replaced("classes.tsv", "n01\ta\nn01\tb\n"), cutter{side: side}},
		`line "n01", want a class, a tab`:        {replaced("classes.tsv", "n01"), cutter{side: side}},
		`line "n01\t../evil", want a class`:      {replaced("classes.tsv", "n01\t../evil"), cutter{side: side}},
		"classes.tsv: no such file or directory": {func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "classes.tsv")) }, cutter{side: side}},
	} {
		dir, out := mosaics(t), filepath.Join(t.TempDir(), "out")
		if c.change != nil {
			c.change(t, dir)
		}
		if err := c.cutter.run(t.Context(), dir, out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if left, err := os.ReadDir(filepath.Dir(out)); err != nil || len(left) > 0 {
			t.Errorf("%s: %d files are left, error %v", want, len(left), err)
		}
	}
}

func TestCutNeverOverwrites(t *testing.T) {
	out := t.TempDir()
	if err := (&cutter{side: side}).run(t.Context(), mosaics(t), out); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v", err)
	}
	if err := os.Mkdir(out+"x.partial", 0o777); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(out + "x.partial")
	if err := (&cutter{side: side}).run(t.Context(), mosaics(t), out+"x"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("with a folder of a killed run: error %v", err)
	}
}
