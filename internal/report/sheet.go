package report

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Sheet is a contact sheet: rows of small pictures, each row with a title.
type Sheet struct {
	Tile int // side of the square that a picture is fitted into, in pixels; 0: 112
	Rows []SheetRow
}

// SheetRow is one row of a contact sheet.
type SheetRow struct {
	Title string
	Tiles []SheetTile
}

// SheetTile is one picture with an optional caption below it.
type SheetTile struct {
	Image   image.Image
	Caption string
}

// Measures of a sheet, in pixels.
const (
	tileSide    = 112
	tileGap     = 6
	titleHeight = 26
	captionLine = 16
	maxSheet    = 64 << 20 // pixels of a whole sheet
)

// WriteSheet draws s as a PNG. A title or caption too long for its place is cut. A sheet of more than 64 megapixels is
// an error.
func WriteSheet(w io.Writer, s Sheet) error {
	if s.Tile == 0 {
		s.Tile = tileSide
	}
	text, err := newLettering()
	if err != nil {
		return err
	}
	width, height := s.size()
	if width < 1 || height < 1 || width > maxSheet/height {
		return fmt.Errorf("report: a contact sheet of %d×%d pixels, want at most %d in all", width, height, maxSheet)
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(img, img.Rect, image.NewUniform(paper), image.Point{}, draw.Src)
	y := tileGap
	for _, row := range s.Rows {
		text.write(img, row.Title, image.Rect(tileGap, y, width-tileGap, y+titleHeight), text.title, ink)
		y += titleHeight
		for i, t := range row.Tiles {
			x := tileGap + i*(s.Tile+tileGap)
			drawTile(img, t.Image, image.Rect(x, y, x+s.Tile, y+s.Tile))
			if t.Caption != "" {
				text.write(img, t.Caption, image.Rect(x, y+s.Tile, x+s.Tile, y+s.Tile+captionLine), text.caption, muted)
			}
		}
		y += row.height(s.Tile)
	}
	return png.Encode(w, img)
}

// size returns the width and height of the whole sheet.
func (s Sheet) size() (w, h int) {
	most := 3 // so that a title has some room
	h = tileGap
	for _, row := range s.Rows {
		most = max(most, len(row.Tiles))
		h += titleHeight + row.height(s.Tile)
	}
	return tileGap + most*(s.Tile+tileGap), h
}

// height is that of a row's tiles with their captions and the gap behind them.
func (r SheetRow) height(tile int) int {
	h := tile + tileGap
	for _, t := range r.Tiles {
		if t.Caption != "" {
			return h + captionLine
		}
	}
	return h
}

// drawTile fits m into the rectangle r, centred.
func drawTile(dst draw.Image, m image.Image, r image.Rectangle) {
	draw.Draw(dst, r, image.NewUniform(grid), image.Point{}, draw.Src)
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	if w == 0 || h == 0 {
		return
	}
	side := r.Dx()
	tw, th := side, max(1, side*h/w)
	if h > w {
		tw, th = max(1, side*w/h), side
	}
	at := r.Min.Add(image.Pt((side-tw)/2, (side-th)/2))
	draw.BiLinear.Scale(dst, image.Rectangle{at, at.Add(image.Pt(tw, th))}, m, m.Bounds(), draw.Src, nil)
}

// lettering is what titles and captions are written with.
type lettering struct{ title, caption font.Face }

func newLettering() (*lettering, error) {
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	face := func(size float64) (font.Face, error) {
		return opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
	}
	title, err := face(large + 2)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	caption, err := face(normal + 1)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return &lettering{title, caption}, nil
}

// write writes one line into r, cut with an ellipsis where it is too long.
func (l *lettering) write(dst draw.Image, s string, r image.Rectangle, face font.Face, c color.Color) {
	room := fixed.I(r.Dx())
	if font.MeasureString(face, s) > room {
		runes := []rune(s)
		for len(runes) > 0 && font.MeasureString(face, string(runes)+"…") > room {
			runes = runes[:len(runes)-1]
		}
		s = string(runes) + "…"
	}
	d := font.Drawer{Dst: dst, Src: image.NewUniform(c), Face: face, Dot: fixed.P(r.Min.X, r.Max.Y-(r.Dy()-face.Metrics().Ascent.Round())/2)}
	d.DrawString(s)
}
