package decode

import "image"

// Reduction is how much less than a whole picture will do.
type Reduction struct {
	// Across and Down are how many pixels one sample may stand for, by their mean.
	Across, Down int
	// Wanted is the part that is looked at. What lies outside need not be right.
	Wanted image.Rectangle
}

// stored is r for the stored form of an upright w x h picture.
func (r Reduction) stored(t turning, w, h int) Reduction {
	if t.transposed {
		r.Across, r.Down = r.Down, r.Across
		r.Wanted = image.Rect(r.Wanted.Min.Y, r.Wanted.Min.X, r.Wanted.Max.Y, r.Wanted.Max.X)
		w, h = h, w
	}
	if t.mirrorX {
		r.Wanted.Min.X, r.Wanted.Max.X = w-r.Wanted.Max.X, w-r.Wanted.Min.X
	}
	if t.mirrorY {
		r.Wanted.Min.Y, r.Wanted.Max.Y = h-r.Wanted.Max.Y, h-r.Wanted.Min.Y
	}
	return r
}

// Plane is one channel of a reduced picture, W x H samples in rows of Stride bytes. Sample (x, y) is the mean
// of the pixels from (X0+x*Across, Y0+y*Down) on, Across wide and Down high; at the edges it may stand for
// pixels that the picture has not.
type Plane struct {
	Pix          []uint8
	W, H, Stride int
	Across, Down int
	X0, Y0       int // at most 0
}

// turn returns p, of a picture stored as w x h, upright.
func (p Plane) turn(t turning, w, h int) Plane {
	if t.mirrorX {
		p.X0 = w - p.W*p.Across - p.X0
	}
	if t.mirrorY {
		p.Y0 = h - p.H*p.Down - p.Y0
	}
	p.Pix = t.pixels(p.Pix, p.W, p.H, 1, p.Stride)
	p.W, p.H = t.size(p.W, p.H)
	p.Across, p.Down = t.size(p.Across, p.Down)
	p.X0, p.Y0 = t.size(p.X0, p.Y0)
	p.Stride = p.W
	return p
}

// planes returns the channels as they are.
func (d *jpegDecoder) planes() *Image {
	out := &Image{W: d.frame.w, H: d.frame.h}
	for i := range d.channels {
		c := &d.channels[i]
		across, down := 8/c.nx, 8/c.ny
		out.Planes = append(out.Planes, Plane{
			Pix: c.pix, W: ceilDiv(c.width, across), H: ceilDiv(c.height, down), Stride: c.nx * c.row,
			Across: across * d.frame.hmax / c.h, Down: down * d.frame.vmax / c.v,
		})
	}
	return out
}
