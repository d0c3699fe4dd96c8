package kernel

// Winograd is a Conv of 3×3 taps, stride 1 and one group that is computed by the algorithm F(Tile×Tile, 3×3) of
// Winograd and Lavin: the output is cut into tiles; the (Tile+2)² pixels behind a tile are transformed, channel by
// channel, so that each product of a transformed pixel and a transformed weight stands for several; the sums over
// the channels, (Tile+2)² matrix products over all tiles, are transformed back. Of the multiplications of the
// definition a Tile of 2 leaves 4/9, one of 4 a quarter.
//
// The last tiles may reach over the output's border. The grid Src must hold the pixels that they read, zeros in
// the halo, and nothing is written beyond the border.
type Winograd struct {
	Conv
	Tile int // 2 or 4
}

// side returns the side of the square of pixels, and of products, of a tile.
func (w *Winograd) side() int { return w.Tile + 2 }

// grid returns the tiles of a picture.
func (w *Winograd) grid() (h, w2 int) {
	return (w.OutH + w.Tile - 1) / w.Tile, (w.OutW + w.Tile - 1) / w.Tile
}

// Tiles returns the number of tiles of all pictures: the unit, besides Blocks, in which Run is told what to do.
func (w *Winograd) Tiles() int {
	th, tw := w.grid()
	return w.N * th * tw
}

// Reach returns the extent of the pixels that the tiles of a picture read.
func (w *Winograd) Reach() (h, w2 int) {
	th, tw := w.grid()
	return th*w.Tile + 2, tw*w.Tile + 2
}

// products returns the matrix product over n tiles that each element of the square is.
func (w *Winograd) products(n int) Conv {
	return Conv{Filter: Filter{OutC: w.OutC, InC: w.InC, KH: 1, KW: 1, Groups: 1}, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1,
		N: 1, OutH: 1, OutW: n, Src: Grid{Pixel: w.InC}}
}

// PackedLen returns the number of elements of the packed weights.
func (w *Winograd) PackedLen() int {
	c := w.products(0)
	return w.OutC + w.side()*w.side()*c.PackedLen()
}

// Pack writes the weights [OutC, InC, 3, 3] and bias [OutC] (nil: zeros) to dst [PackedLen]: the bias, then for each
// element of the square the transformed weights as the matrix product wants them.
func (w *Winograd) Pack(dst, weights, bias []float32) {
	must("packed weights", len(dst), 0, w.PackedLen())
	must("weights", len(weights), 0, w.OutC*w.InC*9)
	clear(dst[:w.OutC])
	copy(dst, bias)
	n, c := w.side(), w.products(0)
	square := make([]float32, w.OutC*w.InC)
	for i := range n * n {
		m := w.factors(i/n, i%n)
		for k := range square {
			square[k] = transformed(&m, (*[9]float32)(weights[9*k:]))
		}
		c.Pack(dst[w.OutC+i*c.PackedLen():], square, nil)
	}
}

// factors returns what the nine weights of a kernel are multiplied by for element (y, x) of their transform.
func (w *Winograd) factors(y, x int) (m [9]float64) {
	gy, gx := w.weightLine(y), w.weightLine(x)
	for k := range m {
		m[k] = gy[k/3] * gx[k%3]
	}
	return m
}

// transformed returns the sum of the products of m and the weights of a kernel, in float64.
func transformed(m *[9]float64, g *[9]float32) float32 {
	sum := 0.0
	for k, v := range m {
		sum += v * float64(g[k])
	}
	return float32(sum)
}

// The points at which polynomials are multiplied are 0, ±1 and ∞ for a Tile of 2, and 0, ±pointA, ±pointB and ∞ for
// one of 4. Those of the latter give a third of the rounding error of the customary ±1 and ±2, twice that of the
// definition; their powers are exact in float32.
const pointA, pointB = 11.0 / 16, 3.0 / 2

// weightLine returns row i of the transform of three weights.
func (w *Winograd) weightLine(i int) [3]float64 {
	const a2, b2 = pointA * pointA, pointB * pointB
	at := func(scale, p float64) [3]float64 { return [3]float64{scale, scale * p, scale * p * p} }
	if w.Tile == 2 {
		return [4][3]float64{{1, 0, 0}, at(.5, 1), at(.5, -1), {0, 0, 1}}[i]
	}
	ka, kb := 1/(2*a2*(a2-b2)), 1/(2*b2*(b2-a2))
	return [6][3]float64{{1 / (a2 * b2), 0, 0}, at(ka, pointA), at(ka, -pointA), at(kb, pointB), at(kb, -pointB), {0, 0, 1}}[i]
}

// slab returns the distance between the slabs of a buffer in which each of n tiles has the given channels: an odd
// number of cache lines, so that slabs do not meet in the same sets.
func slab(n, channels int) int { return ((n*channels+15)/16 | 1) * 16 }

// columns returns the output channels of the blocks [b0, b1).
func (w *Winograd) columns(b0, b1 int) (c0, n int) {
	c0 = b0 * w.blockC()
	return c0, min(b1*w.blockC(), w.OutC) - c0
}

// tmpLen is the size of what a transform keeps between its two dimensions: 36 vectors.
const tmpLen = 36 * 16

// winogradOut is about how many elements the products that wait to be transformed may take, together with what they are
// computed from in a small second-level cache.
const winogradOut = 48 << 10

// together returns for how many of so many blocks the products over n tiles wait for their transform.
func (w *Winograd) together(n, blocks int) int {
	return max(1, min(blocks, winogradOut/(w.side()*w.side()*n*w.blockC())))
}

// ScratchLen returns the number of elements that Run needs for so many tiles and blocks, or fewer.
func (w *Winograd) ScratchLen(tiles, blocks int) int {
	k := w.side() * w.side()
	out := max(winogradOut+32*k, k*slab(tiles, w.blockC()))
	return tmpLen + k*slab(tiles, w.InC) + min(out, k*slab(tiles, blocks*w.blockC()))
}

// Run computes the channel blocks [b0, b1) of the tiles [t0, t1), counted over all pictures. packed comes from Pack,
// scratch has the ScratchLen of the range. res may be nil. dst may be res, not src.
func (w *Winograd) Run(dst, src, res, packed, scratch []float32, t0, t1, b0, b1 int) {
	if t0 >= t1 || b0 >= b1 {
		return
	}
	w.check(dst, src, res, packed, scratch, t0, t1, b0, b1)
	n := t1 - t0
	tmp, scratch := scratch[:tmpLen], scratch[tmpLen:]
	k := w.side() * w.side()
	in, out := scratch[:k*slab(n, w.InC)], scratch[k*slab(n, w.InC):]
	w.transformIn(in, src, tmp, t0, t1)
	for b, step := b0, w.together(n, b1-b0); b < b1; b += step {
		end := min(b+step, b1)
		c0, cols := w.columns(b, end)
		w.multiply(out, in, packed[w.OutC:], n, b, end)
		w.transformOut(dst, res, out, packed[c0:c0+cols], tmp, t0, t1, c0)
		w.finish(dst, t0, t1, c0, cols)
	}
}

// multiply computes the matrix products over n tiles.
func (w *Winograd) multiply(dst, src, packed []float32, n, b0, b1 int) {
	c := w.products(n)
	_, c.Dst.Pixel = w.columns(b0, b1)
	t := c.task(nil, nil, nil, packed, b0)
	_, together := c.chunk(b1 - b0)
	k := w.side() * w.side()
	for i := range k {
		t.src, t.dst = src[i*slab(n, w.InC):], dst[i*slab(n, c.Dst.Pixel):]
		for b := b0; b < b1; b += t.blocks {
			if together {
				t.blocks = c.fullBlocks(b, b1)
			}
			t.w = c.block(packed, i*c.Blocks()+b)
			if next := b + t.blocks; next < b1 {
				t.next = c.block(packed, i*c.Blocks()+next)
			} else {
				t.next = c.block(packed, min(i+1, k-1)*c.Blocks()+b0)
			}
			t.outC = (b - b0) * c.blockC()
			t.width, t.packed = min(c.blockC(), w.OutC-b*c.blockC()), c.packedC(b)
			t.run(0, n)
		}
	}
}

// walkTiles returns a walk that stands at tile t.
func (w *Winograd) walkTiles(t int) walk {
	th, tw := w.grid()
	return walkFrom(t, th, tw)
}

// inside returns the rows and columns of a tile that the output has.
func (w *Winograd) inside(k walk) (rows, cols int) {
	return min(w.Tile, w.OutH-k.y*w.Tile), min(w.Tile, w.OutW-k.x*w.Tile)
}

// finish applies an activation that the transform does not.
func (w *Winograd) finish(dst []float32, t0, t1, c0, cols int) {
	if w.Act.clips() {
		return
	}
	k := w.walkTiles(t0)
	for range t1 - t0 {
		rows, columns := w.inside(k)
		for y := range rows {
			for x := range columns {
				out := dst[w.Dst.At(k.n, k.y*w.Tile+y, k.x*w.Tile+x)+c0:][:cols]
				w.Act.Apply(out, out)
			}
		}
		k.next()
	}
}

// check panics if a slice is too short for the geometry, or the geometry is not one for the algorithm.
func (w *Winograd) check(dst, src, res, packed, scratch []float32, t0, t1, b0, b1 int) {
	if w.KH != 3 || w.KW != 3 || w.Groups != 1 || w.StrideH != 1 || w.StrideW != 1 || w.DilH != 1 || w.DilW != 1 ||
		w.Tile != 2 && w.Tile != 4 || w.InC%lanesWinograd != 0 || w.OutC%lanesWinograd != 0 {
		panic("kernel: winograd: geometry")
	}
	must("winograd tiles", w.Tiles(), t0, t1)
	must("winograd blocks", w.Blocks(), b0, b1)
	must("winograd weights", len(packed), 0, w.PackedLen())
	must("winograd scratch", len(scratch), 0, w.ScratchLen(t1-t0, b1-b0))
	h, x := w.Reach()
	must("winograd input", len(src), w.Src.Start, w.Src.At(w.N-1, h-1, x-1)+w.InC)
	must("winograd output", len(dst), w.Dst.Start, w.Dst.At(w.N-1, w.OutH-1, w.OutW-1)+w.OutC)
	if res != nil {
		must("winograd residual", len(res), w.Res.Start, w.Res.At(w.N-1, w.OutH-1, w.OutW-1)+w.OutC)
	}
}

// lanesWinograd is what the channels must be a multiple of: the widest vector, on every instruction set.
const lanesWinograd = 16

// WinogradTile returns the Tile with which c is computed faster by Winograd's algorithm, 0 if it is not. The choice
// changes the order of sums, so it depends on the geometry but for N alone. Measured on one thread of a Xeon
// (Emerald Rapids), times as fast as the direct kernel:
//
//	channels, output     AVX-512, 2 and 4   AVX2, 2 and 4   plain Go, 2 and 4
//	 16 -> 16,  56×56     1.3   2.6          1.0   1.5       0.6   1.3
//	 32 -> 32,  28×28     1.2   1.9          1.4   2.0       1.7   3.2
//	128 -> 128, 14×14     1.7   1.8          1.8   1.8       1.5   2.1
//	 64 -> 64,   7×7      0.7   0.8          1.1   1.3       1.0   1.6
//
// Small pictures of many channels are bound by the weights, of which a Tile of 4 has twice as many as one of 2.
func (c *Conv) WinogradTile() int {
	const small, many = 8 * 8, 256
	switch {
	case c.KH != 3 || c.KW != 3 || c.Groups != 1 || c.StrideH != 1 || c.StrideW != 1 || c.DilH != 1 || c.DilW != 1,
		c.InC%lanesWinograd != 0, c.OutC%lanesWinograd != 0:
		return 0
	case c.OutH*c.OutW > small:
		return 4
	case c.InC >= many && c.OutC >= many:
		return 2
	}
	return 0
}
