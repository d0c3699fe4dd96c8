package transform

import "math"

// affine is a motion of a picture: the point (x,y) goes to (a·x+b·y+c, d·x+e·y+f), in pixels from the
// picture's middle, x to the right and y down.
type affine struct{ a, b, c, d, e, f float64 }

// after returns the motion that does first and then m.
func (m affine) after(first affine) affine {
	return affine{
		m.a*first.a + m.b*first.d, m.a*first.b + m.b*first.e, m.a*first.c + m.b*first.f + m.c,
		m.d*first.a + m.e*first.d, m.d*first.b + m.e*first.e, m.d*first.c + m.e*first.f + m.f,
	}
}

// inverse returns the motion back. None that is drawn is singular.
func (m affine) inverse() affine {
	det := m.a*m.e - m.b*m.d
	inv := affine{a: m.e / det, b: -m.b / det, d: -m.d / det, e: m.a / det}
	inv.c = -(inv.a*m.c + inv.b*m.f)
	inv.f = -(inv.d*m.c + inv.e*m.f)
	return inv
}

func drawHFlip(d *drawing, p float64) {
	if d.r.Chance(p) {
		d.addMotion(affine{a: -1, e: 1}, "hflip")
	}
}

func drawVFlip(d *drawing, p float64) {
	if d.r.Chance(p) {
		d.addMotion(affine{a: 1, e: -1}, "vflip")
	}
}

// drawZoom keeps the aspect.
func drawZoom(d *drawing, most float64) {
	z := 1 + d.r.Between(-most, most)
	d.addMotion(affine{a: z, e: z}, "zoom %.2f", z)
}

// drawShear shears along x, as ImageDataGenerator and torchvision with one number do.
func drawShear(d *drawing, most float64) { d.shear(d.r.Between(-most, most)) }

func (d *drawing) shear(degrees float64) {
	d.addMotion(affine{a: 1, b: -math.Tan(degrees * math.Pi / 180), e: 1}, "shear %+.1f°", degrees)
}

// drawRotation turns clockwise by positive angles, as torchvision's affine.
func drawRotation(d *drawing, most float64) { d.rotate(d.r.Between(-most, most)) }

func (d *drawing) rotate(degrees float64) {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	d.addMotion(affine{a: cos, b: -sin, d: sin, e: cos}, "rotation %+.1f°", degrees)
}

func drawShift(d *drawing, most float64) { d.shift(d.r.Between(-most, most), d.r.Between(-most, most)) }

func (d *drawing) shift(x, y float64) {
	d.addMotion(affine{a: 1, c: x * float64(d.w), e: 1, f: y * float64(d.h)}, "shift %+.0f%% %+.0f%%", 100*x, 100*y)
}

func (d *drawing) addMotion(m affine, format string, args ...any) {
	d.steps = append(d.steps, step{format: format, args: args, motion: &m})
}

// move moves p by m. Mirrored pixels are moved as they are; anything else is interpolated bilinearly, as
// Pillow's Image.transform does.
func (p *picture) move(m affine, fill Fill) {
	if m.b == 0 && m.c == 0 && m.d == 0 && m.f == 0 && math.Abs(m.a) == 1 && math.Abs(m.e) == 1 {
		if m.a < 0 {
			p.mirror()
		}
		if m.e < 0 {
			p.turnOver()
		}
		return
	}
	buf := getScratch(len(p.pix))
	defer scratch.Put(buf)
	copy(*buf, p.pix)
	w := warp{src: *buf, w: p.w, h: p.h, fill: fill}
	inv := m.inverse()
	cx, cy := float64(p.w)/2, float64(p.h)/2
	for y := range p.h {
		dx, dy := 0.5-cx, float64(y)+0.5-cy
		x0, y0 := inv.a*dx+inv.b*dy+inv.c+cx, inv.d*dx+inv.e*dy+inv.f+cy
		w.row(p.pix[3*y*p.w:][:3*p.w], fixed(x0), fixed(y0), fixed(inv.a), fixed(inv.d))
	}
}

// mirror swaps left and right.
func (p *picture) mirror() {
	for y := range p.h {
		row := p.pix[3*y*p.w:][:3*p.w]
		for l, r := 0, 3*p.w-3; l < r; l, r = l+3, r-3 {
			row[l], row[l+1], row[l+2], row[r], row[r+1], row[r+2] = row[r], row[r+1], row[r+2], row[l], row[l+1], row[l+2]
		}
	}
}

// turnOver swaps top and bottom.
func (p *picture) turnOver() {
	n := 3 * p.w
	for t, b := 0, p.h-1; t < b; t, b = t+1, b-1 {
		top, bottom := p.pix[t*n:][:n], p.pix[b*n:][:n]
		for i := range top {
			top[i], bottom[i] = bottom[i], top[i]
		}
	}
}

const (
	// fixedBits are the fraction bits of a position: over the longest row, steps of half the last bit add up to
	// 2⁻²⁰ pixels.
	fixedBits = 32
	// weightBits are those of an interpolation's weights: two of them and a byte fill 30 bits.
	weightBits = 11
	// farthest bounds a position, in pixels: what lies beyond looks no different for any fill but that a
	// pattern of mirrored pictures begins elsewhere.
	farthest = 1 << 28
)

func fixed(v float64) int64 {
	return int64(math.Round(min(max(v, -farthest), farthest) * (1 << fixedBits)))
}

// warp reads a picture at positions between its pixels.
type warp struct {
	src  []uint8
	w, h int
	fill Fill
}

// row writes to dst, RGB8, what lies at (x,y), (x+dx,y+dy) and so on: fixed-point positions on the scale on
// which the pixel at the top left covers 0 to 1.
func (s *warp) row(dst []uint8, x, y, dx, dy int64) {
	const half, one = int64(1) << (fixedBits - 1), 1 << weightBits
	const round = 1 << (2*weightBits - 1)
	for i := 0; i < len(dst); i += 3 {
		out := dst[i : i+3 : i+3]
		px, py := x-half, y-half // on the scale of the pixels' middles
		ix, iy := int(px>>fixedBits), int(py>>fixedBits)
		fx := int32(px>>(fixedBits-weightBits)) & (one - 1)
		fy := int32(py>>(fixedBits-weightBits)) & (one - 1)
		x, y = x+dx, y+dy
		left, right := 3*ix, 3*ix+3
		top, bottom := iy*s.w*3, (iy+1)*s.w*3
		if uint(ix) >= uint(s.w-1) || uint(iy) >= uint(s.h-1) {
			if s.fill == FillConstant && s.outside(x-dx, y-dy) {
				out[0], out[1], out[2] = 0, 0, 0
				continue
			}
			left, right = 3*s.fold(ix, s.w), 3*s.fold(ix+1, s.w)
			top, bottom = 3*s.w*s.fold(iy, s.h), 3*s.w*s.fold(iy+1, s.h)
		}
		a, b := s.src[top+left:][:3], s.src[top+right:][:3]
		c, d := s.src[bottom+left:][:3], s.src[bottom+right:][:3]
		wa, wb, wc, wd := (one-fx)*(one-fy), fx*(one-fy), (one-fx)*fy, fx*fy
		out[0] = uint8((wa*int32(a[0]) + wb*int32(b[0]) + wc*int32(c[0]) + wd*int32(d[0]) + round) >> (2 * weightBits))
		out[1] = uint8((wa*int32(a[1]) + wb*int32(b[1]) + wc*int32(c[1]) + wd*int32(d[1]) + round) >> (2 * weightBits))
		out[2] = uint8((wa*int32(a[2]) + wb*int32(b[2]) + wc*int32(c[2]) + wd*int32(d[2]) + round) >> (2 * weightBits))
	}
}

// outside reports whether a position lies beyond the picture's edge.
func (s *warp) outside(x, y int64) bool {
	return x < 0 || y < 0 || x >= int64(s.w)<<fixedBits || y >= int64(s.h)<<fixedBits
}

// fold returns the pixel, of n along an axis, that stands at position i.
func (s *warp) fold(i, n int) int {
	if uint(i) < uint(n) {
		return i
	}
	switch s.fill {
	case FillReflect:
		i = ((i % (2 * n)) + 2*n) % (2 * n)
		return min(i, 2*n-1-i)
	case FillWrap:
		return (i%n + n) % n
	}
	return min(max(i, 0), n-1)
}
