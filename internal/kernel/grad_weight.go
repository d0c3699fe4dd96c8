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
	Bias bool       // db is wanted too
	Norm *InputNorm // of X, which is read as this makes it; nil: as it is. For windows of one tap.
}

// boxPixels is the number of pixels that a box has at most: what is read of dY for one block of channels then stays in
// the first-level cache.
const boxPixels = 256

// gradBoxes is how pixels are cut into boxes of images × rows × cols, which are at most those of a picture; the
// last ones are smaller. per is the number of boxes in each direction.
type gradBoxes struct {
	images, rows, cols int
	per                [3]int
}

// evenly returns how many of n a part has at most, if parts are as few as can be and none has more than most.
func evenly(n, most int) int {
	parts := evenParts(n, most)
	return (n + parts - 1) / parts
}

// evenParts returns the number of parts of n of which none has more than most.
func evenParts(n, most int) int { return (n + most - 1) / most }

func (c *ConvGradWeight) boxes() gradBoxes { return c.boxesOf(boxPixels) }

// boxesOf cuts the pixels into boxes of at most so many.
func (c *Conv) boxesOf(most int) gradBoxes {
	b := gradBoxes{images: 1, rows: c.OutH, cols: c.OutW}
	if c.N*c.OutH*c.OutW == 0 {
		return b
	}
	switch pixels := c.OutH * c.OutW; {
	case 2*pixels <= most:
		b.images = min(most/pixels, c.N)
	case c.OutW > most:
		b.rows, b.cols = 1, evenly(c.OutW, most)
	case pixels > most:
		b.rows = evenly(c.OutH, most/c.OutW)
	}
	b.per = [3]int{evenParts(c.N, b.images), evenParts(c.OutH, b.rows), evenParts(c.OutW, b.cols)}
	return b
}

// gradBox is a box of pixels: the first one and how many there are.
type gradBox struct{ n, y, x, images, rows, cols int }

// at returns box i.
func (b *gradBoxes) at(c *Conv, i int) gradBox {
	n, y, x := i/b.per[2]/b.per[1]*b.images, i/b.per[2]%b.per[1]*b.rows, i%b.per[2]*b.cols
	return gradBox{n, y, x, min(b.images, c.N-n), min(b.rows, c.OutH-y), min(b.cols, c.OutW-x)}
}

func (b *gradBoxes) count() int { return b.per[0] * b.per[1] * b.per[2] }

// part returns the boxes [first, end) of one of so many parts.
func (b *gradBoxes) part(i, parts int) (first, end int) {
	return i * b.count() / parts, (i + 1) * b.count() / parts
}

// Parts returns the number of parts of the pixels: about one for each partPixels of them, but so few that all of
// their sums together have at most partSums elements, unless it is only one; more where they are small.
func (c *ConvGradWeight) Parts() int { return c.partsOf(c.boxes()) }

func (c *Conv) partsOf(boxes gradBoxes) int {
	const partPixels, partSums, finePixels, fineSums = 4096, 1 << 20, 1024, 1 << 17
	pixels, size := c.N*c.OutH*c.OutW, max(1, c.PackedLen())
	parts := max(min(evenParts(pixels, partPixels), partSums/size), min(evenParts(pixels, finePixels), fineSums/size))
	return max(1, min(parts, boxes.count()))
}

// PartialLen returns the number of elements of the sums of all parts.
func (c *ConvGradWeight) PartialLen() int { return c.Parts() * c.PackedLen() }

// panelBlocks is the number of blocks of which dY is copied together: the panels then stay in the second-level cache.
const panelBlocks = 8

// ScratchLen returns the number of elements that Run needs for itself.
func (c *ConvGradWeight) ScratchLen() int {
	_, width := c.chunks()
	return min(panelBlocks, c.groupBlocks())*boxPixels*c.blockC() + boxPixels*width
}

// Run computes the sums of a part for the blocks [b0, b1) of output channels and stores them to partial
// [PartialLen]. scratch has ScratchLen elements. Different parts or blocks may be computed at the same time.
func (c *ConvGradWeight) Run(partial, src, dy, scratch []float32, part, b0, b1 int) {
	if b0 >= b1 {
		return
	}
	must("weight gradient scratch", len(scratch), 0, c.ScratchLen())
	boxes, parts := c.boxes(), c.Parts()
	sums := c.gradSums(partial, parts, part, b0, b1)
	c.checkGrad(len(src), len(dy))
	first, end := boxes.part(part, parts)
	for i := first; i < end; i++ {
		box := boxes.at(&c.Conv, i)
		c.runBox(sums, src, dy, scratch, &box, b0, b1)
	}
}

// runBox adds the products of a box to the sums of the blocks [b0, b1).
func (c *ConvGradWeight) runBox(sums, src, dy, scratch []float32, box *gradBox, b0, b1 int) {
	for b := b0; b < b1; {
		end := c.gradGroup(b, b1, panelBlocks)
		c.runGroup(sums, src, dy, scratch, box, b, end)
		b = end
	}
}

// gradChunk is the number of elements of a segment that are copied together: an odd number of cache lines, so that
// those of the pixels do not meet in the same sets.
const gradChunk = 7 * 16

// normChunk is gradChunk for elements that are normalised: more, because they are read from further away.
const normChunk = 13 * 16

// chunks returns how many elements of a segment are multiplied together, and how far apart those of two pixels are once
// they are copied or normalised; 0 if they stay where they are.
func (c *ConvGradWeight) chunks() (elements, apart int) {
	length, _ := c.segments()
	switch {
	case c.Norm != nil:
		n := evenly(length, normChunk)
		return n, ((n+15)/16 | 1) * 16
	case c.copies():
		return evenly(length, gradChunk), gradChunk
	}
	return length, 0
}

// copies reports whether some elements of each pixel of a box are copied to where they lie close together before they
// are multiplied: it pays where they are used for many blocks. Those of pixels far apart meet in few sets of the caches.
// It changes no bit. Measured on one thread of a Zen 3, GFLOP/s of 100 at most, of layers of ResNet50:
//
//	channels, output           in place   copied
//	1×1   64 ->   64, 56×56       55        46
//	3×3  128 ->  128, 28×28       75        71
//	1×1  512 ->  128, 28×28       53        56
//	1×1  128 ->  512, 28×28       52        67
//	3×3  256 ->  256, 14×14       62        76
//	1×1 2048 ->  512,  7×7        61        69
func (c *ConvGradWeight) copies() bool {
	const channels, apart = 256, 128
	return c.OutC/c.Groups >= channels && c.StrideW*c.Src.Pixel >= apart
}

// runGroup adds the products of a box to the sums of the blocks [b0, b1), of one group and at most panelBlocks.
func (c *ConvGradWeight) runGroup(sums, src, dy, scratch []float32, box *gradBox, b0, b1 int) {
	length, segments := c.segments()
	x := strided{src, c.Src.At(box.n, box.y*c.StrideH, box.x*c.StrideW) + b0/c.groupBlocks()*c.InC,
		box.images, box.rows, box.cols, c.StrideW * c.Src.Pixel, c.StrideH * c.Src.Row, c.Src.Image}
	panel := boxPixels * c.blockC()
	c.panels(scratch, dy, box, b0, b1)
	copied := scratch[min(panelBlocks, c.groupBlocks())*panel:]
	chunk, apart := c.chunks()
	for i := range c.KH * segments {
		from := x
		from.at += i/segments*c.DilH*c.Src.Row + i%segments*c.DilW*c.Src.Pixel
		for k := 0; k < length; k += chunk {
			n := min(chunk, length-k)
			t := gradTask{strided: from}
			switch {
			case c.Norm != nil:
				t.strided = from.normalizeTo(c.Norm, copied, b0/c.groupBlocks()*c.InC+k, n, apart)
			case apart > 0:
				t.strided = from.copyTo(copied, n, apart)
			}
			for b := b0; b < b1; b++ {
				t.dy, t.width = scratch[(b-b0)*panel:][:panel], c.packedC(b%c.groupBlocks())
				t.run(c.block(sums, b)[(1+i*length+k)*t.width:], n)
				if c.Bias && i+k == 0 {
					bias := t.bias()
					bias.run(c.block(sums, b), 1)
				}
			}
			from.at += n
		}
	}
}

// panels copies the channels of the blocks [b0, b1) of the pixels of a box of dy to dst, as panels of one block each;
// what is missing of a block is zero.
func (c *ConvGradWeight) panels(dst, dy []float32, box *gradBox, b0, b1 int) {
	panel, pixels := boxPixels*c.blockC(), box.images*box.rows*box.cols
	oc, _, _ := c.blockChannels(b0)
	y := strided{dy, c.Dst.At(box.n, box.y, box.x) + oc, box.images, box.rows, box.cols, c.Dst.Pixel, c.Dst.Row, c.Dst.Image}
	_, n, width := c.blockChannels(b1 - 1)
	full := b1 - b0
	if n < c.blockC() {
		full--
	}
	if full > 0 {
		y.copyPanels(dst, c.blockC(), full, panel)
	}
	if full < b1-b0 {
		last := dst[full*panel:][:pixels*width]
		y.at += full * c.blockC()
		if n < width {
			clear(last)
			y.copyTo(last, n, width)
		} else {
			y.copyPanels(last, width, 1, 0)
		}
	}
}

// gradGroup returns the end of the blocks from b on that are of one group, at most so many and below b1.
func (c *Conv) gradGroup(b, b1, most int) int {
	return min(b1, (b/c.groupBlocks()+1)*c.groupBlocks(), b+most)
}

// gradSums returns the sums of one of so many parts, those of the blocks [b0, b1) cleared.
func (c *Conv) gradSums(partial []float32, parts, part, b0, b1 int) []float32 {
	must("weight gradient part", parts, 0, part+1)
	must("weight gradient blocks", c.Blocks(), 0, b1)
	must("weight gradient sums", len(partial), 0, parts*c.PackedLen())
	sums := partial[part*c.PackedLen():][:c.PackedLen()]
	clear(sums[b0*c.blockLen() : b1*c.blockLen()])
	return sums
}

// checkGrad panics if X or dY, of so many elements, is too short for the geometry.
func (c *Conv) checkGrad(src, dy int) {
	if c.N*c.OutH*c.OutW == 0 {
		return
	}
	y, x := (c.OutH-1)*c.StrideH+(c.KH-1)*c.DilH, (c.OutW-1)*c.StrideW+(c.KW-1)*c.DilW
	must("weight gradient input", src, c.Src.Start, c.Src.At(c.N-1, y, x)+c.Groups*c.InC)
	must("weight gradient output", dy, c.Dst.Start, c.Dst.At(c.N-1, c.OutH-1, c.OutW-1)+c.OutC)
}

// Reduce adds the parts of the blocks [b0, b1) and writes the gradient to dw [OutC, InC, KH, KW] and, unless it is
// nil, db [OutC], or adds it to what is there. It changes partial.
func (c *ConvGradWeight) Reduce(dw, db, partial []float32, b0, b1 int, add bool) {
	c.reduceParts(dw, db, partial, c.Parts(), b0, b1, add)
}

func (c *Conv) reduceParts(dw, db, partial []float32, parts, b0, b1 int, add bool) {
	must("weight gradient blocks", c.Blocks(), 0, b1)
	must("weight gradient sums", len(partial), 0, parts*c.PackedLen())
	must("weight gradient", len(dw), 0, c.OutC*c.taps())
	c.Filter.reduce(dw, db, partial, parts, b0, b1, add)
}

// reduce adds so many parts of the blocks [b0, b1), each in the order of packed weights, and writes them row-major.
func (f *Filter) reduce(dw, db, partial []float32, parts, b0, b1 int, add bool) {
	for b := b0; b < b1; b++ {
		sums := f.block(partial, b)
		for p := 1; p < parts; p++ {
			Binary(Add, sums, sums, f.block(partial[p*f.PackedLen():], b))
		}
		f.unpack(dw, db, sums, b, add)
	}
}

// unpack writes the sums of block b, in the order of packed weights, to the row-major gradient: as Pack does it, some
// weights of all channels of the block at a time.
func (c *Filter) unpack(dw, db, sums []float32, b int, add bool) {
	oc, n, width := c.blockChannels(b)
	taps, size := c.taps(), c.KH*c.KW
	if db != nil {
		addOrCopy(db[oc:][:n], sums, 1, add)
	}
	var tile packTile
	ic, k := 0, 0
	for e := 0; e < taps; e += packChunk {
		m := min(packChunk, taps-e)
		for i := range m {
			copyVectors(tile[i*width:][:width], sums[(1+k*c.InC+ic)*width:][:width])
			if k++; k == size {
				ic, k = ic+1, 0
			}
		}
		for j := range n {
			if m == packChunk && !add {
				tile.collect((*[packChunk]float32)(dw[(oc+j)*taps+e:]), j, width)
				continue
			}
			addOrCopy(dw[(oc+j)*taps+e:][:m], tile[j:], width, add)
		}
	}
}

// addOrCopy adds the elements of src that lie step apart to dst, or copies them.
func addOrCopy(dst, src []float32, step int, add bool) {
	if add {
		for i := range dst {
			dst[i] += src[0]
			src = src[min(step, len(src)):]
		}
		return
	}
	gather(dst, src, step)
}
