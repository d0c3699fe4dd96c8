package sample

import (
	"image/color"
	"math"
)

// sign is a class: a name and how its sign looks when new.
type sign struct {
	name  string
	paint func(*painter) error
}

// The colours of European road signs, as they photograph.
var (
	red    = color.RGBA{190, 22, 34, 255}
	white  = color.RGBA{240, 240, 236, 255}
	black  = color.RGBA{24, 24, 26, 255}
	blue   = color.RGBA{20, 70, 160, 255}
	yellow = color.RGBA{248, 190, 20, 255}
)

// signs are shaped after those of the Vienna Convention. Some are told apart only by what is inside the
// same border, two by one digit.
var signs = []sign{
	{"stop", paintStop},
	{"yield", paintYield},
	{"no-entry", paintNoEntry},
	{"speed-30", speed("30")},
	{"speed-100", speed("100")},
	{"priority-road", paintPriority},
	{"pedestrian-crossing", paintCrossing},
	{"roundabout", paintRoundabout},
	{"turn-right", paintTurnRight},
	{"no-parking", paintNoParking},
	{"danger-curve", paintCurve},
}

// spriteSize is the side of a drawn sign in pixels, a power of two; it is never shown larger.
const spriteSize = 256

// render paints s.
func (s sign) render() (*sprite, error) {
	p := newPainter(spriteSize)
	if err := s.paint(p); err != nil {
		return nil, err
	}
	return p.sprite(), nil
}

func paintStop(p *painter) error {
	p.polygon(white, regular(8, 0.98, math.Pi/8)...)
	p.polygon(red, regular(8, 0.9, math.Pi/8)...)
	return p.text(white, "STOP", 0.6, 1.5)
}

// triangle paints a white triangle with a red border, tip at angle turn.
func triangle(p *painter, turn float64) {
	p.rounded(white, 0.1, regular(3, 1.06, turn)...)
	p.rounded(red, 0.1, regular(3, 1, turn)...)
	p.rounded(white, 0.06, regular(3, 0.68, turn)...)
}

func paintYield(p *painter) error {
	triangle(p, math.Pi/2)
	return nil
}

func paintCurve(p *painter) error {
	triangle(p, -math.Pi/2)
	p.line(black, 0.15, point{-0.14, 0.3}, point{-0.14, 0.08}, point{-0.06, -0.04}, point{0.06, -0.12})
	p.head(black, point{0.1, -0.16}, -0.6, 0.2)
	return nil
}

func paintNoEntry(p *painter) error {
	p.disc(white, point{}, 0.98)
	p.disc(red, point{}, 0.93)
	p.polygon(white, point{-0.66, -0.17}, point{0.66, -0.17}, point{0.66, 0.17}, point{-0.66, 0.17})
	return nil
}

func speed(limit string) func(*painter) error {
	return func(p *painter) error {
		p.disc(white, point{}, 0.98)
		p.disc(red, point{}, 0.95)
		p.disc(white, point{}, 0.72)
		return p.text(black, limit, 0.8, 1.3)
	}
}

func paintPriority(p *painter) error {
	p.rounded(black, 0.08, regular(4, 1.01, 0)...)
	p.rounded(white, 0.08, regular(4, 0.98, 0)...)
	p.rounded(yellow, 0.06, regular(4, 0.7, 0)...)
	return nil
}

func paintCrossing(p *painter) error {
	p.rounded(white, 0.06, point{-0.95, -0.95}, point{0.95, -0.95}, point{0.95, 0.95}, point{-0.95, 0.95})
	p.rounded(blue, 0.06, point{-0.9, -0.9}, point{0.9, -0.9}, point{0.9, 0.9}, point{-0.9, 0.9})
	p.polygon(white, point{0, -0.74}, point{0.76, 0.68}, point{-0.76, 0.68})
	p.disc(black, point{0.02, -0.3}, 0.085)
	p.line(black, 0.13, point{0, -0.12}, point{-0.02, 0.16})
	p.line(black, 0.08, point{-0.2, 0.06}, point{0, -0.12}, point{0.2, 0.06})
	p.line(black, 0.09, point{-0.22, 0.5}, point{-0.02, 0.18}, point{0.2, 0.5})
	for i := range 5 {
		x := -0.56 + 0.28*float64(i)
		p.polygon(black, point{x - 0.07, 0.66}, point{x - 0.05, 0.56}, point{x + 0.05, 0.56}, point{x + 0.07, 0.66})
	}
	return nil
}

// mandatory paints the blue disc of the signs that say what to do.
func mandatory(p *painter) {
	p.disc(white, point{}, 0.98)
	p.disc(blue, point{}, 0.93)
}

func paintRoundabout(p *painter) error {
	mandatory(p)
	for i := range 3 {
		from := 2*math.Pi*float64(i)/3 + 0.4
		places := arc(0.46, from, from+1.15)
		p.line(white, 0.17, places...)
		p.head(white, places[len(places)-1], from+1.25+math.Pi/2, 0.27)
	}
	return nil
}

func paintTurnRight(p *painter) error {
	mandatory(p)
	p.line(white, 0.22, point{-0.28, 0.5}, point{-0.28, 0.02}, point{-0.2, -0.1}, point{0.2, -0.1})
	p.head(white, point{0.3, -0.1}, 0, 0.36)
	return nil
}

func paintNoParking(p *painter) error {
	p.disc(white, point{}, 0.98)
	p.disc(red, point{}, 0.95)
	p.disc(blue, point{}, 0.72)
	p.line(red, 0.2, point{-0.52, -0.52}, point{0.52, 0.52})
	return nil
}
