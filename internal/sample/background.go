package sample

import "image/color"

// background fills the canvas with one of a few kinds of surroundings.
func background(c *canvas, r random) {
	kinds := []func(*canvas, random){road, foliage, wall, street}
	kinds[r.IntN(len(kinds))](c, r)
}

// grass and leaves, bark and asphalt: the colours noise is mapped to.
func green(r random) (dark, bright rgb) {
	g := float32(r.between(90, 150))
	autumn := float32(r.between(0.5, 1.1))
	return rgb{g * 0.3 * autumn, g * 0.4, g * 0.18}, rgb{g * 1.1 * autumn, g * 1.2, g * 0.5}
}

func sky(r random) (top, low rgb) {
	if r.chance(0.5) { // overcast
		g := float32(r.between(170, 235))
		return rgb{g * 0.92, g * 0.95, g}, rgb{g, g, g}
	}
	return rgb{float32(r.between(70, 130)), float32(r.between(130, 170)), 225}, rgb{200, 215, 235}
}

// road: sky, a line of trees, and a strip of grass and asphalt.
func road(c *canvas, r random) {
	top, low := sky(r)
	dark, bright := green(r)
	grey := float32(r.between(70, 130))
	horizon, trees := float32(r.between(0.45, 0.85)), float32(r.between(0.05, 0.5))
	scale := float32(r.between(6, 14)) / float32(c.w)
	salt := r.Uint64()
	c.each(func(x, y float32, _ rgb) rgb {
		n := fractal(scale*x, scale*y, salt, 5)
		at := y / float32(c.h)
		crown := horizon - trees*(0.4+fractal(scale*x/2, 7, salt+1, 3))
		switch {
		case at < crown+0.15*(n-0.5):
			return top.mix(low, at/horizon).scale(0.94 + 0.12*fractal(scale*x/4, scale*y/2, salt+2, 3))
		case at < horizon:
			return dark.mix(bright, clamp01(1.6*n-0.3))
		case at < horizon+0.08:
			return dark.mix(bright, n)
		}
		return rgb{grey, grey, grey * 1.04}.scale(0.8 + 0.4*n)
	})
}

// foliage: leaves from edge to edge, with holes that the sky shows through.
func foliage(c *canvas, r random) {
	_, low := sky(r)
	dark, bright := green(r)
	scale, holes := float32(r.between(8, 22))/float32(c.w), float32(r.between(0.6, 0.9))
	salt := r.Uint64()
	c.each(func(x, y float32, _ rgb) rgb {
		n := fractal(scale*x, scale*y, salt, 5)
		if fractal(scale*x/2, scale*y/2, salt+1, 4) > holes {
			return low
		}
		return dark.mix(bright, clamp01(2*n-0.5))
	})
}

// wall: rows of bricks, shifted by half a brick, with mortar between them.
func wall(c *canvas, r random) {
	high := float32(r.between(5, 16))
	long := high * float32(r.between(2, 3))
	brick := rgb{float32(r.between(110, 210)), float32(r.between(70, 170)), float32(r.between(55, 150))}
	mortar := rgb{170, 165, 155}
	slant := float32(r.between(-0.15, 0.15))
	salt := r.Uint64()
	c.each(func(x, y float32, _ rgb) rgb {
		y += slant*x + 1000*high // above zero, where int rounds down
		n := fractal(x/6, y/6, salt, 3)
		row := int(y / high)
		along := x + long*float32(row%2)/2
		if y-float32(row)*high < 1.3 || along-float32(int(along/long))*long < 1.3 {
			return mortar.scale(0.8 + 0.3*n)
		}
		own := lattice(int(along/long), row, salt+1)
		return brick.scale(0.6 + 0.3*own + 0.4*n)
	})
}

// street: houses with windows before the sky.
func street(c *canvas, r random) {
	top, low := sky(r)
	width, salt := float32(r.between(0.25, 0.6))*float32(c.w), r.Uint64()
	window := float32(r.between(9, 20))
	c.each(func(x, y float32, _ rgb) rgb {
		house := int(x / width)
		roof := float32(c.h) * (0.1 + 0.5*lattice(house, 1, salt))
		n := fractal(x/8, y/8, salt+1, 3)
		switch {
		case y < roof:
			return top.mix(low, y/float32(c.h))
		case y > 0.88*float32(c.h):
			return rgb{95, 95, 100}.scale(0.8 + 0.4*n)
		}
		in := func(v float32) bool { f := v/window - float32(int(v/window)); return f > 0.3 && f < 0.75 }
		if in(x) && in(y-roof) {
			return rgb{50, 60, 75}.scale(0.6 + 1.4*lattice(int(x/window), int((y-roof)/window), salt+2))
		}
		plaster := rgb{150 + 90*lattice(house, 2, salt), 140 + 80*lattice(house, 3, salt), 120 + 90*lattice(house, 4, salt)}
		return plaster.scale(0.85 + 0.25*n)
	})
}

// clutter adds what else stands by a road: boards, lamps, cables, parked cars.
func clutter(c *canvas, r random) {
	p := newPainter(128)
	for range r.IntN(5) {
		x, y := r.between(-1, 1), r.between(-1, 1)
		w, h := r.between(0.05, 0.35), r.between(0.05, 0.3)
		switch r.IntN(4) {
		case 0:
			p.rounded(anyColor(r), 0.2, point{x - w, y - h}, point{x + w, y - h}, point{x + w, y + h}, point{x - w, y + h})
		case 1:
			p.disc(anyColor(r), point{x, y}, w/2)
		case 2:
			g := uint8(r.between(40, 120))
			p.line(color.RGBA{g, g, g, 255}, 0.03, point{x, -1}, point{x + r.between(-0.1, 0.1), 1})
		case 3:
			p.line(color.RGBA{40, 40, 45, 255}, 0.012, point{-1, y}, point{1, y + r.between(-0.4, 0.4)})
		}
	}
	half := float64(max(c.w, c.h)) / 2
	c.paste(p.sprite(), pose(half, half, half, 0, 0, 0), nil)
}
