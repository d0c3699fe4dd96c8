package kernel

// Depthwise is a convolution in which each channel has its own kernel: dst = Act(bias + Σ src·w + res).
type Depthwise struct {
	C, KH, KW        int
	StrideH, StrideW int
	DilH, DilW       int
	N, OutH, OutW    int
	Src, Dst, Res    Grid // as in Conv
	Act              Act
}

// PackedLen returns the number of elements of the packed weights.
func (d *Depthwise) PackedLen() int { return d.C * (1 + d.KH*d.KW) }

// Pack writes w [C, 1, KH, KW] and bias [C] (nil: zeros) to dst [PackedLen] as [1+KH·KW][C], the bias first.
func (d *Depthwise) Pack(dst, w, bias []float32) {
	must("packed weights", len(dst), 0, d.PackedLen())
	taps := d.KH * d.KW
	must("weights", len(w), 0, d.C*taps)
	clear(dst[:d.C])
	copy(dst[:d.C], bias)
	for c := range d.C {
		for k := range taps {
			dst[(1+k)*d.C+c] = w[c*taps+k]
		}
	}
}

// Run computes the output rows [r0, r1), counted over all N·OutH. packed comes from Pack. res may be nil.
// dst may be res, not src.
func (d *Depthwise) Run(dst, src, res, packed []float32, r0, r1 int) {
	if r0 >= r1 || d.OutW == 0 || d.C == 0 {
		return
	}
	d.check(dst, src, res, packed, r1)
	d.run(dst, src, res, packed, r0, r1)
}

// runGeneric computes the rows [r0, r1) pixel by pixel.
func (d *Depthwise) runGeneric(dst, src, res, packed []float32, r0, r1 int) {
	for r := r0; r < r1; r++ {
		n, y := r/d.OutH, r%d.OutH
		for x := range d.OutW {
			out := dst[d.Dst.At(n, y, x):][:d.C]
			var add []float32
			if res != nil {
				add = res[d.Res.At(n, y, x):][:d.C]
			}
			d.pixel(out, src[d.Src.At(n, y*d.StrideH, x*d.StrideW):], add, packed)
			if d.Act.Func != Identity {
				d.Act.Apply(out, out)
			}
		}
	}
}

// pixel computes the sums of one output pixel from src, which starts at its first tap, and adds add, which may be nil
// or out: four channels at a time stay in registers over all taps.
func (d *Depthwise) pixel(out, src, add, packed []float32) {
	rowStep, pixelStep := d.DilH*d.Src.Row, d.DilW*d.Src.Pixel
	c := 0
	for ; c+4 <= d.C; c += 4 {
		b := (*[4]float32)(packed[c:])
		s0, s1, s2, s3 := b[0], b[1], b[2], b[3]
		w := c + d.C
		for ky := range d.KH {
			at := ky*rowStep + c
			for range d.KW {
				x, k := (*[4]float32)(src[at:]), (*[4]float32)(packed[w:])
				s0 += x[0] * k[0]
				s1 += x[1] * k[1]
				s2 += x[2] * k[2]
				s3 += x[3] * k[3]
				at += pixelStep
				w += d.C
			}
		}
		if add != nil {
			r := (*[4]float32)(add[c:])
			s0, s1, s2, s3 = s0+r[0], s1+r[1], s2+r[2], s3+r[3]
		}
		*(*[4]float32)(out[c:]) = [4]float32{s0, s1, s2, s3}
	}
	for ; c < d.C; c++ {
		s, w := packed[c], c+d.C
		for ky := range d.KH {
			for kx := range d.KW {
				s += src[ky*rowStep+kx*pixelStep+c] * packed[w]
				w += d.C
			}
		}
		if add != nil {
			s += add[c]
		}
		out[c] = s
	}
}

func (d *Depthwise) check(dst, src, res, packed []float32, r1 int) {
	must("depthwise rows", d.N*d.OutH, 0, r1)
	must("depthwise weights", len(packed), 0, d.PackedLen())
	y, x := (d.OutH-1)*d.StrideH+(d.KH-1)*d.DilH, (d.OutW-1)*d.StrideW+(d.KW-1)*d.DilW
	must("depthwise input", len(src), d.Src.Start, d.Src.At(d.N-1, y, x)+d.C)
	must("depthwise output", len(dst), d.Dst.Start, d.Dst.At(d.N-1, d.OutH-1, d.OutW-1)+d.C)
	if res != nil {
		must("depthwise residual", len(res), d.Res.Start, d.Res.At(d.N-1, d.OutH-1, d.OutW-1)+d.C)
	}
}
