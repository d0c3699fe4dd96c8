package kernel

// ConvInt8 is a convolution of NHWC pictures of bytes with weights of int8 and sums of int32:
//
//	dst = Out(Act(bias + In.Scale·scale·Σ (src − In.Zero)·w + (res − Res.Zero)·Res.Scale))
//
// The sum is exact. What follows is done in float32, each step rounded by itself and in units of Out.Scale:
// float32(sum)·(In.Scale·scale/Out.Scale) + bias/Out.Scale + (res − Res.Zero)·(Res.Scale/Out.Scale), then clipped,
// rounded to the nearest even, moved by Out.Zero and clamped to a byte. It is the same on every instruction set.
type ConvInt8 struct {
	// Conv tells the geometry: the halo of the source holds In.Zero. Act may be Identity, Relu or Clip.
	Conv Conv

	// In, Res and Out tell what the bytes of the source, of what is added and of the output stand for. RunFloat
	// writes numbers instead of bytes; for it Out is not needed when packing.
	In, Res, Out Quant
	Float        bool // packed for RunFloat
}

// PackedInt8 are the packed weights of a ConvInt8. They hold for the distances Src.Row and Src.Pixel of the source
// for which they were packed, for any number of pictures.
type PackedInt8 struct {
	row, pixel  int       // of the source
	start       []int32   // of all blocks' channels: minus the zero of the source times the sum of weights
	scale, bias []float32 // the same: what turns a sum into units of the output's scale
	offsets     []int32   // of the units, in bytes
	weights     []int8    // of the units, [channels of the block][4] each
	blocks      []blockInt8
	whole       bool // no unit reaches over the end of a window
}

// blockInt8 says where a block's units are: from the entry units of offsets on, and from weights on.
type blockInt8 struct {
	units, weights int
	groups         [maxGroup + 1]int // of so many units each; see arrange
	native         int8Block         // the same for the assembly
}

// Blocks returns the number of blocks of output channels: the unit in which Run is told what to do.
func (c *ConvInt8) Blocks() int { return c.Conv.Groups * c.groupBlocks() }

// groupBlocks returns the number of blocks of one group.
func (c *ConvInt8) groupBlocks() int { return (c.per() + c.blockC() - 1) / c.blockC() }

// per returns the output channels of one group.
func (c *ConvInt8) per() int { return c.Conv.OutC / c.Conv.Groups }

// blockC returns the channels of a block.
func (c *ConvInt8) blockC() int {
	block, vector := tileInt8()
	if c.per() <= vector {
		return vector
	}
	return block
}

// Run computes the channel blocks [b0, b1) of the output pixels [p0, p1), counted over all N·OutH·OutW. packed comes
// from Pack. res may be nil. dst may be res, not src.
func (c *ConvInt8) Run(dst, src, res []uint8, packed *PackedInt8, p0, p1, b0, b1 int) {
	if p0 < p1 && b0 < b1 {
		must("conv output", len(dst), c.Conv.Dst.Start, c.end(c.Conv.Dst))
		c.run(int8Task{ConvInt8: c, bytes: dst, src: src, res: res, packed: packed}, p0, p1, b0, b1)
	}
}

// RunFloat is Run where the output is numbers: Float must be set.
func (c *ConvInt8) RunFloat(dst []float32, src, res []uint8, packed *PackedInt8, p0, p1, b0, b1 int) {
	if p0 < p1 && b0 < b1 {
		must("conv output", len(dst), c.Conv.Dst.Start, c.end(c.Conv.Dst))
		c.run(int8Task{ConvInt8: c, floats: dst, src: src, res: res, packed: packed}, p0, p1, b0, b1)
	}
}

// end returns the end of the output's last pixel in a grid.
func (c *ConvInt8) end(g Grid) int {
	return g.At(c.Conv.N-1, c.Conv.OutH-1, c.Conv.OutW-1) + c.Conv.OutC
}

// int8Task is what one block of a convolution is.
type int8Task struct {
	*ConvInt8
	bytes    []uint8   // the output, or
	floats   []float32 // the output
	src, res []uint8
	packed   *PackedInt8

	blockC, per, groupBlocks int // the functions of these names

	block, group int // of output channels
	inC, outC    int // first channel of the group's input, of the block's output
	width        int // channels of the block that exist
	clamp        clampByte
	resScale     float32
}

func (c *ConvInt8) run(t int8Task, p0, p1, b0, b1 int) {
	c.check(&t, p1, b1)
	lo, hi := c.Conv.Act.bounds()
	t.clamp, t.resScale = clampByte{lo: lo, hi: hi}, c.Res.Scale
	if !c.Float {
		t.clamp = c.Out.clamp(lo, hi)
		t.resScale = c.Res.Scale / c.Out.Scale
	}
	t.blockC, t.per, t.groupBlocks = c.blockC(), c.per(), c.groupBlocks()
	t.run(p0, p1, b0, b1)
}

// at makes the task that of block b.
func (t *int8Task) at(b int) {
	g, j := 0, b
	if t.groupBlocks < b+1 {
		g, j = b/t.groupBlocks, b%t.groupBlocks
	}
	t.block, t.group = b, g
	t.inC = g * t.Conv.InC
	t.outC = g*t.per + j*t.blockC
	t.width = min(t.blockC, t.per-j*t.blockC)
}

// check panics if a slice is too short for the geometry, or the weights were packed for another one.
func (c *ConvInt8) check(t *int8Task, p1, b1 int) {
	v := &c.Conv
	must("conv pixels", v.N*v.OutH*v.OutW, 0, p1)
	must("conv blocks", min(c.Blocks(), len(t.packed.blocks)), 0, b1)
	y, x := (v.OutH-1)*v.StrideH+(v.KH-1)*v.DilH, (v.OutW-1)*v.StrideW+(v.KW-1)*v.DilW
	must("conv input", len(t.src), v.Src.Start, v.Src.At(v.N-1, y, x)+v.Groups*v.InC)
	if t.res != nil {
		must("conv residual", len(t.res), v.Res.Start, c.end(v.Res))
	}
	if t.packed.row != v.Src.Row || t.packed.pixel != v.Src.Pixel || (t.floats != nil) != c.Float || !v.Act.clips() {
		panic("kernel: conv weights packed for another source, output or activation")
	}
}
