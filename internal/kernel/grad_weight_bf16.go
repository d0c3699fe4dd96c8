package kernel

import "unsafe"

// ConvGradWeightBF16 is ConvGradWeight of bfloat16: X and dY are rounded, sums are float32.
//
// It is computed as a convolution whose sum runs over the pixels of a box: X is turned around, so that the pixels of a
// channel lie together, and each channel and tap is a pixel of that convolution; dY is its weights, two pixels a unit.
// Sums are those of ConvBF16, boxes are added in float32 in their order, and the parts as in ConvGradWeight.
type ConvGradWeightBF16 struct {
	Conv
	Bias bool // db is wanted too
}

const (
	boxPixelsBF16   = 1024    // of a box: adding its sums to the others' then costs little
	panelBlocksBF16 = 4       // blocks of which dY is packed together
	turnedBF16      = 1 << 16 // elements of X that are turned around together, at least those of one channel
)

func (c *ConvGradWeightBF16) boxes() gradBoxes { return c.boxesOf(boxPixelsBF16) }

// Parts returns the number of parts of the pixels, see ConvGradWeight.
func (c *ConvGradWeightBF16) Parts() int { return c.partsOf(c.boxes()) }

// PartialLen returns the number of elements of the sums of all parts.
func (c *ConvGradWeightBF16) PartialLen() int { return c.Parts() * c.PackedLen() }

// turned is how X lies when it is turned around: for each channel so many images × rows × cols in size elements. Where
// windows stand side by side, taps are places in one copy of X; else each tap has a copy of its own, of what it meets.
type turned struct {
	copies             int
	images, rows, cols int
	size               int
	channels           int // that are turned around together
}

func (c *ConvGradWeightBF16) turned(b *gradBox) turned {
	t := turned{copies: 1, images: b.images, rows: b.rows + (c.KH-1)*c.DilH, cols: b.cols + (c.KW-1)*c.DilW}
	if c.StrideH != 1 || c.StrideW != 1 {
		t.copies, t.rows, t.cols = c.KH*c.KW, b.rows, b.cols
	}
	t.size = t.images*t.rows*t.cols + 1 // a unit may reach over the last pixel
	t.channels = max(1, min(c.InC, turnedBF16/(t.copies*t.size)))
	return t
}

// tap returns how far a row and a column of taps are from the next.
func (t *turned) tap(c *Conv) (row, col int) {
	if t.copies > 1 {
		col = t.channels * t.size
		return c.KW * col, col
	}
	return c.DilH * t.cols, c.DilW
}

// runs returns how many pixels of a box lie together, and how many such runs an image has, and how many images begin one.
func (t *turned) runs(b *gradBox) (n, rows, images int) {
	n, rows, images = b.cols, b.rows, b.images
	if t.cols == b.cols { // rows lie together
		n, rows = n*rows, 1
		if t.rows == b.rows {
			n, images = n*images, 1
		}
	}
	return n, rows, images
}

// place writes where the units of a box lie, in bytes, and returns how many there are.
func (t *turned) place(offsets []int32, b *gradBox) (units int) {
	n, rows, images := t.runs(b)
	for i := range images {
		for y := range rows {
			for x := 0; x < n; x += 2 {
				offsets[units] = int32(2 * ((i*t.rows+y)*t.cols + x))
				units++
			}
		}
	}
	return units
}

// units returns the most units that a box has.
func (c *ConvGradWeightBF16) units() int {
	b := c.boxes()
	return b.images * b.rows * (b.cols + 1) / 2
}

// ScratchLen returns the number of elements that Run needs for itself.
func (c *ConvGradWeightBF16) ScratchLen() int {
	b := c.boxes()
	t := c.turned(&gradBox{images: b.images, rows: b.rows, cols: b.cols})
	x := max(t.copies*t.channels*t.size, turnedBF16) + t.size
	return (x+1)/2 + c.units() + min(panelBlocksBF16, c.groupBlocks())*c.panelLen()/2 + c.padC()
}

// padC returns the most channels for which there are weights of a block.
func (c *ConvGradWeightBF16) padC() int {
	_, vector := tileBF16()
	return max(c.blockC(), vector)
}

// panelLen returns the most elements of the packed dY of one block.
func (c *ConvGradWeightBF16) panelLen() int { return 2 * c.units() * c.padC() }

// gradScratch is the scratch of one Run.
type gradScratch struct {
	x, ones []uint16
	offsets []int32
	panels  []uint16
	zeros   []float32
}

func (c *ConvGradWeightBF16) split(scratch []float32, t *turned) gradScratch {
	halves := func(n int) []uint16 {
		h := unsafe.Slice((*uint16)(unsafe.Pointer(&scratch[0])), n)
		scratch = scratch[(n+1)/2:]
		return h
	}
	s := gradScratch{zeros: scratch[:c.padC()]}
	scratch = scratch[c.padC():]
	s.offsets = unsafe.Slice((*int32)(unsafe.Pointer(&scratch[0])), c.units())
	scratch = scratch[c.units():]
	s.panels = halves(min(panelBlocksBF16, c.groupBlocks()) * c.panelLen())
	s.x = halves(t.copies*t.channels*t.size + t.size)
	s.ones = s.x[t.copies*t.channels*t.size:]
	return s
}

// Reduce is ConvGradWeight's.
func (c *ConvGradWeightBF16) Reduce(dw, db, partial []float32, b0, b1 int, add bool) {
	c.reduceParts(dw, db, partial, c.Parts(), b0, b1, add)
}

// Run computes the sums of a part for the blocks [b0, b1) of output channels and stores them to partial
// [PartialLen]. scratch has ScratchLen elements. Different parts or blocks may be computed at the same time.
func (c *ConvGradWeightBF16) Run(partial []float32, src, dy []uint16, scratch []float32, part, b0, b1 int) {
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
		for b := b0; b < b1; {
			end := c.gradGroup(b, b1, panelBlocksBF16)
			c.runGroup(sums, src, dy, scratch, &box, b, end)
			b = end
		}
	}
}

// runGroup adds the products of a box to the sums of the blocks [b0, b1), of one group and at most panelBlocksBF16.
func (c *ConvGradWeightBF16) runGroup(sums []float32, src, dy []uint16, scratch []float32, box *gradBox, b0, b1 int) {
	t := c.turned(box)
	s := c.split(scratch, &t)
	clear(s.zeros)
	units := t.place(s.offsets, box)
	for b := b0; b < b1; b++ {
		c.panel(s.panels[(b-b0)*c.panelLen():], dy, &t, box, units, b)
	}
	one := ToBF16(1)
	for i := range s.ones {
		s.ones[i] = one
	}
	row, col := t.tap(&c.Conv)
	for ic := 0; ic < c.InC; ic += t.channels {
		n := min(t.channels, c.InC-ic)
		c.turn(s.x, src, &t, box, b0/c.groupBlocks()*c.InC+ic, n)
		for b := b0; b < b1; b++ {
			_, channels, width := c.blockChannels(b)
			k := gradBlock{sums: c.block(sums, b), width: width, channels: channels, units: units, scratch: &s, panel: s.panels[(b-b0)*c.panelLen():]}
			if c.Bias && ic == 0 {
				k.run(s.ones, 0, &Conv{N: 1, OutH: 1, OutW: 1, Dst: Grid{Pixel: width}})
			}
			k.run(s.x, (1+ic)*width, &Conv{N: c.KH, OutH: c.KW, OutW: n, Src: Grid{Image: row, Row: col, Pixel: t.size},
				Dst: Grid{Image: c.KW * c.InC * width, Row: c.InC * width, Pixel: width}})
		}
	}
}

// turn writes n channels from ch on of what the box meets of src.
func (c *ConvGradWeightBF16) turn(dst, src []uint16, t *turned, b *gradBox, ch, n int) {
	stepY, stepX := c.StrideH*c.Src.Row, c.StrideW*c.Src.Pixel
	for k := range t.copies {
		to := dst[k*t.channels*t.size:][:n*t.size]
		from := c.Src.At(b.n, b.y*c.StrideH+k/c.KW*c.DilH, b.x*c.StrideW+k%c.KW*c.DilW) + ch
		for i := range t.images {
			for y := range t.rows {
				turnRow(to[(i*t.rows+y)*t.cols:], src[from+i*c.Src.Image+y*stepY:], t.cols, n, t.size, stepX)
			}
		}
		for j := range n {
			to[(j+1)*t.size-1] = 0
		}
	}
}

// turnRow writes the n elements of each of cols pixels, which are step apart, to rows that are size apart.
func turnRow(dst, src []uint16, cols, n, size, step int) {
	x := 0
	for ; x+4 <= cols; x += 4 {
		s0, s1, s2, s3 := src[x*step:][:n], src[(x+1)*step:][:n], src[(x+2)*step:][:n], src[(x+3)*step:][:n]
		j := 0
		for ; j+4 <= n; j += 4 {
			turnFour(dst[j*size+x:], size, four(s0[j:]), four(s1[j:]), four(s2[j:]), four(s3[j:]))
		}
		for ; j < n; j++ {
			d := dst[j*size+x:][:4]
			d[0], d[1], d[2], d[3] = s0[j], s1[j], s2[j], s3[j]
		}
	}
	for ; x < cols; x++ {
		for j, v := range src[x*step:][:n] {
			dst[j*size+x] = v
		}
	}
}

// turnFour writes the first elements of a, b, c and d, four each, to one row, the second ones to the next, and so on.
func turnFour(dst []uint16, size int, a, b, c, d uint64) {
	const even, low = 0x0000ffff0000ffff, 1<<32 - 1
	ab0, ab1 := a&even|b<<16&^even, a>>16&even|b&^even // elements 0 and 2, 1 and 3
	cd0, cd1 := c&even|d<<16&^even, c>>16&even|d&^even
	putFour(dst, ab0&low|cd0<<32)
	putFour(dst[size:], ab1&low|cd1<<32)
	putFour(dst[2*size:], ab0>>32|cd0&^low)
	putFour(dst[3*size:], ab1>>32|cd1&^low)
}

// four returns four elements, the first in the lowest bits.
func four(s []uint16) uint64 {
	p := (*[4]uint16)(s)
	return uint64(p[0]) | uint64(p[1])<<16 | uint64(p[2])<<32 | uint64(p[3])<<48
}

func putFour(s []uint16, v uint64) {
	p := (*[4]uint16)(s)
	p[0], p[1], p[2], p[3] = uint16(v), uint16(v>>16), uint16(v>>32), uint16(v>>48)
}

// panel packs the channels of a block of dY as the weights of a ConvBF16.
func (c *ConvGradWeightBF16) panel(dst, dy []uint16, t *turned, b *gradBox, units, block int) {
	oc, channels, _ := c.blockChannels(block)
	wide := blockBF16(channels)
	if channels%wide != 0 {
		clear(dst[:2*units*((channels+wide-1)/wide*wide)])
	}
	n, rows, images := t.runs(b)
	u := 0
	for image := range images {
		for row := range rows {
			for i := 0; i < n; i, u = i+2, u+1 {
				first := dy[c.at(b, image, row, i)+oc:][:channels]
				second := zeroPixel[:channels]
				if i+1 < n {
					second = dy[c.at(b, image, row, i+1)+oc:][:channels]
				}
				for j := 0; j < channels; j += wide {
					pairs(dst[2*(j*units+u*wide):], first[j:min(channels, j+wide)], second[j:])
				}
			}
		}
	}
}

// at returns where dY has pixel i of a run that begins with a row of an image of a box.
func (c *ConvGradWeightBF16) at(b *gradBox, image, row, i int) int {
	y := row + i/b.cols
	return c.Dst.At(b.n+image+y/b.rows, b.y+y%b.rows, b.x+i%b.cols)
}

// zeroPixel are the channels of a pixel of dY that does not exist.
var zeroPixel [32]uint16

// pairs interleaves the elements of a and b.
func pairs(dst, a, b []uint16) {
	dst, b = dst[:2*len(a)], b[:len(a)]
	for i, v := range a {
		dst[2*i], dst[2*i+1] = v, b[i]
	}
}

// gradBlock is what of a box is added to the sums of one block.
type gradBlock struct {
	sums            []float32
	width, channels int
	units           int
	scratch         *gradScratch
	panel           []uint16
}

// run adds the products of the pixels of k, which lie in x, to the sums from start on.
func (g *gradBlock) run(x []uint16, start int, k *Conv) {
	s := g.scratch
	k.StrideH, k.StrideW = 1, 1
	k.Filter = Filter{OutC: g.channels, InC: int(s.offsets[g.units-1])/2 + 2, KH: 1, KW: 1, Groups: 1}
	k.Dst.Start, k.Res = start, k.Dst
	k.Res.Start = start
	c := ConvBF16{Conv: *k, Float: true}
	packed := PackedBF16{row: k.Src.Row, pixel: k.Src.Pixel, bias: s.zeros, offsets: s.offsets[:g.units], weights: g.panel, whole: true}
	c.RunSum(g.sums, x, g.sums, &packed, 0, k.N*k.OutH*k.OutW, 0, c.Blocks())
}
