package kernel

// DepthwiseBF16 is Depthwise of pictures of bfloat16: weights, bias and sums are float32, in the order of Depthwise.
type DepthwiseBF16 struct {
	// Depthwise tells the geometry and packs the weights. Act may be Identity, Relu or Clip. There is no residual.
	Depthwise Depthwise
}

// Run computes the output rows [r0, r1), counted over all N·OutH. packed comes from Depthwise.Pack. dst must not be src.
func (d *DepthwiseBF16) Run(dst, src []uint16, packed []float32, r0, r1 int) {
	v := &d.Depthwise
	if r0 >= r1 || v.OutW == 0 || v.C == 0 {
		return
	}
	must("depthwise rows", v.N*v.OutH, 0, r1)
	must("depthwise weights", len(packed), 0, v.PackedLen())
	y, x := (v.OutH-1)*v.StrideH+(v.KH-1)*v.DilH, (v.OutW-1)*v.StrideW+(v.KW-1)*v.DilW
	must("depthwise input", len(src), v.Src.Start, v.Src.At(v.N-1, y, x)+v.C)
	must("depthwise output", len(dst), v.Dst.Start, v.Dst.At(v.N-1, v.OutH-1, v.OutW-1)+v.C)
	if !v.Act.clips() {
		panic("kernel: depthwise bf16 takes only activations that clip")
	}
	d.run(dst, src, packed, r0, r1)
}

// runGeneric computes the rows [r0, r1) pixel by pixel.
func (d *DepthwiseBF16) runGeneric(dst, src []uint16, packed []float32, r0, r1 int) {
	v := &d.Depthwise
	lo, hi := v.Act.bounds()
	for r := r0; r < r1; r++ {
		n, y := r/v.OutH, r%v.OutH
		for x := range v.OutW {
			in := src[v.Src.At(n, y*v.StrideH, x*v.StrideW):]
			for c := range v.C {
				sum, k := packed[c], c+v.C
				for ky := range v.KH {
					for kx := range v.KW {
						sum += FromBF16(in[ky*v.DilH*v.Src.Row+kx*v.DilW*v.Src.Pixel+c]) * packed[k]
						k += v.C
					}
				}
				dst[v.Dst.At(n, y, x)+c] = ToBF16(min(max(sum, lo), hi))
			}
		}
	}
}
