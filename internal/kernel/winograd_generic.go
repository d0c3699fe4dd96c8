package kernel

// square holds the pixels or products of a tile for one channel; a Tile of 2 uses 4×4 of them.
type square [6][6]float32

// transformInGeneric transforms the pixels of the tiles [t0, t1): their columns, then the rows of that.
func (w *Winograd) transformInGeneric(dst, src []float32, t0, t1 int) {
	step, k := slab(t1-t0, w.InC), w.walkTiles(t0)
	for t := range t1 - t0 {
		w.transformTile(dst[t*w.InC:], src, w.Src.At(k.n, k.y*w.Tile, k.x*w.Tile), w.InC, step)
		k.next()
	}
}

// transformTile transforms so many channels of the tile that starts at src[at].
func (w *Winograd) transformTile(dst, src []float32, at, channels, step int) {
	n := w.side()
	for c := range channels {
		var d, half square
		for x := range n {
			for y := range n {
				d[x][y] = src[at+y*w.Src.Row+x*w.Src.Pixel+c]
			}
			column := w.lineIn(d[x])
			for y := range n {
				half[y][x] = column[y]
			}
		}
		for y := range n {
			row := w.lineIn(half[y])
			for x := range n {
				dst[(y*n+x)*step+c] = row[x]
			}
		}
	}
}

// transformOutGeneric transforms the products of the tiles [t0, t1), their rows, then the columns of that, and adds
// bias and residual. The channels are those from c0 on that bias has.
func (w *Winograd) transformOutGeneric(dst, res, src, bias []float32, t0, t1, c0 int) {
	n, step := w.side(), slab(t1-t0, len(bias))
	lo, hi := w.Act.bounds()
	k := w.walkTiles(t0)
	for t := range t1 - t0 {
		rows, cols := w.inside(k)
		for c, b := range bias {
			var half square
			for y := range n {
				var m [6]float32
				for x := range n {
					m[x] = src[(y*n+x)*step+t*len(bias)+c]
				}
				row := w.lineOut(m)
				for x := range w.Tile {
					half[x][y] = row[x]
				}
			}
			for x := range cols {
				column := w.lineOut(half[x])
				for y := range rows {
					py, px := k.y*w.Tile+y, k.x*w.Tile+x
					v := column[y] + b
					if res != nil {
						v += res[w.Res.At(k.n, py, px)+c0+c]
					}
					dst[w.Dst.At(k.n, py, px)+c0+c] = min(max(v, lo), hi)
				}
			}
		}
		k.next()
	}
}

// lineIn is the transform of a line of pixels.
func (w *Winograd) lineIn(d [6]float32) [6]float32 {
	if w.Tile == 2 {
		return [6]float32{d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]}
	}
	const a2, b2 = pointA * pointA, pointB * pointB
	evenA, oddA := d[4]-b2*d[2], d[3]-b2*d[1]
	evenB, oddB := d[4]-a2*d[2], d[3]-a2*d[1]
	return [6]float32{
		d[4] - (a2+b2)*d[2] + a2*b2*d[0],
		evenA + pointA*oddA, evenA - pointA*oddA,
		evenB + pointB*oddB, evenB - pointB*oddB,
		d[5] - (a2+b2)*d[3] + a2*b2*d[1],
	}
}

// lineOut is the transform of a line of products.
func (w *Winograd) lineOut(m [6]float32) [4]float32 {
	if w.Tile == 2 {
		return [4]float32{m[1] + m[2] + m[0], m[1] - m[2] - m[3]}
	}
	sumA, diffA := m[1]+m[2], m[1]-m[2]
	sumB, diffB := m[3]+m[4], m[3]-m[4]
	return [4]float32{
		sumA + sumB + m[0],
		pointA*diffA + pointB*diffB,
		pointA*pointA*sumA + pointB*pointB*sumB,
		m[5] + pointA*pointA*pointA*diffA + pointB*pointB*pointB*diffB,
	}
}
