package kernel

import "math"

// ToBF16 returns x as bfloat16, the upper half of a float32, rounded to the nearest even. Subnormal numbers become a
// zero of their sign and NaN stays NaN, as with the processor's instruction.
func ToBF16(x float32) uint16 {
	b := math.Float32bits(x)
	if b>>23&255-1 >= 254 {
		return oddBF16(b)
	}
	return uint16((b + 1<<15 - 1 + b>>16&1) >> 16)
}

// oddBF16 is ToBF16 of a number that is zero, subnormal, infinite or NaN.
func oddBF16(b uint32) uint16 {
	switch {
	case b&^(1<<31) > 255<<23:
		return uint16(b>>16) | 1<<6
	case b>>23&255 == 0:
		return uint16(b >> 16 & (1 << 15))
	}
	return uint16(b >> 16)
}

// FromBF16 returns the number that a bfloat16 is.
func FromBF16(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// ToBF16Rows sets the elements of rows to those of src, rounded to bfloat16.
func ToBF16Rows(dst []uint16, src []float32, r Rows) {
	if r.empty() {
		return
	}
	must("bf16", len(dst), 0, r.reach(r.To))
	must("bf16 input", len(src), 0, r.reach(r.From))
	for i := range r.N {
		toBF16(dst[i*r.To:][:r.Width], src[i*r.From:][:r.Width])
	}
}

// toBF16Generic rounds the elements of src.
func toBF16Generic(dst []uint16, src []float32) {
	for i, x := range src {
		dst[i] = ToBF16(x)
	}
}

// FromBF16Rows sets the elements of rows to the bfloat16 of those of src.
func FromBF16Rows(dst []float32, src []uint16, r Rows) {
	if r.empty() {
		return
	}
	must("from bf16", len(dst), 0, r.reach(r.To))
	must("from bf16 input", len(src), 0, r.reach(r.From))
	for i := range r.N {
		out := dst[i*r.To:][:r.Width]
		for j, x := range src[i*r.From:][:r.Width] {
			out[j] = FromBF16(x)
		}
	}
}

// AddBF16Rows sets the elements of rows to act(a + b), computed in float32 and rounded. act may be Identity, Relu or
// Clip. dst may be a or b where the steps are alike.
func AddBF16Rows(dst, a, b []uint16, act Act, r Rows) {
	if r.empty() {
		return
	}
	must("sum", len(dst), 0, r.reach(r.To))
	must("summand", len(a), 0, r.reach(r.From))
	must("summand", len(b), 0, r.reach(r.From2))
	lo, hi := act.bounds()
	for i := range r.N {
		out, y := dst[i*r.To:][:r.Width], b[i*r.From2:][:r.Width]
		for j, x := range a[i*r.From:][:r.Width] {
			out[j] = ToBF16(min(max(FromBF16(x)+FromBF16(y[j]), lo), hi))
		}
	}
}

// flush returns x, or zero of its sign if x is subnormal.
func flush(x float32) float32 {
	if b := math.Float32bits(x); b>>23&255 == 0 {
		return math.Float32frombits(b & (1 << 31))
	}
	return x
}
