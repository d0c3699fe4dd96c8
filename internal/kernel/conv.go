package kernel

import "math"

// Filter is the shape of a convolution's weights in ONNX order, [OutC, InC, KH, KW]. InC counts the
// channels of one group, OutC those of all.
type Filter struct{ OutC, InC, KH, KW, Groups int }

// taps returns the length of the sum behind one output element.
func (f *Filter) taps() int { return f.KH * f.KW * f.InC }

// blockC returns the number of output channels that one register tile covers: the unit in which packed
// weights are cut. Only packing, dispatch and the tile itself know it; it depends on the instruction set.
func (f *Filter) blockC() int {
	block, vector := tileC()
	if f.OutC/f.Groups <= vector {
		return vector
	}
	return block
}

// packedC returns the number of channels for which block j of a group has weights, of which some may not
// exist: half of a block is left out if none of its channels do.
func (f *Filter) packedC(j int) int {
	block := f.blockC()
	if _, vector := tileC(); f.OutC/f.Groups-j*block <= vector {
		return vector
	}
	return block
}

// groupBlocks returns the number of channel blocks of one group.
func (f *Filter) groupBlocks() int { return (f.OutC/f.Groups + f.blockC() - 1) / f.blockC() }

// blockLen returns the length of one block of packed weights: the bias, then the weights.
func (f *Filter) blockLen() int { return f.blockC() * (1 + f.taps()) }

// Blocks returns the number of blocks of output channels: the unit in which Conv.Run is told what to do.
// A block never reaches over the border of a group.
func (f *Filter) Blocks() int { return f.Groups * f.groupBlocks() }

// PackedLen returns the number of elements of the packed weights.
func (f *Filter) PackedLen() int { return f.Blocks() * f.blockLen() }

// Pack writes w [OutC, InC, KH, KW] and bias [OutC] (nil: zeros) to dst [PackedLen] in the order in which
// the kernel reads them: a block of output channels after the other, in each first the bias, then
// [KH][KW][InC][channels of the block]. What is missing in a last block is zero.
func (f *Filter) Pack(dst, w, bias []float32) { f.PackBlocks(dst, w, bias, 0, f.Blocks()) }

// Conv is a convolution of NHWC pictures with its epilogue: dst = Act(bias + Σ src·w + res).
type Conv struct {
	Filter
	StrideH, StrideW int
	DilH, DilW       int
	N, OutH, OutW    int

	// Src places the input so that pixel (n, y, x) is what the first tap of output (n, 0, 0) meets at
	// (n, 0, 0): padding is a halo of zeros that lies in the slice. Dst and Res place the output and
	// what is added to it.
	Src, Dst, Res Grid
	Act           Act
}

// Run computes the channel blocks [b0, b1) of the output pixels [p0, p1), counted over all N·OutH·OutW.
// packed comes from Pack. res may be nil. dst may be res, not src.
func (c *Conv) Run(dst, src, res, packed []float32, p0, p1, b0, b1 int) {
	if p0 >= p1 || b0 >= b1 {
		return
	}
	c.check(dst, src, res, packed, p1, b1)
	for group := c.group(b1 - b0); b0 < b1; b0 += group {
		c.runGroup(dst, src, res, packed, p0, p1, b0, min(b0+group, b1))
	}
}

// group returns how many of so many blocks are computed for all pixels before the others: as many as have weights
// that stay in the second-level cache, if these are enough for the outputs and residuals of a pixel to be long runs of
// memory, which are fetched ahead.
func (c *Conv) group(blocks int) int {
	if g := weightCache / (4 * c.blockLen()); g >= groupLeast {
		return min(g, blocks)
	}
	return blocks
}

// runGroup is Run for the blocks of a group.
func (c *Conv) runGroup(dst, src, res, packed []float32, p0, p1, b0, b1 int) {
	step, together := c.chunk(b1 - b0)
	for p := p0; p < p1; p += step {
		for b := b0; b < b1; {
			t := c.task(dst, src, res, packed, b)
			if together {
				t.blocks = c.fullBlocks(b, b1)
			}
			if b += t.blocks; b < b1 {
				t.next = t.block(packed, b)
			}
			t.run(p, min(p+step, p1))
		}
		c.finish(dst, p, min(p+step, p1), b0, b1)
	}
}

// finish applies an activation that tiles do not to the blocks [b0, b1) of the pixels [p0, p1), which are still in a
// cache: to whole rows, because activations are slow on a few channels at a time.
func (c *Conv) finish(dst []float32, p0, p1, b0, b1 int) {
	if c.Act.clips() {
		return
	}
	c0, c1 := c.firstC(b0), c.firstC(b1)
	for k := walkFrom(p0, c.OutH, c.OutW); p0 < p1; {
		n := min(k.left(), p1-p0)
		out := dst[c.Dst.At(k.n, k.y, k.x)+c0:]
		c.Act.ApplyRows(out, out, Rows{N: n, Width: c1 - c0, To: c.Dst.Pixel, From: c.Dst.Pixel})
		k.skip(n)
		p0 += n
	}
}

// firstC returns the first output channel of block b; all channels, if b is behind the last.
func (f *Filter) firstC(b int) int {
	return b/f.groupBlocks()*(f.OutC/f.Groups) + b%f.groupBlocks()*f.blockC()
}

// fullBlocks returns how many blocks from b on, of one group and before b1, have all of their channels, at least 1.
func (c *Conv) fullBlocks(b, b1 int) int {
	j := b % c.groupBlocks()
	return max(1, min(c.OutC/c.Groups/c.blockC(), j+b1-b)-j)
}

// weightCache is the number of bytes of weights that stay in the second-level cache beside inputs and outputs, and
// groupLeast the blocks from which it pays to compute some and then others.
const weightCache, groupLeast = 272 << 10, 8

// chunk returns the number of pixels for which all blocks are computed before the next pixels: few, so that
// inputs and outputs are still at hand, where the weights of all blocks stay in the second-level cache; a tile may
// then do its blocks together. Else it returns all.
func (c *Conv) chunk(blocks int) (pixels int, together bool) {
	const few = 56
	if 4*blocks*c.blockLen() > weightCache {
		return c.N * c.OutH * c.OutW, false
	}
	if c.OutW > few {
		return few, manyBlocks()
	}
	return (few + c.OutW - 1) / c.OutW * c.OutW, manyBlocks()
}

// segments returns how the reduction reads one row of the kernel: as one segment of the input where its
// pixels touch.
func (c *Conv) segments() (length, n int) {
	if c.DilW == 1 && c.Src.Pixel == c.InC {
		return c.KW * c.InC, 1
	}
	return c.InC, c.KW
}

// task returns the task of block b.
func (c *Conv) task(dst, src, res, packed []float32, b int) convTask {
	blockC, per := c.blockC(), c.OutC/c.Groups
	g, j := b/c.groupBlocks(), b%c.groupBlocks()
	t := convTask{Conv: *c, dst: dst, src: src, res: res, blocks: 1}
	t.w = t.block(packed, b)
	t.next = t.w
	t.inC = g * c.InC
	t.outC = g*per + j*blockC
	t.width, t.packed = min(blockC, per-j*blockC), c.packedC(j)
	t.lo, t.hi = c.Act.bounds()
	return t
}

// block returns block b of packed weights.
func (f *Filter) block(packed []float32, b int) []float32 {
	return packed[b*f.blockLen() : (b+1)*f.blockLen()]
}

// bounds returns the interval to which the activation clips; Identity and the functions that are more
// than a clip do not clip here.
func (a Act) bounds() (lo, hi float32) {
	switch a.Func {
	case Relu:
		return 0, float32(math.Inf(1))
	case Clip:
		return a.A, a.B
	}
	return float32(math.Inf(-1)), float32(math.Inf(1))
}

// clips reports whether the activation is all that its bounds say.
func (a Act) clips() bool { return a.Func == Identity || a.Func == Relu || a.Func == Clip }

// check panics if a slice is too short for the geometry.
func (c *Conv) check(dst, src, res, packed []float32, p1, b1 int) {
	must("conv pixels", c.N*c.OutH*c.OutW, 0, p1)
	must("conv blocks", c.Blocks(), 0, b1)
	must("conv weights", len(packed), 0, c.PackedLen())
	y, x := (c.OutH-1)*c.StrideH+(c.KH-1)*c.DilH, (c.OutW-1)*c.StrideW+(c.KW-1)*c.DilW
	must("conv input", len(src), c.Src.Start, c.Src.At(c.N-1, y, x)+c.Groups*c.InC)
	must("conv output", len(dst), c.Dst.Start, c.Dst.At(c.N-1, c.OutH-1, c.OutW-1)+c.OutC)
	if res != nil {
		must("conv residual", len(res), c.Res.Start, c.Res.At(c.N-1, c.OutH-1, c.OutW-1)+c.OutC)
	}
}
