package kernel

// AddInt8 adds bytes: Out(Act((a − A.Zero)·(A.Scale/Out.Scale) + (b − B.Zero)·(B.Scale/Out.Scale))), each step rounded
// to float32 by itself. Act may be Identity, Relu or Clip.
type AddInt8 struct {
	A, B, Out Quant
	Act       Act
}

// Run sets the elements of rows to the sums of those of a and b. dst may be a or b where the steps are alike.
func (s *AddInt8) Run(dst, a, b []uint8, r Rows) {
	if r.empty() {
		return
	}
	must("sum", len(dst), 0, r.reach(r.To))
	must("summand", len(a), 0, r.reach(r.From))
	must("summand", len(b), 0, r.reach(r.From2))
	if !s.Act.clips() {
		panic("kernel: a sum of bytes takes only activations that clip")
	}
	if r.To == r.Width && r.From == r.Width && r.From2 == r.Width {
		r = r.joined()
	}
	s.run(dst, a, b, r)
}

// runGeneric is Run in plain Go.
func (s *AddInt8) runGeneric(dst, a, b []uint8, r Rows) {
	clamp := s.Out.clamp(s.Act.bounds())
	ka, kb := s.A.Scale/s.Out.Scale, s.B.Scale/s.Out.Scale
	za, zb := int32(s.A.Zero), int32(s.B.Zero)
	for i := range r.N {
		out, y := dst[i*r.To:][:r.Width], b[i*r.From2:][:r.Width]
		for j, x := range a[i*r.From:][:r.Width] {
			out[j] = clamp.byte(float32(float32(int32(x)-za)*ka) + float32(float32(int32(y[j])-zb)*kb))
		}
	}
}
