package kernel

// FromNCHW copies the rows [y0, y1) of picture n of src, which is row-major [N,c,h,w], to the pixels of dst
// that g places. Where scale is not nil it writes src·scale[c] + shift[c].
func FromNCHW(dst, src []float32, g Grid, n, c, h, w, y0, y1 int, scale, shift []float32) {
	if y0 >= y1 || w == 0 {
		return
	}
	must("layout input", len(src), 0, (n+1)*c*h*w)
	must("layout output", len(dst), g.At(n, y0, 0), g.At(n, y1-1, w-1)+c)
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
