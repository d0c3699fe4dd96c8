package report

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/graft-ml/graft/metric"
)

// Limits of a confusion matrix's parts, in classes.
const (
	maxNamed   = 40 // above it the classes have no room for names; the most confused pairs are listed instead
	maxNumbers = 20 // up to it every cell shows its percentage
)

// steps are the ranges of shares that have a colour of their own: few enough to tell apart and to look up.
// They are ColorBrewer's Blues and Oranges (C. Brewer), growing darker alike.
type steps struct {
	title  string
	from   []float64 // least share of each step; anything above zero is at least in the first
	colors []color.RGBA
}

var (
	right = steps{"right", []float64{0, 0.5, 0.75, 0.9, 0.95}, []color.RGBA{
		{0xc6, 0xdb, 0xef, 0xff}, {0x9e, 0xca, 0xe1, 0xff}, {0x6b, 0xae, 0xd6, 0xff},
		{0x31, 0x82, 0xbd, 0xff}, {0x08, 0x51, 0x9c, 0xff}}}
	wrong = steps{"wrong", []float64{0, 0.02, 0.05, 0.1, 0.25}, []color.RGBA{
		{0xfd, 0xd0, 0xa2, 0xff}, {0xfd, 0xae, 0x6b, 0xff}, {0xfd, 0x8d, 0x3c, 0xff},
		{0xe6, 0x55, 0x0d, 0xff}, {0xa6, 0x36, 0x03, 0xff}}}
)

// step is the index of the step that share falls in.
func (s steps) step(share float64) int {
	i := 0
	for i+1 < len(s.from) && share >= s.from[i+1] {
		i++
	}
	return i
}

// matrix is the plot of a confusion matrix under construction.
type matrix struct {
	*figure
	r          *metric.Report
	k          int
	x, y, side vg.Length // of the grid of cells: left, bottom, and size
	cell       vg.Length
	names      []string // nil if there is no room
}

// PlotConfusion draws the confusion matrix as SVG. A cell's colour is the share of its true class's pictures:
// blue for the right answers on the diagonal, orange for the wrong ones. Up to 40 classes have their names on the
// axes; with more the most confused pairs are listed beside the matrix.
func PlotConfusion(w io.Writer, r *metric.Report) error {
	if len(r.Confusion) == 0 || len(r.PerClass) != len(r.Confusion) {
		return errors.New("report: confusion matrix: the report has none (pictures with several labels have no single prediction)")
	}
	m := newMatrix(r)
	m.header()
	m.axes()
	m.cells()
	if m.names == nil {
		m.pairs()
	}
	return m.write(w)
}

// newMatrix lays the figure out. Sizes are in points.
func newMatrix(r *metric.Report) *matrix {
	const header, margin, axisTitle = 62, 18, 20
	m := &matrix{r: r, k: len(r.Confusion)}
	var nameRoom vg.Length
	listRoom := vg.Length(300)
	if m.k <= maxNamed {
		listRoom = 0
		k := vg.Length(m.k)
		m.cell = max(min(40, max(14, 480/k)), 200/k)
		for _, c := range r.PerClass {
			name := label(c.Class, 24)
			m.names = append(m.names, name)
			nameRoom = max(nameRoom, textWidth(m.nameStyle(), name)+8)
		}
	} else {
		m.cell = 500 / vg.Length(m.k)
	}
	m.side = m.cell * vg.Length(m.k)
	m.x, m.y = margin+axisTitle+nameRoom, margin+axisTitle+nameRoom
	width := max(m.x+m.side+listRoom+margin, 440)
	m.figure = newFigure(width, m.y+m.side+header)
	return m
}

func (m *matrix) nameStyle() draw.TextStyle {
	return style(min(normal, m.cell*0.72), ink)
}

// header is the title and the key to the colours.
func (m *matrix) header() {
	const left = 18
	top := m.Max.Y
	m.textLeft(bold(style(large, ink)), left, top-20, "Confusion matrix")
	m.textLeft(style(small, muted), left, top-38, "share of each true class, in %")
	x := m.x + m.side
	if m.names != nil {
		x = m.Max.X - left
	}
	for _, s := range []steps{wrong, right} {
		x = m.key(s, x, top-20) - 16
	}
}

// key draws one scale of colours, right-aligned at x, and returns its left end.
func (m *matrix) key(s steps, x, y vg.Length) vg.Length {
	const w, h = 20, 9
	labels := centred(style(7, muted))
	x -= w * vg.Length(len(s.colors))
	m.textLeft(labels, x+w*vg.Length(len(s.colors)), y-h/2-7, "100")
	for i, c := range s.colors {
		left := x + w*vg.Length(i)
		m.rect(left, y-h/2, w-1, h, c)
		m.textLeft(labels, left, y-h/2-7, fmt.Sprint(math.Round(100*s.from[i])))
	}
	st := style(small, ink)
	m.textRight(st, x-6, y, s.title)
	return x - 6 - textWidth(st, s.title)
}

// axes draws the names of the classes, if there is room, and those of the axes.
func (m *matrix) axes() {
	title := bold(style(small, muted))
	mid := m.side / 2
	across, up := "predicted class", "true class"
	if m.names == nil {
		across = fmt.Sprintf("predicted class (all %d, by name)", m.k)
	}
	m.textLeft(centred(title), m.x+mid, 16, across)
	title.Rotation = math.Pi / 2
	m.textLeft(centred(title), 18, m.y+mid, up)

	st := m.nameStyle()
	for i, name := range m.names {
		at := m.cell * (vg.Length(i) + 0.5)
		m.textRight(st, m.x-6, m.y+m.side-at, name)
		m.Push()
		m.Translate(vg.Point{X: m.x + at, Y: m.y - 6})
		m.Rotate(math.Pi / 2)
		m.textRight(st, 0, 0, name)
		m.Pop()
	}
}

// cells draws the cells that are not empty, and a frame around all.
func (m *matrix) cells() {
	line := draw.LineStyle{Color: grid, Width: 0.75}
	gap := vg.Length(1)
	if m.names == nil {
		gap = 0
	} else {
		for i := 1; i < m.k; i++ {
			at := m.cell * vg.Length(i)
			m.StrokeLine2(line, m.x+at, m.y, m.x+at, m.y+m.side)
			m.StrokeLine2(line, m.x, m.y+at, m.x+m.side, m.y+at)
		}
	}
	// A cell of a thousand classes would be too small to see.
	size := max(m.cell-gap, 1.5)
	for i, row := range m.r.Confusion {
		for j, n := range row {
			if n == 0 {
				continue
			}
			share := float64(n) / float64(m.r.PerClass[i].Support)
			scale := wrong
			if i == j {
				scale = right
			}
			step := scale.step(share)
			x, y := m.x+m.cell*vg.Length(j), m.y+m.side-m.cell*vg.Length(i+1)
			m.rect(x+gap/2, y+gap/2, size, size, scale.colors[step])
			if m.k <= maxNumbers {
				m.number(x+m.cell/2, y+m.cell/2, share, step)
			}
		}
	}
	m.frame(m.x, m.y, m.side, m.side, line)
}

func (m *matrix) number(x, y vg.Length, share float64, step int) {
	c := color.RGBA(ink)
	if step >= 3 {
		c = paper
	}
	s := fmt.Sprint(math.Round(100 * share))
	if s == "0" {
		s = "<1"
	}
	m.textLeft(centred(style(min(normal, m.cell*0.38), c)), x, y, s)
}

// pairs lists the most confused pairs right of the matrix.
func (m *matrix) pairs() {
	const most, lineHeight, columns = 14, 30, 26
	pairs := confusions(m.r)
	x, y := m.x+m.side+24, m.y+m.side-6
	m.textLeft(bold(style(normal, ink)), x, y, "Most often confused")
	if len(pairs) == 0 {
		m.textLeft(style(small, muted), x, y-20, "no picture was")
	}
	right := m.Max.X - 18
	for i, p := range pairs[:min(most, len(pairs))] {
		at := y - 22 - lineHeight*vg.Length(i)
		m.textLeft(style(small, ink), x, at, label(p.class, columns))
		m.textLeft(style(small, muted), x, at-12, "taken for "+label(p.takenFor, columns))
		m.textRight(style(small, ink), right, at, oneDecimal(p.share())+" %")
		m.textRight(style(small, muted), right, at-12, fmt.Sprintf("%d of %d", p.count, p.of))
	}
}
