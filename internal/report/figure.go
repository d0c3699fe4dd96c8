package report

import (
	"bytes"
	"image/color"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/image/font"
	"gonum.org/v1/plot"
	plotfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Colours. The two that carry meaning are blue and vermilion of Okabe and Ito's palette (2008), which people with
// any kind of colour blindness can tell apart.
var (
	ink       = color.RGBA{0x22, 0x22, 0x22, 0xff}
	muted     = color.RGBA{0x6b, 0x6b, 0x6b, 0xff}
	grid      = color.RGBA{0xe6, 0xe6, 0xe6, 0xff}
	paper     = color.RGBA{0xff, 0xff, 0xff, 0xff}
	blue      = color.RGBA{0x00, 0x72, 0xb2, 0xff}
	vermilion = color.RGBA{0xd5, 0x5e, 0x00, 0xff}
)

// Sizes of text, in points.
const (
	small  = 9
	normal = 10
	large  = 13
)

// figure is an SVG under construction. Its coordinates are points from the left and from the bottom.
type figure struct {
	draw.Canvas
	svg *vgsvg.Canvas
}

func newFigure(w, h vg.Length) *figure {
	svg := vgsvg.New(w, h)
	f := &figure{Canvas: draw.New(svg), svg: svg}
	f.rect(0, 0, w, h, paper)
	return f
}

// plotFonts is how gonum names the font that its layout was measured with, and families what a viewer should
// look for instead: fonts of the very same widths, then any without serifs.
const (
	plotFonts = `style="font-family:Liberation Sans;`
	families  = `style="font-family:Liberation Sans,Arial,Helvetica,sans-serif;`
)

func (f *figure) write(w io.Writer) error {
	var b bytes.Buffer
	if _, err := f.svg.WriteTo(&b); err != nil {
		return err
	}
	_, err := w.Write(bytes.ReplaceAll(b.Bytes(), []byte(plotFonts), []byte(families)))
	return err
}

// rect fills a rectangle whose lower left corner is (x, y).
func (f *figure) rect(x, y, w, h vg.Length, c color.Color) {
	f.FillPolygon(c, []vg.Point{{X: x, Y: y}, {X: x + w, Y: y}, {X: x + w, Y: y + h}, {X: x, Y: y + h}})
}

// frame strokes the border of a rectangle.
func (f *figure) frame(x, y, w, h vg.Length, style draw.LineStyle) {
	f.StrokeLines(style, []vg.Point{{X: x, Y: y}, {X: x + w, Y: y}, {X: x + w, Y: y + h}, {X: x, Y: y + h}, {X: x, Y: y}})
}

// style is text of a size and colour that begins at its point and is centred upon it vertically.
func style(size vg.Length, c color.Color) draw.TextStyle {
	return draw.TextStyle{
		Color:   c,
		Font:    plotfont.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		XAlign:  draw.XLeft,
		YAlign:  draw.YCenter,
		Handler: plot.DefaultTextHandler,
	}
}

func bold(s draw.TextStyle) draw.TextStyle {
	s.Font.Weight = font.WeightBold
	return s
}

func centred(s draw.TextStyle) draw.TextStyle {
	s.XAlign = draw.XCenter
	return s
}

// textLeft draws s from x on, textRight up to x.
func (f *figure) textLeft(st draw.TextStyle, x, y vg.Length, s string) {
	f.FillText(st, vg.Point{X: x, Y: y}, s)
}

func (f *figure) textRight(st draw.TextStyle, x, y vg.Length, s string) {
	f.FillText(st, vg.Point{X: x - textWidth(st, s), Y: y}, s)
}

// textWidth measures s. The font at hand has neither East Asian characters nor �, which are about one size wide in
// the fonts that viewers take instead.
func textWidth(st draw.TextStyle, s string) vg.Length {
	wide := 0
	narrow := strings.Map(func(r rune) rune {
		if isWide(r) || r == utf8.RuneError {
			wide++
			return -1
		}
		return r
	}, s)
	return st.Width(narrow) + vg.Length(wide)*st.Font.Size
}

// label makes a class's name fit for a plot.
func label(name string, columns int) string { return Shorten(Printable(name), columns) }

// newPlot returns a plot that has no frame, with plain numbers at its axes and a label below.
func newPlot(below string) *plot.Plot {
	pl := plot.New()
	pl.BackgroundColor = nil
	pl.X.Label.Text = below
	pl.X.Label.TextStyle = centred(style(small, muted))
	pl.X.Label.TextStyle.YAlign = draw.YBottom
	for _, axis := range []*plot.Axis{&pl.X, &pl.Y} {
		plain := style(small, muted)
		plain.XAlign, plain.YAlign = axis.Tick.Label.XAlign, axis.Tick.Label.YAlign
		axis.Tick.Label = plain
		axis.LineStyle.Width, axis.Tick.LineStyle.Width = 0, 0
		axis.Tick.Length, axis.Padding = 4, 0
	}
	return pl
}
