package kernel

// ConvGradWeight is the gradient of a convolution by its weights, a matrix product over the pixels of the output:
//
//	dW[oc][ic][ky][kx] = Σ dY[pixel][oc]·X[tap of the pixel][ic],  db[oc] = Σ dY[pixel][oc]
//
// Src places X as for the convolution, Dst places dY; Res and Act are not read.
//
// The pixels are cut into parts, how many is told by the geometry alone. The sums of a part are a chain over its
// pixels in their order, and Reduce adds the parts in theirs, so that neither tasks nor threads change a bit.
type ConvGradWeight struct {
	Conv
	Bias bool // db is wanted too
}

// gradPixels is the number of pixels that a box has at most: what is read of the output's gradient for one block
// of channels then stays in the first-level cache.
const gradPixels = 256

// gradBoxes is how pixels are cut into boxes of images × rows × cols, which are at most those of a picture; the
// last ones are smaller. per is the number of boxes in each direction.
type gradBoxes struct {
	images, rows, cols int
	per                [3]int
}

// evenly returns how many of n a part has at most, if parts are as few as can be and none has more than most.
func evenly(n, most int) int {
	parts := (n + most - 1) / most
	return (n + parts - 1) / parts
}

func (c *ConvGradWeight) boxes() gradBoxes {
	b := gradBoxes{images: 1, rows: c.OutH, cols: c.OutW}
	if c.N*c.OutH*c.OutW == 0 {
		return b
	}
	switch pixels := c.OutH * c.OutW; {
	case 2*pixels <= gradPixels:
		b.images = min(gradPixels/pixels, c.N)
	case c.OutW > gradPixels:
		b.rows, b.cols = 1, evenly(c.OutW, gradPixels)
	case pixels > gradPixels:
		b.rows = evenly(c.OutH, gradPixels/c.OutW)
	}
	b.per = [3]int{(c.N + b.images - 1) / b.images, (c.OutH + b.rows - 1) / b.rows, (c.OutW + b.cols - 1) / b.cols}
	return b
}

// gradBox is a box of pixels: the first one and how many there are.
type gradBox struct{ n, y, x, images, rows, cols int }

func (b *gradBox) pixels() int { return b.images * b.rows * b.cols }

// at returns box i.
func (b *gradBoxes) at(c *Conv, i int) gradBox {
	n, y, x := i/b.per[2]/b.per[1]*b.images, i/b.per[2]%b.per[1]*b.rows, i%b.per[2]*b.cols
	return gradBox{n, y, x, min(b.images, c.N-n), min(b.rows, c.OutH-y), min(b.cols, c.OutW-x)}
}

func (b *gradBoxes) count() int { return b.per[0] * b.per[1] * b.per[2] }

// Parts returns the number of parts of the pixels: about one for each partPixels of them, but so few that all of
// their sums together have at most partSums elements, unless it is only one.
func (c *ConvGradWeight) Parts() int {
	const partPixels, partSums = 4096, 1 << 20
	boxes := c.boxes()
	parts := min((c.N*c.OutH*c.OutW+partPixels-1)/partPixels, boxes.count(), partSums/max(1, c.PackedLen()))
	return max(1, parts)
}

// PartialLen returns the number of elements of the sums of all parts.
func (c *ConvGradWeight) PartialLen() int { return c.Parts() * c.PackedLen() }

// ScratchLen returns the number of elements that Run needs for itself.
func (c *ConvGradWeight) ScratchLen() int { return gradPixels * c.blockC() }

// Run computes the sums of a part for the blocks [b0, b1) of output channels and stores them to partial
// [PartialLen]. scratch has ScratchLen elements. Different parts or blocks may be computed at the same time.
func (c *ConvGradWeight) Run(partial, src, dy, scratch []float32, part, b0, b1 int) {
	if b0 >= b1 {
		return
	}
	c.checkGrad(partial, src, dy, scratch, part, b1)
	sums := partial[part*c.PackedLen():][:c.PackedLen()]
	boxes, parts := c.boxes(), c.Parts()
	first, end := part*boxes.count()/parts, (part+1)*boxes.count()/parts
	if first == end {
		clear(sums[b0*c.blockLen() : b1*c.blockLen()])
	}
	for i := first; i < end; i++ {
		box := boxes.at(&c.Conv, i)
		for b := b0; b < b1; b++ {
			c.runBox(c.block(sums, b), src, dy, scratch, &box, b, i > first)
		}
	}
}

// runBox adds the products of a box to the sums of block b, or stores them there.
func (c *ConvGradWeight) runBox(sums, src, dy, scratch []float32, box *gradBox, b int, add bool) {
	g, j := b/c.groupBlocks(), b%c.groupBlocks()
	per := c.OutC / c.Groups
	t := gradTask{dy: scratch, width: c.packedC(j), images: box.images, rows: box.rows, cols: box.cols,
		step: c.StrideW * c.Src.Pixel, row: c.StrideH * c.Src.Row, image: c.Src.Image, add: add}
	c.panel(scratch, dy, box, g*per+j*c.blockC(), min(c.blockC(), per-j*c.blockC()), t.width)
	if c.Bias {
		bias := t
		bias.step, bias.row, bias.image = 0, 0, 0
		bias.run(sums, ones[:], 1)
	}
	sums = sums[t.width:]
	length, segments := c.segments()
	at := c.Src.At(box.n, box.y*c.StrideH, box.x*c.StrideW) + g*c.InC
	for ky := range c.KH {
		for s := range segments {
			t.run(sums, src[at+ky*c.DilH*c.Src.Row+s*c.DilW*c.Src.Pixel:], length)
			sums = sums[length*t.width:]
		}
	}
}

// ones is the input whose gradient is that of a bias.
var ones = [1]float32{1}

// panel copies the channels [c0, c0+n) of the pixels of a box of dy to dst as [pixels][width]; what is missing of
// width is zero.
func (c *ConvGradWeight) panel(dst, dy []float32, box *gradBox, c0, n, width int) {
	for i := range box.images {
		for y := range box.rows {
			at := c.Dst.At(box.n+i, box.y+y, box.x) + c0
			for x := range box.cols {
				copyChannels(dst[:width], dy[at+x*c.Dst.Pixel:][:n])
				dst = dst[width:]
			}
		}
	}
}

// copyChannels copies src, of whose lengths 8, 16 and 32 are the usual ones, and clears the rest of dst.
func copyChannels(dst, src []float32) {
	switch len(src) {
	case 16:
		*(*[16]float32)(dst) = [16]float32(src)
	case 8:
		*(*[8]float32)(dst) = [8]float32(src)
	default:
		copy(dst, src)
		clear(dst[len(src):])
		return
	}
	clear(dst[len(src):])
}

func (c *ConvGradWeight) checkGrad(partial, src, dy, scratch []float32, part, b1 int) {
	must("weight gradient part", c.Parts(), 0, part+1)
	must("weight gradient blocks", c.Blocks(), 0, b1)
	must("weight gradient sums", len(partial), 0, c.PartialLen())
	must("weight gradient scratch", len(scratch), 0, c.ScratchLen())
	if c.N*c.OutH*c.OutW == 0 {
		return
	}
	y, x := (c.OutH-1)*c.StrideH+(c.KH-1)*c.DilH, (c.OutW-1)*c.StrideW+(c.KW-1)*c.DilW
	must("weight gradient input", len(src), c.Src.Start, c.Src.At(c.N-1, y, x)+c.Groups*c.InC)
	must("weight gradient output", len(dy), c.Dst.Start, c.Dst.At(c.N-1, c.OutH-1, c.OutW-1)+c.OutC)
}

// Reduce adds the parts of the blocks [b0, b1) and writes the gradient to dw [OutC, InC, KH, KW] and, unless it is
// nil, db [OutC], or adds it to what is there. It changes partial.
func (c *ConvGradWeight) Reduce(dw, db, partial []float32, b0, b1 int, add bool) {
	must("weight gradient blocks", c.Blocks(), 0, b1)
	must("weight gradient sums", len(partial), 0, c.PartialLen())
	must("weight gradient", len(dw), 0, c.OutC*c.taps())
	for b := b0; b < b1; b++ {
		sums := c.block(partial, b)
		for p := 1; p < c.Parts(); p++ {
			Binary(Add, sums, sums, c.block(partial[p*c.PackedLen():], b))
		}
		c.unpack(dw, db, sums, b, add)
	}
}

// unpack writes the sums of block b, in the order of packed weights, to the row-major gradient.
func (c *ConvGradWeight) unpack(dw, db, sums []float32, b int, add bool) {
	g, j := b/c.groupBlocks(), b%c.groupBlocks()
	per, width := c.OutC/c.Groups, c.packedC(j)
	oc, n, taps := g*per+j*c.blockC(), min(c.blockC(), per-j*c.blockC()), c.taps()
	if db != nil {
		for i, v := range sums[:n] {
			if add {
				v += db[oc+i]
			}
			db[oc+i] = v
		}
	}
	for k := range c.KH * c.KW {
		for ic := range c.InC {
			sums = sums[width:]
			out := dw[oc*taps+ic*c.KH*c.KW+k:]
			for i, v := range sums[:n] {
				if add {
					v += out[i*taps]
				}
				out[i*taps] = v
			}
		}
	}
}
