package kernel

// ConvBF16 is a convolution of NHWC pictures of bfloat16 with sums of float32: dst = Act(bias + Σ src·w + res).
//
// A sum takes two elements of the input at a time: first the product of the second, then that of the first, each
// product exact and each sum rounded to the nearest even, subnormal results set to zero. This is what Intel documents
// of VDPBF16PS.
type ConvBF16 struct {
	// Conv tells the geometry: the halo of the source holds zeros. Act may be Identity, Relu or Clip.
	Conv  Conv
	Float bool // the output is float32: packed for RunFloat
}

// PackedBF16 are the packed weights of a ConvBF16, for the distances Src.Row and Src.Pixel of its source.
type PackedBF16 struct {
	row, pixel int
	bias       []float32 // of all blocks' channels
	offsets    []int32   // of the units, in bytes
	weights    []uint16  // of the blocks, [unit][channel][2] each
	whole      bool      // no unit reaches over the end of a window

	from           []int32 // which of an output channel's weights the elements of the units meet, two a unit; -1: none
	group, channel int     // between the weights of two groups, and of two channels of one
}

// Blocks returns the number of blocks of output channels: the unit in which Run is told what to do.
func (c *ConvBF16) Blocks() int { return c.Conv.Groups * c.groupBlocks() }

func (c *ConvBF16) groupBlocks() int { return (c.per() + c.blockC() - 1) / c.blockC() }

// per returns the output channels of one group.
func (c *ConvBF16) per() int { return c.Conv.OutC / c.Conv.Groups }

// blockC returns the channels of a block.
func (c *ConvBF16) blockC() int { return blockBF16(c.per()) }

// blockBF16 is blockC for so many output channels of a group.
func blockBF16(per int) int {
	block, vector := tileBF16()
	if per <= vector {
		return vector
	}
	return block
}

// Pack returns w [OutC, InC, KH, KW], rounded to bfloat16, and bias [OutC] (nil: zeros) in the order in which the
// kernel reads them. The grid of the source must be known.
func (c *ConvBF16) Pack(w, bias []float32) *PackedBF16 {
	p := c.Place()
	c.Repack(p, w, bias)
	return p
}

// Place returns packed weights that are zero. The grid of the source must be known.
func (c *ConvBF16) Place() *PackedBF16 {
	v := &c.Conv
	return c.place(v.taps(), func(tap int) int { return tap%v.InC*v.KH*v.KW + tap/v.InC })
}

// place returns a place for weights of which those of an output channel start channel elements after those of the one
// before; at tells which of them a tap, counted in the order [KH][KW][InC], meets.
func (c *ConvBF16) place(channel int, at func(tap int) int) *PackedBF16 {
	units, whole := c.Conv.units(2)
	p := &PackedBF16{row: c.Conv.Src.Row, pixel: c.Conv.Src.Pixel, whole: whole, channel: channel, group: c.per() * channel,
		bias: make([]float32, c.Blocks()*c.blockC()), weights: make([]uint16, c.Blocks()*len(units)*c.blockC()*2)}
	for _, u := range units {
		p.offsets = append(p.offsets, int32(2*u.off))
		for _, tap := range u.tap[:2] {
			if tap >= 0 {
				tap = at(tap)
			}
			p.from = append(p.from, int32(tap))
		}
	}
	return p
}

// Len returns the bytes of the weights.
func (p *PackedBF16) Len() int {
	return 4*len(p.bias) + 4*len(p.offsets) + 4*len(p.from) + 2*len(p.weights)
}

// Repack replaces the weights and the bias (nil: zeros) of p, which was made for c.
func (c *ConvBF16) Repack(p *PackedBF16, w, bias []float32) {
	must("weights", len(w), 0, c.Conv.OutC*c.Conv.taps())
	blockC, units := c.blockC(), len(p.offsets)
	for b := range c.Blocks() {
		g, j := b/c.groupBlocks(), b%c.groupBlocks()*blockC
		n := min(blockC, c.per()-j)
		if to := p.bias[b*blockC:][:n]; bias != nil {
			for i, x := range bias[g*c.per()+j:][:n] {
				to[i] = flush(x)
			}
		} else {
			clear(to)
		}
		block := p.weights[b*units*blockC*2:][:units*blockC*2]
		for u := 0; u < units; u += packUnits {
			taps := p.from[2*u : 2*min(units, u+packUnits)]
			for ch := range n {
				packPairs(block[2*(u*blockC+ch):], w[g*p.group+(j+ch)*p.channel:], taps, 2*blockC)
			}
		}
	}
}

// packUnits is the number of units whose weights are packed together: they are two cache lines of a 1×1 convolution's.
const packUnits = 16

// packPairs writes the weights that taps tell, rounded, two together and the next two step elements further.
func packPairs(dst []uint16, w []float32, taps []int32, step int) {
	for i, tap := range taps {
		var h uint16
		if tap >= 0 {
			h = ToBF16(w[tap])
		}
		dst[i>>1*step+i&1] = h
	}
}

// Run computes the channel blocks [b0, b1) of the output pixels [p0, p1), counted over all N·OutH·OutW. packed comes
// from Pack. res may be nil. dst may be res, not src.
func (c *ConvBF16) Run(dst, src, res []uint16, packed *PackedBF16, p0, p1, b0, b1 int) {
	if p0 < p1 && b0 < b1 {
		must("conv output", len(dst), c.Conv.Dst.Start, c.end(c.Conv.Dst))
		c.run(bf16Task{ConvBF16: c, halves: dst, src: src, res: res, packed: packed}, p0, p1, b0, b1)
	}
}

// RunFloat is Run where the output is float32: Float must be set.
func (c *ConvBF16) RunFloat(dst []float32, src, res []uint16, packed *PackedBF16, p0, p1, b0, b1 int) {
	if p0 < p1 && b0 < b1 {
		must("conv output", len(dst), c.Conv.Dst.Start, c.end(c.Conv.Dst))
		c.run(bf16Task{ConvBF16: c, floats: dst, src: src, res: res, packed: packed}, p0, p1, b0, b1)
	}
}

// RunSum is RunFloat where what is added is float32 too. dst may be res.
func (c *ConvBF16) RunSum(dst []float32, src []uint16, res []float32, packed *PackedBF16, p0, p1, b0, b1 int) {
	if p0 < p1 && b0 < b1 {
		must("conv output", len(dst), c.Conv.Dst.Start, c.end(c.Conv.Dst))
		c.run(bf16Task{ConvBF16: c, floats: dst, src: src, wide: res, packed: packed}, p0, p1, b0, b1)
	}
}

// end returns the end of the output's last pixel in a grid.
func (c *ConvBF16) end(g Grid) int {
	return g.At(c.Conv.N-1, c.Conv.OutH-1, c.Conv.OutW-1) + c.Conv.OutC
}

// bf16Task is what one block of a convolution is.
type bf16Task struct {
	*ConvBF16
	halves   []uint16  // the output, or
	floats   []float32 // the output
	src, res []uint16
	wide     []float32 // what is added, in place of res
	packed   *PackedBF16

	block     int // of output channels
	inC, outC int // first channel of the group's input, of the block's output
	width     int // channels of the block that exist
	lo, hi    float32
}

func (c *ConvBF16) run(t bf16Task, p0, p1, b0, b1 int) {
	c.check(&t, p1, b1)
	t.lo, t.hi = c.Conv.Act.bounds()
	t.run(p0, p1, b0, b1)
}

// at makes the task that of block b.
func (t *bf16Task) at(b int) {
	blockC, blocks := t.blockC(), t.groupBlocks()
	g, j := b/blocks, b%blocks
	t.block, t.inC, t.outC = b, g*t.Conv.InC, g*t.per()+j*blockC
	t.width = min(blockC, t.per()-j*blockC)
}

// check panics if a slice is too short for the geometry, or the weights were packed for another one.
func (c *ConvBF16) check(t *bf16Task, p1, b1 int) {
	v := &c.Conv
	must("conv pixels", v.N*v.OutH*v.OutW, 0, p1)
	must("conv blocks", min(c.Blocks(), len(t.packed.bias)/c.blockC()), 0, b1)
	y, x := (v.OutH-1)*v.StrideH+(v.KH-1)*v.DilH, (v.OutW-1)*v.StrideW+(v.KW-1)*v.DilW
	must("conv input", len(t.src), v.Src.Start, v.Src.At(v.N-1, y, x)+v.Groups*v.InC)
	if n := max(len(t.res), len(t.wide)); t.res != nil || t.wide != nil {
		must("conv residual", n, v.Res.Start, c.end(v.Res))
	}
	if t.packed.row != v.Src.Row || t.packed.pixel != v.Src.Pixel || (t.floats != nil) != c.Float || !v.Act.clips() {
		panic("kernel: conv weights packed for another source, output or activation")
	}
}
