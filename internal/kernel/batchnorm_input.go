package kernel

// InputNorm is a normalisation of pictures that a kernel applies as it reads them, so that what it makes is never stored:
//
//	Act((X − Mean)·Scale + Shift)
//
// Each slice is as long as the pictures have channels, and Act is Identity, Relu or Clip. It computes what
// BatchNorm.Normalize does, bit for bit. Zeros of a halo would be normalised too: it is for windows that reach over no border.
type InputNorm struct {
	Mean, Scale, Shift []float32
	Act                Act
}

// Rows normalises rows of src, which are channels from c0 on, to dst.
func (n *InputNorm) Rows(dst, src []float32, c0 int, r Rows) {
	if r.empty() {
		return
	}
	must("input norm result", len(dst), 0, r.reach(r.To))
	must("input norm input", len(src), 0, r.reach(r.From))
	must("input norm parameters", min(len(n.Mean), len(n.Scale), len(n.Shift)), c0, c0+r.Width)
	k := normalizing{dst: dst, src: src, mean: n.Mean[c0:], scale: n.Scale[c0:], shift: n.Shift[c0:]}
	k.lo, k.hi = n.Act.bounds()
	k.run(r)
}

// normalizeTo is strided.copyTo of what norm makes of the channels from c0 on.
func (s *strided) normalizeTo(norm *InputNorm, dst []float32, c0, n, width int) strided {
	to := 0
	for i := range s.images {
		for y := range s.rows {
			norm.Rows(dst[to:], s.data[s.at+i*s.image+y*s.row:], c0, Rows{N: s.cols, Width: n, To: width, From: s.step})
			to += s.cols * width
		}
	}
	return strided{dst, 0, s.images, s.rows, s.cols, width, s.cols * width, s.rows * s.cols * width}
}
