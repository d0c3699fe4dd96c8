package kernel

// WinogradGradWeight is ConvGradWeight, of the geometries for which Conv.WinogradGrad says so, by Winograd's algorithm
// F(4×4, 3×3): with the transforms of Winograd, the square behind a tile of X times the square that a tile of dY becomes,
// summed over the tiles, is the gradient by the transformed weights, which is transformed back at the end. It takes a
// quarter of the multiplications.
//
// Transform comes first, for all slices of the tiles; then Run, for all parts, chunks of input channels and blocks of
// output channels, some at a time; then Reduce. Sums are chains over the tiles of a part in their order. The grids must hold the pixels
// that the tiles reach, zeros in the halo.
type WinogradGradWeight struct {
	Conv
	Bias bool // db is wanted too
}

// sliceTiles is the number of tiles that are transformed together.
const sliceTiles = 32

// WinogradGrad reports whether the gradient by the weights is computed faster by Winograd's algorithm, on any
// instruction set: tiles that reach far over the border save nothing.
func (c *Conv) WinogradGrad() bool {
	w := Winograd{Conv: *c, Tile: 4}
	h, x := w.grid()
	return c.KH == 3 && c.KW == 3 && c.Groups == 1 && c.StrideH == 1 && c.StrideW == 1 && c.DilH == 1 && c.DilW == 1 &&
		c.InC%lanesWinograd == 0 && c.OutC%lanesWinograd == 0 && c.OutH*c.OutW >= 6*h*x && h*x > 0
}

// Reach returns the extents of the pixels of X and of dY that the tiles of a picture read.
func (c *WinogradGradWeight) Reach() (xH, xW, yH, yW int) {
	w := c.tiled()
	xH, xW = w.Reach()
	return xH, xW, xH - 2, xW - 2
}

func (c *WinogradGradWeight) tiled() Winograd { return Winograd{Conv: c.Conv, Tile: 4} }

func (c *WinogradGradWeight) tiles() int {
	w := c.tiled()
	return w.Tiles()
}

// Slices returns the number of slices of the tiles.
func (c *WinogradGradWeight) Slices() int { return (c.tiles() + sliceTiles - 1) / sliceTiles }

// Parts returns the number of parts of the slices: about one for each partSlices of them, but so few that all of their
// sums together have at most partSums elements, unless it is only one.
func (c *WinogradGradWeight) Parts() int {
	const partSlices, partSums = 8, 1 << 20
	return max(1, min(c.Slices()/partSlices, partSums/max(1, c.PackedLen())))
}

// PartialLen returns the number of elements of the sums of all parts.
func (c *WinogradGradWeight) PartialLen() int { return c.Parts() * c.PackedLen() }

// slices returns the slices of a part.
func (c *WinogradGradWeight) slices(part int) (s0, s1 int) {
	n, parts := c.Slices(), c.Parts()
	return part * n / parts, (part + 1) * n / parts
}

// most is the number of tiles that a part has at most.
func (c *WinogradGradWeight) most() int {
	return (c.Slices() + c.Parts() - 1) / c.Parts() * sliceTiles
}

// chunkC is the number of input channels of a chunk, of which the last may have fewer.
func (c *WinogradGradWeight) chunkC() int {
	const most = 96
	return (evenly(c.InC, most) + lanesWinograd - 1) / lanesWinograd * lanesWinograd
}

// Chunks returns the number of chunks of input channels.
func (c *WinogradGradWeight) Chunks() int { return (c.InC + c.chunkC() - 1) / c.chunkC() }

// chunk returns the channels of a chunk.
func (c *WinogradGradWeight) chunk(i int) (c0, n int) {
	c0 = i * c.chunkC()
	return c0, min(c.chunkC(), c.InC-c0)
}

// squareLen is the number of elements of the square of a tile of 4×4.
const squareLen = 36

// areas returns the elements that a chunk and a block of dY take in a part, transformed.
func (c *WinogradGradWeight) areas() (x, dy int) {
	return squareLen * slab(c.most(), c.chunkC()), squareLen * slab(c.most(), c.blockC())
}

// TransformedLen returns the number of elements of what Transform computes: X, dY, and the sums of the latter's slices.
func (c *WinogradGradWeight) TransformedLen() int {
	x, dy := c.areas()
	return c.Parts()*(c.Chunks()*x+c.Blocks()*dy) + c.Slices()*c.OutC
}

// x and dy return what is transformed of a part: of a chunk, and of a block.
func (c *WinogradGradWeight) x(in []float32, part, chunk int) []float32 {
	x, _ := c.areas()
	return in[(part*c.Chunks()+chunk)*x:][:x]
}

func (c *WinogradGradWeight) dy(in []float32, part, block int) []float32 {
	x, dy := c.areas()
	return in[c.Parts()*c.Chunks()*x+(part*c.Blocks()+block)*dy:][:dy]
}

// bias returns the sums of dY over a slice.
func (c *WinogradGradWeight) bias(in []float32, slice int) []float32 {
	return in[c.TransformedLen()-(c.Slices()-slice)*c.OutC:][:c.OutC]
}

// ScratchLen returns the number of elements that Transform and Run need for themselves.
func (c *WinogradGradWeight) ScratchLen() int {
	return tmpLen + min(TogetherBlocks, c.Blocks())*squareLen*slab(c.chunkC(), c.blockC())
}

// TogetherBlocks is the number of blocks of output channels that Run computes together at most.
const TogetherBlocks = 4

// Transform transforms the tiles of a slice to in [TransformedLen]. scratch has ScratchLen elements. Different slices
// may be transformed at the same time.
func (c *WinogradGradWeight) Transform(in, src, dy, scratch []float32, slice int) {
	c.check(in, scratch)
	w := c.tiled()
	h, x, yH, yW := c.Reach()
	must("winograd gradient slice", c.Slices(), 0, slice+1)
	must("winograd gradient input", len(src), c.Src.Start, c.Src.At(c.N-1, h-1, x-1)+c.InC)
	must("winograd gradient output", len(dy), c.Dst.Start, c.Dst.At(c.N-1, yH-1, yW-1)+c.OutC)
	part := 0
	for _, end := c.slices(part); end <= slice; _, end = c.slices(part) {
		part++
	}
	first, _ := c.slices(part)
	bias := c.bias(in, slice)
	clear(bias)
	t0, t1 := slice*sliceTiles, min((slice+1)*sliceTiles, c.tiles())
	k := w.walkTiles(t0)
	for t := t0; t < t1; t++ {
		at, from := t-first*sliceTiles, c.Src.At(k.n, 4*k.y, 4*k.x)
		for i := range c.Chunks() {
			c0, n := c.chunk(i)
			c.squareOfX(c.x(in, part, i)[at*n:], src[from+c0:], scratch, n, slab(c.most(), n))
		}
		from = c.Dst.At(k.n, 4*k.y, 4*k.x)
		for b := range c.Blocks() {
			width := c.packedC(b)
			c.squareOfDY(c.dy(in, part, b)[at*width:], dy[from+c.firstC(b):], scratch, width, slab(c.most(), width))
		}
		if rows, cols := w.inside(k); c.Bias {
			for y := range rows {
				ColumnSums(bias, dy[from+y*c.Dst.Row:], Rows{N: cols, Width: c.OutC, From: c.Dst.Pixel})
			}
		}
		k.next()
	}
}

// Run computes the sums of a part for a chunk of the input channels and the blocks [b0, b1) of output channels, at most
// TogetherBlocks, from what Transform computed, and stores them to partial [PartialLen]. scratch has ScratchLen
// elements. Different ones may be computed at the same time.
func (c *WinogradGradWeight) Run(partial, in, scratch []float32, part, chunk, b0, b1 int) {
	c.check(in, scratch)
	must("winograd gradient part", c.Parts(), 0, part+1)
	must("winograd gradient chunk", c.Chunks(), 0, chunk+1)
	must("winograd gradient block", min(c.Blocks(), b0+TogetherBlocks), b0, b1)
	must("winograd gradient sums", len(partial), 0, c.PartialLen())
	_, n := c.chunk(chunk)
	s0, s1 := c.slices(part)
	tiles := min(s1*sliceTiles, c.tiles()) - s0*sliceTiles
	x, tmp, products := c.x(in, part, chunk), scratch[:tmpLen], scratch[tmpLen:]
	apart := slab(n, c.blockC())
	for i := range squareLen { // what is read of x for one element of the square stays in a cache for all blocks
		for b := b0; b < b1; b++ {
			width := c.packedC(b)
			task := gradTask{strided: strided{data: x, at: i * slab(c.most(), n), step: n}, dy: c.dy(in, part, b)[i*slab(c.most(), width):], width: width}
			task.sum(products[((b-b0)*squareLen+i)*apart:][:n*width], tiles, n)
		}
	}
	for b := b0; b < b1; b++ {
		c.finish(c.block(partial[part*c.PackedLen():], b), products[(b-b0)*squareLen*apart:], in, tmp, part, chunk, b)
	}
}

// sum sets sums to those over so many tiles, of n elements, some of the tiles at a time.
func (t *gradTask) sum(sums []float32, tiles, n int) {
	clear(sums)
	step := evenly(tiles, boxPixels)
	for ; tiles > 0; tiles -= step {
		k := min(step, tiles)
		t.images, t.rows, t.cols, t.row, t.image = 1, 1, k, k*n, k*n
		t.run(sums, n)
		t.at += step * n
		t.dy = t.dy[min(step*t.width, len(t.dy)):]
	}
}

// finish transforms the products of a part, chunk and block to the sums of the block, and adds its bias up with the
// first chunk.
func (c *WinogradGradWeight) finish(sums, products, in, tmp []float32, part, chunk, block int) {
	c0, n := c.chunk(chunk)
	width := c.packedC(block)
	c.weightsOf(sums[(1+c0)*width:], products, tmp, n*width, slab(n, c.blockC()), c.InC*width)
	if chunk > 0 {
		return
	}
	clear(sums[:width])
	s0, s1 := c.slices(part)
	for s := s0; s < s1 && c.Bias; s++ {
		addRow(sums[:width], c.bias(in, s)[c.firstC(block):][:width])
	}
}

// Reduce is that of ConvGradWeight.
func (c *WinogradGradWeight) Reduce(dw, db, partial []float32, b0, b1 int, add bool) {
	must("winograd gradient blocks", c.Blocks(), 0, b1)
	must("winograd gradient sums", len(partial), 0, c.PartialLen())
	must("winograd gradient", len(dw), 0, c.OutC*c.taps())
	c.Filter.reduce(dw, db, partial, c.Parts(), b0, b1, add)
}

func (c *WinogradGradWeight) check(in, scratch []float32) {
	if !c.WinogradGrad() {
		panic("kernel: winograd gradient: geometry")
	}
	must("winograd gradient input", len(in), 0, c.TransformedLen())
	must("winograd gradient scratch", len(scratch), 0, c.ScratchLen())
}

// lineGrad is the transform of a line of pixels of dY: the transpose of lineOut.
func lineGrad(d [4]float32) [6]float32 {
	const a2, b2 = pointA * pointA, pointB * pointB
	evenA, oddA := d[0]+a2*d[2], pointA*d[1]+pointA*a2*d[3]
	evenB, oddB := d[0]+b2*d[2], pointB*d[1]+pointB*b2*d[3]
	return [6]float32{d[0], evenA + oddA, evenA - oddA, evenB + oddB, evenB - oddB, d[3]}
}

// coefWeights are the coefficients of lineWeights, from the transform of the weights.
var coefWeights = func() (k [8]float32) {
	w := Winograd{Tile: 4}
	zero, a, b := w.weightLine(0), w.weightLine(1), w.weightLine(3)
	for i, v := range []float64{zero[0], a[0], b[0], a[1], b[1], a[2], b[2]} {
		k[i] = float32(v)
	}
	return k
}()

// lineWeights is the transform of a line of products to weights: the transpose of that of the weights.
func lineWeights(m [6]float32) [3]float32 {
	k := &coefWeights
	s, e, t, f := m[1]+m[2], m[1]-m[2], m[3]+m[4], m[3]-m[4]
	return [3]float32{
		float32(k[0]*m[0]) + float32(k[1]*s) + float32(k[2]*t),
		float32(k[3]*e) + float32(k[4]*f),
		m[5] + float32(k[5]*s) + float32(k[6]*t),
	}
}

// squareOfXGeneric transforms n channels of the tile of X that starts src; the elements of the square lie step apart.
func squareOfXGeneric(dst, src []float32, g Grid, n, step int) {
	w := Winograd{Conv: Conv{Filter: Filter{InC: n}, N: 1, OutH: 4, OutW: 4, Src: Grid{Row: g.Row, Pixel: g.Pixel}}, Tile: 4}
	w.transformTile(dst, src, 0, n, step)
}

// squareOfDYGeneric is squareOfXGeneric for a tile of dY.
func squareOfDYGeneric(dst, src []float32, g Grid, n, step int) {
	for c := range n {
		var half [6][4]float32
		for x := range 4 {
			var d [4]float32
			for y := range d {
				d[y] = src[y*g.Row+x*g.Pixel+c]
			}
			for y, v := range lineGrad(d) {
				half[y][x] = v
			}
		}
		for y := range half {
			for x, v := range lineGrad(half[y]) {
				dst[(y*6+x)*step+c] = v
			}
		}
	}
}

// weightsOfGeneric transforms n squares of products, whose elements lie step apart, to 3×3 weights that lie apart.
func weightsOfGeneric(dst, src []float32, n, step, apart int) {
	for c := range n {
		var half [3][6]float32
		for y := range 6 {
			var m [6]float32
			for x := range m {
				m[x] = src[(y*6+x)*step+c]
			}
			for x, v := range lineWeights(m) {
				half[x][y] = v
			}
		}
		for x := range half {
			for y, v := range lineWeights(half[x]) {
				dst[(y*3+x)*apart+c] = v
			}
		}
	}
}
