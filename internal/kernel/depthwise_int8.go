package kernel

// DepthwiseInt8 is a convolution of bytes in which each channel has its own kernel, with the arithmetic of ConvInt8:
//
//	dst = Out(Act(bias + In.Scale·scale·Σ (src − In.Zero)·w))
type DepthwiseInt8 struct {
	// Depthwise tells the geometry: the halo of the source holds In.Zero. Act may be Identity, Relu or Clip. There is
	// no residual.
	Depthwise Depthwise
	In, Out   Quant
}

// PackedDepthwiseInt8 are the packed weights of a DepthwiseInt8, for the distances of its source.
type PackedDepthwiseInt8 struct {
	row, pixel  int       // of the source
	start       []int32   // of all slots: minus the zero of the source times the sum of weights
	scale, bias []float32 // of all slots
	offsets     []int     // of the taps in the source: some fours and, with single, one more
	weights     []int8    // [taps/4][slots][4]; of a single tap, two bytes that are one number and two of zero
	single      bool
}

// slotC is the number of channels that lie together in packed depthwise weights: as many as 32 bytes have.
const slotC = 32

// depthwiseSlot returns the place of channel c among the slotC of its block. Interleaving the bytes of four taps leaves
// channels in the order of halves of 16, of which each vector of 32 bytes holds four of each.
func depthwiseSlot(c int) int {
	half, four := c/16, c%16/4
	return four*8 + half*4 + c%4
}

// slots returns the number of channels that weights have, of which some may not exist or be there twice.
func (d *DepthwiseInt8) slots() int { return (d.Depthwise.C + slotC - 1) / slotC * slotC }

// blockStart returns the first channel of the block that starts at a slot: the last one starts early enough to be full.
func (d *DepthwiseInt8) blockStart(slot int) int { return min(slot, max(0, d.Depthwise.C-slotC)) }

// Pack returns w [C, 1, KH, KW] in the order in which the kernel reads it; scale and bias are as in ConvInt8. A weight may
// be as large as 127, because the two products that are added in 16 bits are known to be those of taps 2i and 2i+1: of
// these, neither the positive weights nor the negative ones may add up to more than 2·MaxWeight. It panics if they
// do or if there are more than MaxTaps of a channel.
func (d *DepthwiseInt8) Pack(w []int8, scale, bias []float32) *PackedDepthwiseInt8 {
	v := &d.Depthwise
	taps, n := v.KH*v.KW, d.slots()
	must("weights", len(w), 0, v.C*taps)
	must("weight scales", len(scale), 0, v.C)
	must("taps", MaxTaps, 0, taps)
	p := &PackedDepthwiseInt8{row: v.Src.Row, pixel: v.Src.Pixel, start: make([]int32, n), scale: make([]float32, n),
		bias: make([]float32, n), weights: make([]int8, (taps+3)/4*4*n), single: taps > 4 && taps%4 == 1}
	count := (taps + 3) / 4 * 4
	if p.single {
		count = taps
	}
	for k := range count {
		k = min(k, taps-1) // what has no weight is read where something is
		p.offsets = append(p.offsets, k/v.KW*v.DilH*v.Src.Row+k%v.KW*v.DilW*v.Src.Pixel)
	}
	mustFitPairs(w, v.C, taps)
	for slot := 0; slot < n; slot += slotC {
		from := d.blockStart(slot)
		for c := from; c < min(from+slotC, v.C); c++ {
			i, sum := slot+depthwiseSlot(c-from), int32(0)
			for k, x := range w[c*taps:][:taps] {
				p.weights[(k/4*n+i)*4+k%4] = x
				sum += int32(x)
			}
			if p.single {
				p.weights[(taps/4*n+i)*4+1] = p.weights[(taps/4*n+i)*4] >> 7 // the sign
			}
			p.start[i] = -int32(d.In.Zero) * sum
			p.scale[i] = float32(float64(d.In.Scale) * float64(scale[c]) / float64(d.Out.Scale))
			if bias != nil {
				p.bias[i] = float32(float64(bias[c]) / float64(d.Out.Scale))
			}
		}
	}
	return p
}

// mustFitPairs panics if the sums of two products can leave 16 bits.
func mustFitPairs(w []int8, channels, taps int) {
	for c := range channels {
		row := w[c*taps:][:taps]
		for k := 0; k < taps; k += 2 {
			a, b := int(row[k]), 0
			if k+1 < taps {
				b = int(row[k+1])
			}
			must("pair of weights", 2*MaxWeight, 0, max(a, 0)+max(b, 0))
			must("pair of weights", 2*MaxWeight, 0, -min(a, 0)-min(b, 0))
		}
	}
}

// Run computes the output rows [r0, r1), counted over all N·OutH. packed comes from Pack. dst must not be src.
func (d *DepthwiseInt8) Run(dst, src []uint8, packed *PackedDepthwiseInt8, r0, r1 int) {
	v := &d.Depthwise
	if r0 >= r1 || v.OutW == 0 || v.C == 0 {
		return
	}
	d.check(dst, src, packed, r1)
	d.run(dst, src, packed, r0, r1)
}

func (d *DepthwiseInt8) check(dst, src []uint8, p *PackedDepthwiseInt8, r1 int) {
	v := &d.Depthwise
	must("depthwise rows", v.N*v.OutH, 0, r1)
	must("depthwise weights", len(p.start), 0, v.C)
	y, x := (v.OutH-1)*v.StrideH+(v.KH-1)*v.DilH, (v.OutW-1)*v.StrideW+(v.KW-1)*v.DilW
	must("depthwise input", len(src), v.Src.Start, v.Src.At(v.N-1, y, x)+v.C)
	must("depthwise output", len(dst), v.Dst.Start, v.Dst.At(v.N-1, v.OutH-1, v.OutW-1)+v.C)
	if p.row != v.Src.Row || p.pixel != v.Src.Pixel || !v.Act.clips() {
		panic("kernel: depthwise weights packed for another source or activation")
	}
}

// runGeneric computes the rows [r0, r1) pixel by pixel.
func (d *DepthwiseInt8) runGeneric(dst, src []uint8, p *PackedDepthwiseInt8, r0, r1 int) {
	v := &d.Depthwise
	clamp := d.Out.clamp(v.Act.bounds())
	for r := r0; r < r1; r++ {
		n, y := r/v.OutH, r%v.OutH
		for x := range v.OutW {
			d.pixel(dst[v.Dst.At(n, y, x):][:v.C], src[v.Src.At(n, y*v.StrideH, x*v.StrideW):], p, &clamp)
		}
	}
}

// pixel computes one output pixel from src, which starts with its first tap.
func (d *DepthwiseInt8) pixel(out, src []uint8, p *PackedDepthwiseInt8, clamp *clampByte) {
	n := 4 * len(p.start)
	for c := range out {
		slot := c / slotC * slotC
		i := slot + depthwiseSlot(c-d.blockStart(slot))
		sum, w := p.start[i], p.weights[4*i:]
		for k := 0; k+4 <= len(p.offsets); k += 4 {
			o, f := (*[4]int)(p.offsets[k:]), (*[4]int8)(w[k/4*n:])
			sum += int32(src[o[0]+c])*int32(f[0]) + int32(src[o[1]+c])*int32(f[1]) +
				int32(src[o[2]+c])*int32(f[2]) + int32(src[o[3]+c])*int32(f[3])
		}
		if last := len(p.offsets) - 1; p.single {
			sum += int32(src[p.offsets[last]+c]) * int32(w[last/4*n])
		}
		out[c] = clamp.byte(float32(float32(sum)*p.scale[i]) + p.bias[i])
	}
}
