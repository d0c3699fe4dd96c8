package report

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strings"
	"testing"

	"golang.org/x/image/draw"
)

// flat returns a picture of one colour.
func flat(w, h int, c color.Color) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(m, m.Rect, image.NewUniform(c), image.Point{}, draw.Src)
	return m
}

func TestSheet(t *testing.T) {
	red, green := color.RGBA{200, 0, 0, 255}, color.RGBA{0, 200, 0, 255}
	s := Sheet{Tile: 40, Rows: []SheetRow{
		{Title: "first: " + strings.Repeat("very long ", 40), Tiles: []SheetTile{{flat(80, 40, red), ""}, {flat(10, 30, green), ""}}},
		{Title: "second", Tiles: []SheetTile{{flat(40, 40, red), "caption that is too long"}, {flat(40, 40, red), "unbreakableandtoolong"}}},
		{Tiles: []SheetTile{{flat(40, 40, green), "x"}}},
		{Title: "empty"},
		{Title: "no pixels", Tiles: []SheetTile{{Image: image.NewRGBA(image.Rectangle{})}}},
	}}
	var b bytes.Buffer
	if err := WriteSheet(&b, s); err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	text, err := newLettering()
	if err != nil {
		t.Fatal(err)
	}
	rows := s.layOut(text)
	w, h := s.size(rows)
	if m.Bounds() != image.Rect(0, 0, w, h) {
		t.Fatalf("sheet is %v, want %d×%d", m.Bounds(), w, h)
	}
	if n := len(rows[1].captions[0]); n < 2 || rows[1].tiles != 40+n*captionLine+tileGap {
		t.Errorf("a caption that is too long is in %q, and its row %d high", rows[1].captions[0], rows[1].tiles)
	}
	top := tileGap + titleHeight
	untitled := top + rows[0].tiles + titleHeight + rows[1].tiles
	for _, c := range []struct {
		at   string
		x, y int
		want color.RGBA
	}{
		{"middle of a wide picture", tileGap + 20, top + 20, red},
		{"above it", tileGap + 20, top + 4, grid},
		{"middle of a tall picture", 2*tileGap + 40 + 20, top + 20, green},
		{"beside it", 2*tileGap + 40 + 4, top + 20, grid},
		{"picture without a title", tileGap + 20, untitled + 1, green},
		{"margin right of a cut title", w - 2, tileGap + titleHeight/2, paper},
	} {
		if got := color.RGBAModel.Convert(m.At(c.x, c.y)); got != c.want {
			t.Errorf("%s: %v, want %v", c.at, got, c.want)
		}
	}
}

func TestSheetTooLarge(t *testing.T) {
	s := Sheet{Tile: 1 << 15, Rows: []SheetRow{{Title: "x"}, {Title: "y"}}}
	if err := WriteSheet(io.Discard, s); err == nil || !strings.Contains(err.Error(), fmt.Sprint(maxSheet)) {
		t.Errorf("error %v, want one that names the limit", err)
	}
}
