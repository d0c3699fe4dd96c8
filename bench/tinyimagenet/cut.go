package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graft-ml/graft/internal/decode"
)

// cutter cuts mosaics, and counts what it has cut.
type cutter struct {
	files string // the end of the names of those that are cut, without the extension
	side  int    // pixels

	pictures, classes int
}

// What a mosaic may be: its file in bytes, its pixels, and those of a picture a side.
const (
	maxFile   = 64 << 20
	maxPixels = 64 << 20
	maxSide   = 1024
)

// run cuts the mosaics in the folder src into the new folder dst. On an error there is no dst.
func (c *cutter) run(ctx context.Context, src, dst string) error {
	if c.side < 1 || c.side > maxSide {
		return fmt.Errorf("pictures of %d pixels a side, want 1 to %d", c.side, maxSide)
	}
	if _, err := os.Lstat(dst); err == nil {
		return fmt.Errorf("%s: %w: it is not overwritten", dst, fs.ErrExist)
	}
	names, err := readClasses(filepath.Join(src, "classes.tsv"))
	if err != nil {
		return err
	}
	mosaics, err := c.find(src)
	if err != nil {
		return err
	}
	work := filepath.Clean(dst) + ".partial" // a killed run leaves it, and the next one says so
	if err := os.Mkdir(work, 0o777); err != nil {
		return err
	}
	defer os.RemoveAll(work) // of what was renamed nothing is left there
	for _, m := range mosaics {
		if err := ctx.Err(); err != nil {
			return err
		}
		class, ok := names[m.class]
		if !ok {
			return fmt.Errorf("%s: classes.tsv has no class %q", m.path, m.class)
		}
		if err := c.cut(ctx, m, filepath.Join(work, class)); err != nil {
			return fmt.Errorf("%s: %w", m.path, err)
		}
	}
	return os.Rename(work, dst)
}

// mosaic is a file with pictures of one class.
type mosaic struct{ path, stem, class string }

// find lists the mosaics in dir that are to be cut, in the order of their names.
func (c *cutter) find(dir string) ([]mosaic, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []mosaic
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		stem := strings.TrimSuffix(e.Name(), ext)
		class, _, numbered := strings.Cut(stem, "_")
		if (ext == ".webp" || ext == ".png") && numbered && e.Type().IsRegular() && strings.HasSuffix(stem, c.files) {
			found = append(found, mosaic{filepath.Join(dir, e.Name()), stem, class})
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: no mosaics (looked for CLASS_NUMBER.webp and .png, with %q before the extension)", dir, c.files)
	}
	return found, nil
}

// cut writes the pictures of m to the folder dir.
func (c *cutter) cut(ctx context.Context, m mosaic, dir string) error {
	info, err := os.Stat(m.path)
	if err != nil {
		return err
	}
	if info.Size() > maxFile {
		return fmt.Errorf("%d MB, want at most %d", info.Size()>>20, maxFile>>20)
	}
	data, err := os.ReadFile(m.path)
	if err != nil {
		return err
	}
	whole, err := decode.Decode(ctx, data, decode.Options{MaxPixels: maxPixels})
	if err != nil {
		return err
	}
	if whole.W%c.side != 0 || whole.H%c.side != 0 {
		return fmt.Errorf("%dx%d pixels, want a multiple of %d both ways", whole.W, whole.H, c.side)
	}
	switch err := os.Mkdir(dir, 0o777); {
	case err == nil:
		c.classes++
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	columns := whole.W / c.side
	n := columns * (whole.H / c.side)
	digits := max(2, len(fmt.Sprint(n-1)))
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("%s_%0*d.png", m.stem, digits, i))
		if err := writePNG(path, piece(whole, i%columns*c.side, i/columns*c.side, c.side)); err != nil {
			return err
		}
		c.pictures++
	}
	return nil
}

// piece returns the square of so many pixels a side whose corner is (x0, y0).
func piece(whole *decode.Image, x0, y0, side int) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		from := whole.Pix[3*((y0+y)*whole.W+x0):][:3*side]
		to := out.Pix[y*out.Stride:][:4*side]
		for x := range side {
			copy(to[4*x:], from[3*x:3*x+3])
			to[4*x+3] = 255
		}
	}
	return out
}

// writePNG writes a file that does not exist yet.
func writePNG(path string, m image.Image) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(f, m), f.Close())
}

// readClasses reads classes.tsv: the name of the folder of each class, which is the first of its names, and no other's.
func readClasses(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	folders := map[string]string{}
	var taken []string
	for line := range strings.Lines(string(text)) {
		class, names, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		name, _, _ := strings.Cut(names, ",")
		name = strings.TrimSpace(name)
		if !ok || class == "" || name == "" || !filepath.IsLocal(name) || strings.ContainsAny(name, `/\:`) {
			return nil, fmt.Errorf("%s: line %q, want a class, a tab and its names, of which the first can be a folder's", path, line)
		}
		if folders[class] != "" {
			return nil, fmt.Errorf("%s: class %q is there twice", path, class)
		}
		if slices.Contains(taken, name) {
			name += " " + class
		}
		folders[class], taken = name, append(taken, name)
	}
	return folders, nil
}
