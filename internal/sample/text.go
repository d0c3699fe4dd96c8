package sample

import (
	"image/color"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// ppem is the size in pixels that outlines are loaded at; they are scaled from there.
const ppem = 1000

// text paints s centred on the middle, its capitals height high, and no wider than width.
func (p *painter) text(c color.Color, s string, height, width float64) error {
	font, err := sfnt.Parse(gobold.TTF)
	if err != nil {
		return err
	}
	var buf sfnt.Buffer
	metrics, err := font.Metrics(&buf, fixed.I(ppem), 0)
	if err != nil {
		return err
	}
	glyphs := make([]sfnt.GlyphIndex, 0, len(s))
	ends := []float64{0} // of each letter, in pixels
	for i, r := range s {
		g, err := font.GlyphIndex(&buf, r)
		if err != nil {
			return err
		}
		a, err := font.GlyphAdvance(&buf, g, fixed.I(ppem), 0)
		if err != nil {
			return err
		}
		glyphs, ends = append(glyphs, g), append(ends, ends[i]+float64(a)/64)
	}
	sy := height / (float64(metrics.CapHeight) / 64)
	sx := min(sy, width/ends[len(s)])
	for i, g := range glyphs {
		segments, err := font.LoadGlyph(&buf, g, fixed.I(ppem), nil)
		if err != nil {
			return err
		}
		p.outline(segments, func(q fixed.Point26_6) point {
			return point{(ends[i] + float64(q.X)/64 - ends[len(s)]/2) * sx, height/2 + float64(q.Y)/64*sy}
		})
	}
	p.fill(c)
	return nil
}

func (p *painter) outline(segments sfnt.Segments, to func(fixed.Point26_6) point) {
	for _, s := range segments {
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			p.moveTo(to(s.Args[0]))
		case sfnt.SegmentOpLineTo:
			p.lineTo(to(s.Args[0]))
		case sfnt.SegmentOpQuadTo:
			p.quadTo(to(s.Args[0]), to(s.Args[1]))
		case sfnt.SegmentOpCubeTo:
			p.cubeTo(to(s.Args[0]), to(s.Args[1]), to(s.Args[2]))
		}
	}
}
