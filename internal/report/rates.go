package report

import (
	"errors"
	"fmt"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Rate is the loss of a step at a learning rate, and the mean of the losses so far.
type Rate struct{ Rate, Loss, Smooth float64 }

// PlotRates draws the loss over the learning rate, on a logarithmic axis, as SVG: each step's as a dot, their mean
// as a line, and the suggested rate as a line across. It is an error if there are fewer than two points.
func PlotRates(w io.Writer, points []Rate, suggested float64) error {
	if len(points) < 2 {
		return errors.New("report: learning rates: fewer than two points")
	}
	const width, height, header = 560, 320, 52
	f := newFigure(width, height)
	f.textLeft(bold(style(large, ink)), 16, height-22, "Loss over learning rate")
	f.textRight(style(small, muted), width-20, height-22, fmt.Sprintf("suggested: %.2g", suggested))
	r := &ratePanel{suggested: suggested}
	for _, p := range points {
		r.dots = append(r.dots, plotter.XY{X: math.Log10(p.Rate), Y: p.Loss})
		r.line = append(r.line, plotter.XY{X: math.Log10(p.Rate), Y: p.Smooth})
	}
	r.draw(draw.Crop(f.Canvas, 16, -24, 10, -header))
	return f.write(w)
}

// ratePanel draws the curve.
type ratePanel struct {
	dots, line plotter.XYs
	suggested  float64
}

func (r *ratePanel) draw(c draw.Canvas) {
	pl := newPlot("learning rate")
	xLow, xHigh, low, high := plotter.XYRange(r.line)
	step := roundStep((high-low)/5, 1e-3)
	pl.Y.Min, pl.Y.Max = math.Floor(low/step)*step, math.Ceil(high/step)*step+step
	pl.X.Min, pl.X.Max = xLow, xHigh
	decimals := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	pl.Y.Tick.Marker = ticks(step, func(v float64) string { return fmt.Sprintf("%.*f", decimals, v) })
	pl.X.Tick.Marker = ticks(1, func(v float64) string { return fmt.Sprintf("1e%d", int(v)) })
	lines := plotter.NewGrid()
	lines.Vertical = draw.LineStyle{Color: grid, Width: 0.75}
	lines.Horizontal = lines.Vertical
	pl.Add(lines, r)
	pl.Draw(c)
}

// Plot draws the dots that lie within the axes, the line, and the suggested rate.
func (r *ratePanel) Plot(c draw.Canvas, pl *plot.Plot) {
	trX, trY := pl.Transforms(&c)
	at := trX(math.Log10(r.suggested))
	c.StrokeLine2(bestLine, at, c.Min.Y, at, c.Max.Y)
	for _, p := range r.dots {
		if p.Y >= pl.Y.Min && p.Y <= pl.Y.Max {
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: blue, Radius: 1.25, Shape: draw.CircleGlyph{}}, vg.Point{X: trX(p.X), Y: trY(p.Y)})
		}
	}
	line := make([]vg.Point, len(r.line))
	for i, p := range r.line {
		line[i] = vg.Point{X: trX(p.X), Y: trY(p.Y)}
	}
	c.StrokeLines(draw.LineStyle{Color: vermilion, Width: 1.75}, line)
}
