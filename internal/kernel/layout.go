package kernel

// FromNCHW copies the rows [y0, y1) of picture n of src, which is row-major [N,c,h,w], to the pixels of dst
// that g places. Where scale is not nil it writes src·scale[c] + shift[c].
func FromNCHW(dst, src []float32, g Grid, n, c, h, w, y0, y1 int, scale, shift []float32) {
	if y0 >= y1 || w == 0 {
		return
	}
	must("layout input", len(src), 0, (n+1)*c*h*w)
	must("layout output", len(dst), g.At(n, y0, 0), g.At(n, y1-1, w-1)+c)
	if c == 3 && g.Pixel == 3 {
		fromPlanes(dst, src[3*n*h*w:], g, n, h, w, y0, y1, scale, shift)
		return
	}
	for y := y0; y < y1; y++ {
		for ch := range c {
			row := src[((n*c+ch)*h+y)*w:][:w]
			at := g.At(n, y, 0) + ch
			if scale == nil {
				for _, v := range row {
					dst[at] = v
					at += g.Pixel
				}
				continue
			}
			k, b := scale[ch], shift[ch]
			for _, v := range row {
				dst[at] = float32(v*k) + b
				at += g.Pixel
			}
		}
	}
}

// fromPlanes is FromNCHW for what networks begin with: pictures of three channels, here of one in src. It writes whole
// pixels, one after another.
func fromPlanes(dst, src []float32, g Grid, n, h, w, y0, y1 int, scale, shift []float32) {
	for y := y0; y < y1; y++ {
		out := dst[g.At(n, y, 0):][:3*w]
		p0, p1, p2 := src[y*w:][:w], src[(h+y)*w:][:w], src[(2*h+y)*w:][:w]
		if scale == nil {
			for x, v := range p0 {
				to := (*[3]float32)(out[3*x:])
				to[0], to[1], to[2] = v, p1[x], p2[x]
			}
			continue
		}
		k, b := (*[3]float32)(scale), (*[3]float32)(shift)
		k0, k1, k2, b0, b1, b2 := k[0], k[1], k[2], b[0], b[1], b[2]
		for x, v := range p0 {
			to := (*[3]float32)(out[3*x:])
			to[0], to[1], to[2] = float32(v*k0)+b0, float32(p1[x]*k1)+b1, float32(p2[x]*k2)+b2
		}
	}
}

// ToNCHW copies the rows [y0, y1) of picture n, whose pixels g places in src, to dst, row-major [N,c,h,w].
func ToNCHW(dst, src []float32, g Grid, n, c, h, w, y0, y1 int) {
	if y0 >= y1 || w == 0 {
		return
	}
	must("layout output", len(dst), 0, (n+1)*c*h*w)
	must("layout input", len(src), g.At(n, y0, 0), g.At(n, y1-1, w-1)+c)
	for y := y0; y < y1; y++ {
		for ch := range c {
			at := g.At(n, y, 0) + ch
			row := dst[((n*c+ch)*h+y)*w:][:w]
			for x := range row {
				row[x] = src[at]
				at += g.Pixel
			}
		}
	}
}

// CopyPixels copies the c channels of the pixels of row y of picture n from one grid to another.
func CopyPixels(dst, src []float32, to, from Grid, n, y, w, c int) {
	if to.Pixel == c && from.Pixel == c {
		copy(dst[to.At(n, y, 0):][:w*c], src[from.At(n, y, 0):][:w*c])
		return
	}
	for x := range w {
		copy(dst[to.At(n, y, x):][:c], src[from.At(n, y, x):][:c])
	}
}
