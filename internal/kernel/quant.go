package kernel

import "math"

// Quant maps numbers to bytes and back: the byte b stands for (b − Zero)·Scale, and x becomes x/Scale rounded to
// the nearest even, plus Zero, clamped to 0…255. Scale is positive and finite.
type Quant struct {
	Scale float32
	Zero  uint8
}

// MaxWeight is the largest weight of the kernels of int8, on both sides of 0: a sum of two products of an unsigned
// byte and a weight, which AVX2 computes in 16 bits, cannot saturate, as 2·255·64 < 2¹⁵. So all instruction sets
// give the same integers.
const MaxWeight = 64

// MaxTaps is the longest sum of products whose result always fits into 32 bits.
const MaxTaps = math.MaxInt32 / (255 * MaxWeight)

// clampByte says how numbers in units of a scale become bytes: clipped to [lo, hi], which are within
// [−zero, 255−zero], rounded to the nearest even, and moved by zero.
type clampByte struct {
	lo, hi float32
	zero   int32
}

// clamp returns how the numbers that an activation clips to [lo, hi] become bytes, after a division by Scale.
func (q Quant) clamp(lo, hi float32) clampByte {
	z := float32(q.Zero)
	c := clampByte{zero: int32(q.Zero), lo: max(lo/q.Scale, -z), hi: min(hi/q.Scale, 255-z)}
	c.lo, c.hi = min(c.lo, 255-z), max(c.hi, -z)
	return c
}

// byte returns what x, in units of the scale, is stored as. NaN is stored as lo.
func (c *clampByte) byte(x float32) uint8 {
	return uint8(int32(math.RoundToEven(float64(c.clip(x)))) + c.zero)
}

// clip returns x within [lo, hi], lo for NaN.
func (c *clampByte) clip(x float32) float32 {
	if !(x > c.lo) {
		x = c.lo
	}
	if !(x < c.hi) {
		x = c.hi
	}
	return x
}

// QuantiseRows sets the elements of rows to the bytes of those of src. The product with float32(1/Scale) is what is
// rounded. NaN becomes 0.
func QuantiseRows(dst []uint8, src []float32, q Quant, r Rows) {
	if r.empty() {
		return
	}
	must("quantised", len(dst), 0, r.reach(r.To))
	must("quantise input", len(src), 0, r.reach(r.From))
	if r.To == r.Width && r.From == r.Width {
		r = r.joined()
	}
	quantiseRows(dst, src, q, r)
}

// quantiseRowsGeneric is QuantiseRows in plain Go.
func quantiseRowsGeneric(dst []uint8, src []float32, q Quant, r Rows) {
	clamp, inverse := q.clamp(inf(-1), inf(1)), 1/q.Scale
	for i := range r.N {
		out := dst[i*r.To:][:r.Width]
		for j, x := range src[i*r.From:][:r.Width] {
			out[j] = clamp.byte(x * inverse)
		}
	}
}

// DequantiseRows sets the elements of rows to the numbers that the bytes of src stand for.
func DequantiseRows(dst []float32, src []uint8, q Quant, r Rows) {
	if r.empty() {
		return
	}
	must("dequantised", len(dst), 0, r.reach(r.To))
	must("dequantise input", len(src), 0, r.reach(r.From))
	if r.To == r.Width && r.From == r.Width {
		r = r.joined()
	}
	dequantiseRows(dst, src, q, r)
}

// dequantiseRowsGeneric is DequantiseRows in plain Go.
func dequantiseRowsGeneric(dst []float32, src []uint8, q Quant, r Rows) {
	zero := int32(q.Zero)
	for i := range r.N {
		out := dst[i*r.To:][:r.Width]
		for j, b := range src[i*r.From:][:r.Width] {
			out[j] = float32(int32(b)-zero) * q.Scale
		}
	}
}

// FillZero makes all elements of dst stand for zero: what a halo holds.
func FillZero(dst []uint8, q Quant) {
	if len(dst) == 0 {
		return
	}
	dst[0] = q.Zero
	for n := 1; n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
}

func inf(sign int) float32 { return float32(math.Inf(sign)) }
