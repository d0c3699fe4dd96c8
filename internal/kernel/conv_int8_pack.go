package kernel

import "slices"

// maxGroup is the most units whose products are added in 16 bits.
const maxGroup = 4

// Pack returns the weights w [OutC, InC, KH, KW], each within ±MaxWeight, in the order in which the kernel reads
// them. scale [OutC] is what one unit of each channel's weights is worth, bias [OutC] (nil: zeros) is in numbers. The
// grid of the source, In and Out (or Float) must be known. It panics if a weight is too large or there are more than
// MaxTaps of a channel.
func (c *ConvInt8) Pack(w []int8, scale, bias []float32) *PackedInt8 {
	v := &c.Conv
	must("weights", len(w), 0, v.OutC*v.taps())
	must("weight scales", len(scale), 0, v.OutC)
	must("taps", MaxTaps, 0, v.taps())
	for _, x := range w {
		must("weight", MaxWeight, 0, max(int(x), -int(x)))
	}
	units, whole := v.units(4)
	n := c.Blocks() * c.blockC()
	p := &PackedInt8{row: v.Src.Row, pixel: v.Src.Pixel, whole: whole,
		start: make([]int32, n), scale: make([]float32, n), bias: make([]float32, n)}
	c.packChannels(p, w, scale, bias)
	for b := range c.Blocks() {
		c.packUnits(p, units, c.blockWeights(w, b, units))
	}
	p.point(c.blockC())
	return p
}

// packChannels fills what each channel has once.
func (c *ConvInt8) packChannels(p *PackedInt8, w []int8, scale, bias []float32) {
	out := float64(c.Out.Scale)
	if c.Float {
		out = 1
	}
	taps := c.Conv.taps()
	for oc := range c.Conv.OutC {
		i := c.slot(oc)
		sum := int32(0)
		for _, x := range w[oc*taps:][:taps] {
			sum += int32(x)
		}
		p.start[i] = -int32(c.In.Zero) * sum
		p.scale[i] = float32(float64(c.In.Scale) * float64(scale[oc]) / out)
		if bias != nil {
			p.bias[i] = float32(float64(bias[oc]) / out)
		}
	}
}

// slot returns the place of an output channel among those of all blocks.
func (c *ConvInt8) slot(oc int) int {
	g, j := oc/c.per(), oc%c.per()
	return g*c.groupBlocks()*c.blockC() + j
}

// blockWeights returns the weights of block b as [unit][channel of the block][4].
func (c *ConvInt8) blockWeights(w []int8, b int, units []unit) []int8 {
	v, blockC := &c.Conv, c.blockC()
	out := make([]int8, len(units)*blockC*4)
	g, j := b/c.groupBlocks(), b%c.groupBlocks()
	for ch := range min(blockC, c.per()-j*blockC) {
		of := w[(g*c.per()+j*blockC+ch)*v.taps():][:v.taps()]
		for i, u := range units {
			for k, tap := range u.tap {
				if tap >= 0 {
					out[(i*blockC+ch)*4+k] = of[tap%v.InC*v.KH*v.KW+tap/v.InC]
				}
			}
		}
	}
	return out
}

// packUnits appends a block, whose weights are [unit][channel][4].
func (c *ConvInt8) packUnits(p *PackedInt8, units []unit, weights []int8) {
	order, groups := arrange(len(units), weights, c.blockC())
	p.blocks = append(p.blocks, blockInt8{units: len(p.offsets), weights: len(p.weights), groups: groups})
	size := 4 * c.blockC()
	for _, i := range order {
		p.offsets = append(p.offsets, int32(units[i].off))
		p.weights = append(p.weights, weights[i*size:][:size]...)
	}
}

// openGroups bounds the groups to which arrange looks for a place to add a unit.
const openGroups = 16

// group is some units whose products may be added in 16 bits, and the sums of their positive and of their negative
// weights for each of the pairs that VPMADDUBSW adds.
type group struct {
	units    []int
	pos, neg []int16
}

// fits reports whether a unit with these weights can be added such that no byte of the source makes a sum of products
// overflow: 255 times the sum of the weights of one sign stays below 2¹⁵.
func (g *group) fits(w []int8) bool {
	const most = (1<<15 - 1) / 255
	for i := range g.pos {
		a, b := int16(w[2*i]), int16(w[2*i+1])
		if g.pos[i]+max(a, 0)+max(b, 0) > most || g.neg[i]-min(a, 0)-min(b, 0) > most {
			return false
		}
	}
	return true
}

func (g *group) add(unit int, w []int8) {
	g.units = append(g.units, unit)
	for i := range g.pos {
		a, b := int16(w[2*i]), int16(w[2*i+1])
		g.pos[i] += max(a, 0) + max(b, 0)
		g.neg[i] -= min(a, 0) + min(b, 0)
	}
}

// arrange returns an order of a block's units, whose weights are [unit][channels][4], and how many groups of each size
// it consists of, the largest first. Where the kernel adds products in 16 bits, a unit goes to the first open group
// that it fits into; which is proven here, weight by weight. Elsewhere all are groups of one, in the order they have.
func arrange(n int, weights []int8, channels int) (order []int, sizes [maxGroup + 1]int) {
	if !groupsInt8() {
		for i := range n {
			order = append(order, i)
		}
		sizes[1] = n
		return order, sizes
	}
	var closed [maxGroup + 1][]int
	end := func(g *group) { closed[len(g.units)] = append(closed[len(g.units)], g.units...) }
	var open []*group
	for i := range n {
		w := weights[i*channels*4:][:channels*4]
		at := slices.IndexFunc(open, func(g *group) bool { return g.fits(w) })
		if at < 0 {
			if len(open) == openGroups {
				end(open[0])
				open = slices.Delete(open, 0, 1)
			}
			at, open = len(open), append(open, &group{pos: make([]int16, 2*channels), neg: make([]int16, 2*channels)})
		}
		if open[at].add(i, w); len(open[at].units) == maxGroup {
			end(open[at])
			open = slices.Delete(open, at, at+1)
		}
	}
	for _, g := range open {
		end(g)
	}
	for size := maxGroup; size > 0; size-- {
		order = append(order, closed[size]...)
		sizes[size] = len(closed[size]) / size
	}
	return order, sizes
}
