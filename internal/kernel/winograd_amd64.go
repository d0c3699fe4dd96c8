//go:build !purego

package kernel

import "unsafe"

// winogradArgs is what a transform of assembly gets; the offsets are package asm's. Distances are in bytes.
type winogradArgs struct {
	src, dst         unsafe.Pointer // pixels and slabs, or slabs and pixels
	tmp              unsafe.Pointer // tmpLen elements
	slab             int            // between slabs
	row, pixel       int            // between pixels
	blocks           int            // vectors of channels
	coef             [8]float32
	res              unsafe.Pointer // the rest is for the way out; no res: nil
	resRow, resPixel int
	bias             unsafe.Pointer
	rows, cols       int     // of the tile that the output has
	lo, hi           float32 // what the result is clipped to
}

// winogradLanes returns the channels of one vector, 0 where plain Go is in use.
func winogradLanes() int {
	switch {
	case useConvAVX512:
		return 16
	case useConvAVX2:
		return 8
	}
	return 0
}

// coefIn and coefOut are the coefficients in the order in which package asm's lineIn and lineOut take them.
func (w *Winograd) coefIn() [8]float32 {
	const a2, b2 = pointA * pointA, pointB * pointB
	if w.Tile == 2 {
		return [8]float32{-1}
	}
	return [8]float32{-b2, -a2, -(a2 + b2), a2 * b2, pointA, -pointA, pointB, -pointB}
}

func (w *Winograd) coefOut() [8]float32 {
	const a2, b2 = pointA * pointA, pointB * pointB
	if w.Tile == 2 {
		return [8]float32{-1}
	}
	return [8]float32{pointA, pointB, a2, b2, pointA * a2, pointB * b2, -1, 0}
}

func (w *Winograd) transformIn(dst, src, tmp []float32, t0, t1 int) {
	lanes := winogradLanes()
	if lanes == 0 {
		w.transformInGeneric(dst, src, t0, t1)
		return
	}
	a := winogradArgs{tmp: element(tmp, 0), slab: 4 * slab(t1-t0, w.InC), row: 4 * w.Src.Row, pixel: 4 * w.Src.Pixel,
		blocks: w.InC / lanes, coef: w.coefIn()}
	k := w.walkTiles(t0)
	for t := range t1 - t0 {
		a.src, a.dst = element(src, w.Src.At(k.n, k.y*w.Tile, k.x*w.Tile)), element(dst, t*w.InC)
		if lanes == 16 {
			winogradInAVX512(&a, w.Tile)
		} else {
			winogradInAVX2(&a, w.Tile)
		}
		k.next()
	}
}

func (w *Winograd) transformOut(dst, res, src, bias, tmp []float32, t0, t1, c0 int) {
	lanes := winogradLanes()
	if lanes == 0 {
		w.transformOutGeneric(dst, res, src, bias, t0, t1, c0)
		return
	}
	a := winogradArgs{tmp: element(tmp, 0), slab: 4 * slab(t1-t0, len(bias)), row: 4 * w.Dst.Row, pixel: 4 * w.Dst.Pixel,
		blocks: len(bias) / lanes, coef: w.coefOut(), resRow: 4 * w.Res.Row, resPixel: 4 * w.Res.Pixel, bias: element(bias, 0)}
	a.lo, a.hi = w.Act.bounds()
	k := w.walkTiles(t0)
	for t := range t1 - t0 {
		y, x := k.y*w.Tile, k.x*w.Tile
		a.src, a.dst = element(src, t*len(bias)), element(dst, w.Dst.At(k.n, y, x)+c0)
		if res != nil {
			a.res = element(res, w.Res.At(k.n, y, x)+c0)
		}
		a.rows, a.cols = w.inside(k)
		if lanes == 16 {
			winogradOutAVX512(&a, w.Tile)
		} else {
			winogradOutAVX2(&a, w.Tile)
		}
		k.next()
	}
}

// squareOfX transforms n channels of the tile of X that starts src, to elements of the square step apart.
func (c *WinogradGradWeight) squareOfX(dst, src, tmp []float32, n, step int) {
	w := c.tiled()
	a := winogradArgs{src: element(src, 0), dst: element(dst, 0), tmp: element(tmp, 0), slab: 4 * step, row: 4 * c.Src.Row, pixel: 4 * c.Src.Pixel, coef: w.coefIn()}
	switch lanes := winogradLanes(); lanes {
	case 16:
		a.blocks = n / lanes
		winogradInAVX512(&a, 4)
	case 8:
		a.blocks = n / lanes
		winogradInAVX2(&a, 4)
	default:
		squareOfXGeneric(dst, src, c.Src, n, step)
	}
}

// squareOfDY is squareOfX for a tile of dY.
func (c *WinogradGradWeight) squareOfDY(dst, src, tmp []float32, n, step int) {
	w := c.tiled()
	a := winogradArgs{src: element(src, 0), dst: element(dst, 0), tmp: element(tmp, 0), slab: 4 * step, row: 4 * c.Dst.Row, pixel: 4 * c.Dst.Pixel, coef: w.coefOut()}
	switch lanes := winogradLanes(); lanes {
	case 16:
		a.blocks = n / lanes
		winogradGradInAVX512(&a, 4)
	case 8:
		a.blocks = n / lanes
		winogradGradInAVX2(&a, 4)
	default:
		squareOfDYGeneric(dst, src, c.Dst, n, step)
	}
}

// weightsOf transforms n squares of products, whose elements lie step apart, to 3×3 weights, which lie apart.
func (c *WinogradGradWeight) weightsOf(dst, src, tmp []float32, n, step, apart int) {
	a := winogradArgs{src: element(src, 0), dst: element(dst, 0), tmp: element(tmp, 0), slab: 4 * step, row: 12 * apart, pixel: 4 * apart, coef: coefWeights}
	switch lanes := winogradLanes(); lanes {
	case 16:
		a.blocks = n / lanes
		winogradGradOutAVX512(&a, 4)
	case 8:
		a.blocks = n / lanes
		winogradGradOutAVX2(&a, 4)
	default:
		weightsOfGeneric(dst, src, n, step, apart)
	}
}
