package sample

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/vector"
)

// point is a place on a sign: x to the right and y down, the sign within -1 to 1.
type point struct{ x, y float64 }

// painter fills shapes in a square picture, clear at first. A shape is a path of moveTo, lineTo, quadTo and cubeTo
// that ends with fill.
type painter struct {
	img  *image.RGBA
	path []segment
	used image.Rectangle // where anything was painted
	r    vector.Rasterizer
}

// segment is a line (n = 1) or a Bézier curve (2, 3) to to[n-1] in pixels; n = 0 is a move to to[0].
type segment struct {
	n  int
	to [3]point
}

func newPainter(size int) *painter {
	return &painter{img: image.NewRGBA(image.Rect(0, 0, size, size))}
}

func (p *painter) add(n int, places ...point) {
	s := segment{n: n}
	half := float64(p.img.Rect.Dx()) / 2
	for i, q := range places {
		s.to[i] = point{(q.x + 1) * half, (q.y + 1) * half}
	}
	p.path = append(p.path, s)
}

func (p *painter) moveTo(q point)       { p.add(0, q) }
func (p *painter) lineTo(q point)       { p.add(1, q) }
func (p *painter) quadTo(a, b point)    { p.add(2, a, b) }
func (p *painter) cubeTo(a, b, c point) { p.add(3, a, b, c) }

// fill paints the path, as far as it is inside the picture. The rasterizer is set up for the path's
// own bounds: its time goes by their area.
func (p *painter) fill(c color.Color) {
	defer func() { p.path = p.path[:0] }()
	box := p.bounds().Intersect(p.img.Rect) // the rasterizer writes wherever it is told to
	if box.Empty() {
		return
	}
	p.r.Reset(box.Dx(), box.Dy())
	for _, s := range p.path {
		var f [6]float32
		for i, q := range s.to {
			f[2*i], f[2*i+1] = float32(q.x-float64(box.Min.X)), float32(q.y-float64(box.Min.Y))
		}
		switch s.n {
		case 0:
			p.r.ClosePath()
			p.r.MoveTo(f[0], f[1])
		case 1:
			p.r.LineTo(f[0], f[1])
		case 2:
			p.r.QuadTo(f[0], f[1], f[2], f[3])
		case 3:
			p.r.CubeTo(f[0], f[1], f[2], f[3], f[4], f[5])
		}
	}
	p.r.ClosePath()
	p.r.Draw(p.img, box, image.NewUniform(c), image.Point{})
	p.used = p.used.Union(box)
}

// bounds returns the pixels that the path may touch, those outside the picture too.
func (p *painter) bounds() image.Rectangle {
	lo, hi := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, s := range p.path {
		for _, q := range s.to[:max(s.n, 1)] {
			lo.x, lo.y, hi.x, hi.y = min(lo.x, q.x), min(lo.y, q.y), max(hi.x, q.x), max(hi.y, q.y)
		}
	}
	return image.Rect(int(math.Floor(lo.x)), int(math.Floor(lo.y)), int(math.Ceil(hi.x)), int(math.Ceil(hi.y)))
}

func (p *painter) polygon(c color.Color, corners ...point) {
	p.moveTo(corners[0])
	for _, q := range corners[1:] {
		p.lineTo(q)
	}
	p.fill(c)
}

// rounded is polygon with corners rounded over the part t, 0 to 0.5, of each side.
func (p *painter) rounded(c color.Color, t float64, corners ...point) {
	n := len(corners)
	mix := func(a, b point) point { return point{a.x + t*(b.x-a.x), a.y + t*(b.y-a.y)} }
	for i, q := range corners {
		before, after := mix(q, corners[(i+n-1)%n]), mix(q, corners[(i+1)%n])
		if i == 0 {
			p.moveTo(before)
		} else {
			p.lineTo(before)
		}
		p.quadTo(q, after)
	}
	p.fill(c)
}

// regular returns the corners of a regular polygon around the middle, the first at angle turn, in radians.
func regular(n int, radius, turn float64) []point {
	corners := make([]point, n)
	for i := range corners {
		sin, cos := math.Sincos(turn + 2*math.Pi*float64(i)/float64(n))
		corners[i] = point{radius * cos, radius * sin}
	}
	return corners
}

func (p *painter) disc(c color.Color, m point, radius float64) {
	const k = 0.5522847498 // control points of the usual four cubics, 4/3·(√2-1)
	at := func(x, y float64) point { return point{m.x + radius*x, m.y + radius*y} }
	p.moveTo(at(1, 0))
	p.cubeTo(at(1, k), at(k, 1), at(0, 1))
	p.cubeTo(at(-k, 1), at(-1, k), at(-1, 0))
	p.cubeTo(at(-1, -k), at(-k, -1), at(0, -1))
	p.cubeTo(at(k, -1), at(1, -k), at(1, 0))
	p.fill(c)
}

// line paints a thick line through places, with round joints.
func (p *painter) line(c color.Color, width float64, places ...point) {
	for i, b := range places {
		p.disc(c, b, width/2)
		if i == 0 {
			continue
		}
		a := places[i-1]
		dx, dy := b.x-a.x, b.y-a.y
		f := width / 2 / math.Sqrt(dx*dx+dy*dy)
		nx, ny := -dy*f, dx*f
		p.polygon(c, point{a.x + nx, a.y + ny}, point{b.x + nx, b.y + ny}, point{b.x - nx, b.y - ny}, point{a.x - nx, a.y - ny})
	}
}

// arc returns places on a circle around the middle, from one angle to another.
func arc(radius, from, to float64) []point {
	places := make([]point, 17)
	for i := range places {
		sin, cos := math.Sincos(from + (to-from)*float64(i)/float64(len(places)-1))
		places[i] = point{radius * cos, radius * sin}
	}
	return places
}

// head paints the head of an arrow with its tip beyond at, along angle.
func (p *painter) head(c color.Color, at point, angle, size float64) {
	sin, cos := math.Sincos(angle)
	to := func(along, across float64) point {
		return point{at.x + size*(along*cos-across*sin), at.y + size*(along*sin+across*cos)}
	}
	p.polygon(c, to(1, 0), to(-0.3, 0.85), to(-0.3, -0.85))
}
