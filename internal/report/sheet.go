package report

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strings"

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
	Title string // "": none
	Tiles []SheetTile
}

// SheetTile is one picture with an optional caption below it, which goes on in further lines at its spaces.
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

// WriteSheet draws s as a PNG. A title, or a word of a caption, too long for its place is cut. A sheet of more than 64 megapixels is
// an error.
func WriteSheet(w io.Writer, s Sheet) error {
	if s.Tile == 0 {
		s.Tile = tileSide
	}
	text, err := newLettering()
	if err != nil {
		return err
	}
	rows := s.layOut(text)
	width, height := s.size(rows)
	if width < 1 || height < 1 || width > maxSheet/height {
		return fmt.Errorf("report: a contact sheet of %d×%d pixels, want at most %d in all", width, height, maxSheet)
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(img, img.Rect, image.NewUniform(paper), image.Point{}, draw.Src)
	y := tileGap
	for i, row := range rows {
		if title := s.Rows[i].Title; title != "" {
			text.write(img, title, image.Rect(tileGap, y, width-tileGap, y+titleHeight), text.title, ink)
		}
		y += row.title
		for j, t := range s.Rows[i].Tiles {
			x := tileGap + j*(s.Tile+tileGap)
			drawTile(img, t.Image, image.Rect(x, y, x+s.Tile, y+s.Tile))
			for k, line := range row.captions[j] {
				at := y + s.Tile + k*captionLine
				text.write(img, line, image.Rect(x, at, x+s.Tile, at+captionLine), text.caption, muted)
			}
		}
		y += row.tiles
	}
	return png.Encode(w, img)
}

// rowLayout is where the parts of a row stand: heights in pixels.
type rowLayout struct {
	title, tiles int        // tiles with their captions and the gap behind them
	captions     [][]string // the lines of each tile's
}

// layOut breaks the captions into lines and measures the rows.
func (s Sheet) layOut(text *lettering) []rowLayout {
	rows := make([]rowLayout, len(s.Rows))
	for i, row := range s.Rows {
		l := &rows[i]
		if row.Title != "" {
			l.title = titleHeight
		}
		lines := 0
		for _, t := range row.Tiles {
			l.captions = append(l.captions, wrap(text.caption, t.Caption, s.Tile))
			lines = max(lines, len(l.captions[len(l.captions)-1]))
		}
		l.tiles = s.Tile + lines*captionLine + tileGap
	}
	return rows
}

// wrap breaks text at its spaces into lines that are no wider than width, where a word alone is not.
func wrap(face font.Face, text string, width int) []string {
	if text == "" {
		return nil
	}
	var lines []string
	for word := range strings.SplitSeq(text, " ") {
		if n := len(lines); n > 0 && font.MeasureString(face, lines[n-1]+" "+word) <= fixed.I(width) {
			lines[n-1] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// size returns the width and height of the whole sheet.
func (s Sheet) size(rows []rowLayout) (w, h int) {
	most := 3 // so that a title has some room
	h = tileGap
	for i, row := range s.Rows {
		most = max(most, len(row.Tiles))
		h += rows[i].title + rows[i].tiles
	}
	return tileGap + most*(s.Tile+tileGap), h
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
