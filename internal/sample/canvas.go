package sample

import (
	"image"
	"math"
)

// rgb is a colour; 0 is black and 255 white, and light may go beyond.
type rgb [3]float32

func (c rgb) mix(d rgb, t float32) rgb {
	for i := range c {
		c[i] += t * (d[i] - c[i])
	}
	return c
}

func (c rgb) scale(f float32) rgb { return rgb{c[0] * f, c[1] * f, c[2] * f} }

// canvas is the picture in the making, [h,w].
type canvas struct {
	w, h int
	pix  []rgb
}

func newCanvas(w, h int) *canvas { return &canvas{w, h, make([]rgb, w*h)} }

// each replaces every pixel by what f makes of it.
func (c *canvas) each(f func(x, y float32, old rgb) rgb) {
	for i, old := range c.pix {
		c.pix[i] = f(float32(i%c.w), float32(i/c.w), old)
	}
}

// homography maps pixels of the canvas to a flat picture: (u,v) = (h0·q/h2·q, h1·q/h2·q), q = (x,y,1), where
// the flat picture is within -1 to 1.
type homography [3][3]float64

// pose puts a flat picture before the camera: its middle at (x,y), size pixels from there to its edge, turned
// by roll in its plane and by yaw and pitch out of it (radians).
func pose(x, y, size, roll, yaw, pitch float64) homography {
	const distance = 4 // of the camera, in halves of the picture; nearer is more perspective
	sr, cr := math.Sincos(roll)
	sy, cy := math.Sincos(yaw)
	sp, cp := math.Sincos(pitch)
	// The first two columns of Ry(yaw)·Rx(pitch)·Rz(roll).
	u := [3]float64{cy*cr + sy*sp*sr, cp * sr, -sy*cr + cy*sp*sr}
	v := [3]float64{-cy*sr + sy*sp*cr, cp * cr, sy*sr + cy*sp*cr}
	f := size * distance
	return homography{
		{f*u[0] + x*u[2], f*v[0] + x*v[2], x * distance},
		{f*u[1] + y*u[2], f*v[1] + y*v[2], y * distance},
		{u[2], v[2], distance},
	}.inverse()
}

// inverse returns the inverse up to a factor, which a homography does not care about.
func (m homography) inverse() homography {
	minor := func(r, c int) float64 {
		a, b, d, e := m[(r+1)%3][(c+1)%3], m[(r+1)%3][(c+2)%3], m[(r+2)%3][(c+1)%3], m[(r+2)%3][(c+2)%3]
		return a*e - b*d
	}
	var inv homography
	for r := range 3 {
		for c := range 3 {
			inv[r][c] = minor(c, r)
		}
	}
	return inv
}

func (m homography) at(x, y float64) (u, v float64) {
	w := m[2][0]*x + m[2][1]*y + m[2][2]
	return (m[0][0]*x + m[0][1]*y + m[0][2]) / w, (m[1][0]*x + m[1][1]*y + m[1][2]) / w
}

// paste lays a flat picture over the canvas. shade, if any, changes the colour of what lies at (u,v).
func (c *canvas) paste(s *sprite, m homography, shade func(u, v float32, c rgb) rgb) {
	cx, cy := float64(c.w)/2, float64(c.h)/2
	u0, v0 := m.at(cx, cy)
	u1, v1 := m.at(cx+1, cy)
	img := s.level(math.Sqrt((u1-u0)*(u1-u0) + (v1-v0)*(v1-v0)))
	for i, old := range c.pix {
		u, v := m.at(float64(i%c.w), float64(i/c.w))
		if u < s.left || u > s.right || v < s.top || v > s.down {
			continue
		}
		col, alpha := texel(img, u, v)
		if alpha == 0 {
			continue
		}
		if shade != nil {
			col = shade(float32(u), float32(v), col.scale(1/alpha)).scale(alpha)
		}
		for j := range old {
			c.pix[i][j] = col[j] + (1-alpha)*old[j]
		}
	}
}

// blur averages each pixel with those up to reach away along a direction; twice across and twice down is
// close to a lens out of focus.
func (c *canvas) blur(dx, dy, reach int) {
	if reach == 0 {
		return
	}
	out := make([]rgb, len(c.pix))
	for i := range out {
		x, y := i%c.w, i/c.w
		var sum rgb
		for k := -reach; k <= reach; k++ {
			p := c.pix[min(max(y+k*dy, 0), c.h-1)*c.w+min(max(x+k*dx, 0), c.w-1)]
			for j := range sum {
				sum[j] += p[j]
			}
		}
		out[i] = sum.scale(1 / float32(2*reach+1))
	}
	c.pix = out
}

func (c *canvas) defocus(reach int) {
	for range 2 {
		c.blur(1, 0, reach)
		c.blur(0, 1, reach)
	}
}

// image rounds the canvas to 8 bits, adding noise as a sensor does: grain times a number of variance one
// in each pixel, and half of it in each channel.
func (c *canvas) image(grain float32, r random) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, c.w, c.h))
	for i, p := range c.pix {
		bits := r.Uint64()
		all := grain * bell(bits)
		for j := range p {
			v := p[j] + all + grain/2*bell(bits<<(8*j+8)|bits>>(56-8*j))
			img.Pix[4*i+j] = uint8(min(max(v, 0), 255) + 0.5)
		}
		img.Pix[4*i+3] = 255
	}
	return img
}

// bell makes a number of mean 0 and variance about 1, nearly normal, of the low 32 bits: the sum of four bytes.
func bell(bits uint64) float32 {
	sum := bits&255 + bits>>8&255 + bits>>16&255 + bits>>24&255
	return (float32(sum) - 510) / 148
}
