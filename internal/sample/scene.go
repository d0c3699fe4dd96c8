package sample

import (
	"image"
	"image/color"
	"math"
)

// photograph sets a sign, drawn flat at several sizes, into a scene and takes a picture of it.
func photograph(s *sprite, r random) *image.RGBA {
	side := r.between(150, 190)
	aspect := 1.0
	if r.chance(0.6) {
		aspect = r.between(0.75, 1.33)
	}
	c := newCanvas(int(side*math.Sqrt(aspect)), int(side/math.Sqrt(aspect)))
	background(c, r)
	clutter(c, r)
	c.defocus(r.IntN(3))

	small := float64(min(c.w, c.h))
	size := small * r.between(0.29, 0.48)
	x := float64(c.w)/2 + r.between(-0.6, 0.6)*(float64(c.w)/2-0.8*size)
	y := float64(c.h)/2 + r.between(-0.7, 0.5)*(float64(c.h)/2-0.8*size)
	flat := func(scale, roll float64) homography { return pose(x, y, size*scale, roll, 0, 0) }

	tilt := r.between(-0.15, 0.15)
	c.paste(pole(r), flat(5, tilt/3), nil)
	c.paste(s, pose(x, y, size, tilt, r.between(-0.7, 0.7), r.between(-0.4, 0.3)), weather(r))
	if r.chance(0.4) {
		c.paste(occluder(r), flat(r.between(1, 1.6), r.between(-math.Pi, math.Pi)), nil)
	}

	light(c, r)
	c.defocus(r.IntN(3) * r.IntN(2))
	if r.chance(0.3) {
		c.blur(1, r.IntN(3)-1, r.IntN(4))
	}
	return c.image(float32(r.between(1, 4)*r.between(1, 3)), r)
}

// pole returns the post that the sign stands on.
func pole(r random) *sprite {
	p := newPainter(spriteSize)
	g := uint8(r.between(90, 170))
	w := r.between(0.012, 0.025)
	p.polygon(color.RGBA{g, g, g, 255}, point{-w, 0}, point{w, 0}, point{w, 1}, point{-w, 1})
	p.polygon(color.RGBA{g / 2, g / 2, g / 2, 255}, point{w / 2, 0}, point{w, 0}, point{w, 1}, point{w / 2, 1})
	return p.sprite()
}

// weather returns what sun, dirt and a low light do to a sign's colours.
func weather(r random) func(u, v float32, c rgb) rgb {
	fade, grime := float32(r.between(0, 0.4)*r.Float64()), float32(r.between(0, 0.8)*r.Float64())
	gx, gy := float32(r.between(-0.35, 0.35)), float32(r.between(-0.35, 0.35))
	salt := r.Uint64()
	shadow := r.chance(0.35)
	depth, scale := float32(r.between(0.35, 0.65)), float32(r.between(1, 3))
	return func(u, v float32, c rgb) rgb {
		pale := 110 + 0.4*(c[0]*0.3+c[1]*0.59+c[2]*0.11)
		c = c.mix(rgb{pale, pale, pale}, fade)
		c = c.mix(rgb{70, 62, 50}, grime*clamp01(3*fractal(4*u+9, 4*v+9, salt, 4)-1.2))
		f := 1 + gx*u + gy*v
		if shadow && fractal(scale*u+20, scale*v+20, salt+1, 2) > 0.5 {
			f *= depth // leaves between the sign and the sun
		}
		return c.scale(f)
	}
}

// occluder returns something that hides a part of a sign.
func occluder(r random) *sprite {
	p := newPainter(128)
	switch r.IntN(4) {
	case 0:
		branch(p, r)
	case 1: // a pole, or a cable
		g := uint8(r.between(30, 140))
		x := r.between(-0.5, 0.5)
		p.line(color.RGBA{g, g, g, 255}, r.between(0.06, 0.26), point{x, -1}, point{x, 1})
	case 2: // stickers
		for range 1 + r.IntN(3) {
			x, y, s := r.between(-0.5, 0.5), r.between(-0.5, 0.5), r.between(0.1, 0.26)
			p.polygon(anyColor(r), point{x - s, y - s}, point{x + s, y - s*0.8}, point{x + s*0.9, y + s}, point{x - s, y + s*0.9})
		}
	case 3: // graffiti
		places := make([]point, 4+r.IntN(4))
		for i := range places {
			places[i] = point{r.between(-0.6, 0.6), r.between(-0.5, 0.5)}
		}
		p.line(anyColor(r), r.between(0.05, 0.12), places...)
	}
	return p.sprite()
}

// branch paints a twig from the edge inwards, with leaves.
func branch(p *painter, r random) {
	bark := color.RGBA{uint8(r.between(40, 80)), uint8(r.between(35, 60)), 35, 255}
	a := point{-1, r.between(-0.6, 0.6)}
	for range 7 {
		b := point{a.x + r.between(0.1, 0.3), a.y + r.between(-0.2, 0.2)}
		p.line(bark, 0.04, a, b)
		for range 3 {
			g := r.between(60, 140)
			leaf := color.RGBA{uint8(g * r.between(0.4, 0.9)), uint8(g), uint8(g * 0.3), 255}
			p.disc(leaf, point{b.x + r.between(-0.2, 0.2), b.y + r.between(-0.2, 0.2)}, r.between(0.05, 0.13))
		}
		a = b
	}
}

// anyColor returns a colour of paint, seldom a bright one.
func anyColor(r random) color.RGBA {
	grey, bright := r.between(30, 220), r.between(10, 90)
	channel := func() uint8 { return uint8(min(max(grey+r.between(-bright, bright), 0), 255)) }
	return color.RGBA{channel(), channel(), channel(), 255}
}

// light sets the hour and the weather: brightness, its fall across the picture, the colour of the light, and
// haze.
func light(c *canvas, r random) {
	gain := float32(r.between(0.55, 1.15))
	if r.chance(0.1) {
		gain = float32(r.between(0.25, 0.45)) // dusk
	}
	warm := float32(r.between(-0.14, 0.14))
	tint := rgb{gain * (1 + warm), gain, gain * (1 - warm)}
	gx, gy := float32(r.between(-0.3, 0.3))/float32(c.w), float32(r.between(-0.3, 0.3))/float32(c.h)
	haze := float32(0)
	if r.chance(0.3) {
		haze = float32(r.between(0.1, 0.35))
	}
	c.each(func(x, y float32, p rgb) rgb {
		p = p.scale(1 + gx*(2*x-float32(c.w)) + gy*(2*y-float32(c.h)))
		p = p.mix(rgb{190, 195, 205}, haze)
		return rgb{p[0] * tint[0], p[1] * tint[1], p[2] * tint[2]}
	})
}
