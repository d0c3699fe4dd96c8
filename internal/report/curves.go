package report

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// PlotHistory draws the learning curves as SVG: loss and accuracy side by side, each for training and, where it
// was measured, validation. best is the epoch whose weights were kept, marked in both; 0 marks none. It is an
// error if no epoch has a value to draw.
func PlotHistory(w io.Writer, epochs []Epoch, best int) error {
	const width, height, header = 720, 300, 52
	loss := panel{title: "Loss", decimals: 3, leastStep: 0.01, best: best}
	accuracy := panel{title: "Accuracy", unit: " %", decimals: 1, leastStep: 1, best: best}
	for _, e := range epochs {
		loss.add(e.Epoch, e.TrainLoss, e.ValLoss)
		accuracy.add(e.Epoch, 100*e.TrainAccuracy, 100*e.ValAccuracy)
	}
	if loss.empty() && accuracy.empty() {
		return errors.New("report: learning curves: no epoch has a finite loss or accuracy")
	}
	f := newFigure(width, height)
	f.textLeft(bold(style(large, ink)), 16, height-22, "Learning curves")
	f.curveLegend(width-20, height-22, len(loss.val)+len(accuracy.val) > 0, best)
	loss.draw(draw.Crop(f.Canvas, 12, -width/2-12, 8, -header))
	accuracy.draw(draw.Crop(f.Canvas, width/2+8, -20, 8, -header))
	return f.write(w)
}

// curveLegend draws the key, right-aligned at x.
func (f *figure) curveLegend(x, y vg.Length, hasVal bool, best int) {
	const mark, gap = 18, 14 // of a line in the key, and between entries
	text := style(small, ink)
	entry := func(s string, line draw.LineStyle) {
		f.textRight(text, x, y, s)
		x -= textWidth(text, s) + 5
		f.StrokeLine2(line, x-mark, y, x, y)
		x -= mark + gap
	}
	if best > 0 {
		entry(fmt.Sprintf("best epoch: %d", best), bestLine)
	}
	if hasVal {
		entry("validation", draw.LineStyle{Color: vermilion, Width: 1.75})
	}
	entry("training", draw.LineStyle{Color: blue, Width: 1.75})
}

var bestLine = draw.LineStyle{Color: muted, Width: 1, Dashes: []vg.Length{2.5, 2.5}}

// panel is one of the plots side by side.
type panel struct {
	title, unit string
	decimals    int     // of the best epoch's value
	leastStep   float64 // between horizontal lines: less is noise
	train, val  plotter.XYs
	best        int
}

func (p *panel) empty() bool { return len(p.train)+len(p.val) == 0 }

func (p *panel) add(epoch int, train, val float64) {
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	if finite(train) {
		p.train = append(p.train, plotter.XY{X: float64(epoch), Y: train})
	}
	if finite(val) {
		p.val = append(p.val, plotter.XY{X: float64(epoch), Y: val})
	}
}

func (p *panel) draw(c draw.Canvas) {
	f := figure{Canvas: c}
	title := bold(style(normal, ink))
	f.textLeft(title, c.Min.X+4, c.Max.Y-6, p.title)
	if p.empty() {
		f.textLeft(style(small, muted), c.Min.X+4, c.Max.Y-24, "not measured")
		return
	}
	if s := p.bestValue(); s != "" {
		f.textLeft(style(small, muted), c.Min.X+4+textWidth(title, p.title+"  "), c.Max.Y-6, s)
	}
	pl := newPlot("epoch")
	pl.X.Padding = 4
	p.setAxes(pl)
	lines := plotter.NewGrid()
	lines.Vertical.Color = nil
	lines.Horizontal = draw.LineStyle{Color: grid, Width: 0.75}
	pl.Add(lines, p)
	pl.Draw(draw.Crop(c, 0, 0, 0, -20))
}

// shown is the series that the best epoch was chosen by, if it was measured.
func (p *panel) shown() (plotter.XYs, color.Color) {
	if len(p.val) > 0 {
		return p.val, vermilion
	}
	return p.train, blue
}

// bestValue says what the value was in the best epoch; nothing if there was none.
func (p *panel) bestValue() string {
	points, _ := p.shown()
	for _, at := range points {
		if at.X == float64(p.best) {
			return fmt.Sprintf("%.*f%s in epoch %d", p.decimals, at.Y, p.unit, p.best)
		}
	}
	return ""
}

// setAxes gives both axes round numbers; the outermost horizontal lines hold all values.
func (p *panel) setAxes(pl *plot.Plot) {
	all := append(append(plotter.XYs{}, p.train...), p.val...)
	firstEpoch, lastEpoch, low, high := plotter.XYRange(all)
	yStep := roundStep((high-low)/4, p.leastStep)
	low, high = math.Floor(low/yStep)*yStep, math.Ceil(high/yStep)*yStep
	if low == high {
		low, high = max(0, low-yStep), high+yStep
	}
	if p.unit == " %" {
		high = min(high, 100)
	}
	pl.Y.Min, pl.Y.Max = low, high
	decimals := max(0, int(math.Ceil(-math.Log10(yStep)-1e-9)))
	if math.Abs(yStep*math.Pow10(decimals)-math.Round(yStep*math.Pow10(decimals))) > 1e-6 {
		decimals++ // 0.25
	}
	pl.Y.Tick.Marker = ticks(yStep, func(v float64) string { return fmt.Sprintf("%.*f%s", decimals, v, p.unit) })

	pl.X.Min, pl.X.Max = firstEpoch, lastEpoch
	if firstEpoch == lastEpoch {
		pl.X.Min, pl.X.Max = firstEpoch-1, lastEpoch+1
	}
	pl.X.Tick.Marker = ticks(math.Ceil(roundStep((lastEpoch-firstEpoch)/9, 1)), func(v float64) string {
		if v < firstEpoch || v > lastEpoch {
			return ""
		}
		return fmt.Sprint(int(v))
	})
}

// roundStep returns the least of 1, 2, 2.5 and 5 times a power of ten that is not below v or least.
func roundStep(v, least float64) float64 {
	v = max(v, least)
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, factor := range []float64{1, 2, 2.5, 5} {
		if factor*power >= v*(1-1e-9) {
			return factor * power
		}
	}
	return 10 * power
}

// ticks marks the multiples of step. gonum takes one without a label for a minor tick, which shows nothing here.
func ticks(step float64, label func(float64) string) plot.Ticker {
	return plot.TickerFunc(func(low, high float64) []plot.Tick {
		var t []plot.Tick
		for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9; i++ {
			v := i*step + 0 // not −0
			t = append(t, plot.Tick{Value: v, Label: label(v)})
		}
		return t
	})
}

// Plot draws the best epoch's line and the curves, with a dot for each epoch where they are few.
func (p *panel) Plot(c draw.Canvas, pl *plot.Plot) {
	trX, trY := pl.Transforms(&c)
	points, bestColor := p.shown()
	if p.bestValue() != "" {
		c.StrokeLine2(bestLine, trX(float64(p.best)), c.Min.Y, trX(float64(p.best)), c.Max.Y)
	}
	for _, series := range []struct {
		points plotter.XYs
		color  color.Color
	}{{p.train, blue}, {p.val, vermilion}} {
		line := make([]vg.Point, len(series.points))
		for i, at := range series.points {
			line[i] = vg.Point{X: trX(at.X), Y: trY(at.Y)}
		}
		if len(line) > 1 {
			c.StrokeLines(draw.LineStyle{Color: series.color, Width: 1.75}, line)
		}
		if len(line) <= 12 {
			for _, at := range line {
				c.DrawGlyphNoClip(draw.GlyphStyle{Color: series.color, Radius: 2.25, Shape: draw.CircleGlyph{}}, at)
			}
		}
	}
	for _, at := range points {
		if at.X == float64(p.best) {
			mark := vg.Point{X: trX(at.X), Y: trY(at.Y)}
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: bestColor, Radius: 5, Shape: draw.CircleGlyph{}}, mark)
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: paper, Radius: 2.75, Shape: draw.CircleGlyph{}}, mark)
		}
	}
}
