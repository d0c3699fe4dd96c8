package decode

// jpegColours is what the channels of a JPEG mean.
type jpegColours int

const (
	jpegGray jpegColours = iota
	jpegYCC
	jpegRGB
	jpegCMYK // 0 is full ink, by Adobe's convention
	jpegYCCK // CMYK whose first three channels are coded as YCbCr
)

// picture brings the channels to full size and converts them.
func (d *jpegDecoder) picture(colours jpegColours) *Image {
	out := newImage(d.frame.w, d.frame.h)
	var up [4]*upsampler
	for i := range d.channels {
		c := &d.channels[i]
		up[i] = newUpsampler(plane{c.pix, 8 * c.row, c.width, c.height}, d.frame.hmax/c.h, d.frame.vmax/c.v)
	}
	ink := make([]uint8, 4*out.W)
	var rows [4][]uint8
	for y := range out.H {
		for i := range d.channels {
			rows[i] = up[i].row(y)
		}
		dst := out.Pix[3*y*out.W:][:3*out.W]
		switch colours {
		case jpegGray:
			grayRow(dst, rows[0])
		case jpegYCC:
			yccRow(dst, rows[0], rows[1], rows[2])
		case jpegRGB:
			rgbRow(dst, rows[0], rows[1], rows[2])
		case jpegCMYK:
			for x := range out.W {
				ink[4*x], ink[4*x+1], ink[4*x+2], ink[4*x+3] = 255-rows[0][x], 255-rows[1][x], 255-rows[2][x], 255-rows[3][x]
			}
			cmykRow(dst, ink)
		case jpegYCCK:
			yccRow(dst, rows[0], rows[1], rows[2])
			for x := range out.W {
				ink[4*x], ink[4*x+1], ink[4*x+2], ink[4*x+3] = dst[3*x], dst[3*x+1], dst[3*x+2], 255-rows[3][x]
			}
			cmykRow(dst, ink)
		}
	}
	return out
}

// rgbRow joins three rows to RGB8 [W,3].
func rgbRow(dst, r, g, b []uint8) {
	for x := range len(dst) / 3 {
		d := dst[3*x : 3*x+3 : 3*x+3]
		d[0], d[1], d[2] = r[x], g[x], b[x]
	}
}
