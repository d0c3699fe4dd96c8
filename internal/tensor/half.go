package tensor

import (
	"encoding/binary"
	"math"
)

// Float32s returns t's elements as float32, widening the two-byte floats exactly and converting integers.
// For a Float32 tensor it is t.F itself, not a copy.
func (t *Tensor) Float32s() []float32 {
	if t.DType == Float32 {
		return t.F
	}
	out := make([]float32, t.Elems())
	switch t.DType {
	case Float16:
		for i := range out {
			out[i] = FromFloat16(binary.LittleEndian.Uint16(t.Raw[2*i:]))
		}
	case BFloat16:
		for i := range out {
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(t.Raw[2*i:])) << 16)
		}
	default:
		for i := range out {
			out[i] = float32(t.I[i])
		}
	}
	return out
}

// FromFloat16 widens an IEEE 754 binary16 number exactly.
func FromFloat16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10)&0x1f, uint32(h&0x3ff)
	switch {
	case exp == 0x1f: // infinity, NaN
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
	v := float32(frac) * 0x1p-24 // zero and subnormals
	return math.Float32frombits(math.Float32bits(v) | sign)
}

// ToFloat16 rounds f to the nearest binary16, ties to even; what is too large becomes infinity.
func ToFloat16(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b>>16) & 0x8000
	exp, frac := int(b>>23&0xff)-112, b&0x7fffff
	switch {
	case b&0x7fffffff > 0x7f800000: // NaN: keep it one
		return sign | 0x7e00
	case exp >= 0x1f:
		return sign | 0x7c00
	case exp <= 0:
		if exp < -10 {
			return sign
		}
		frac |= 0x800000
		shift := uint(14 - exp)
		return sign | uint16(roundShift(frac, shift))
	}
	// A carry out of the fraction moves into the exponent, and from there into infinity, as it should.
	return sign | uint16(uint32(exp)<<10+roundShift(frac, 13))
}

// roundShift returns v >> n rounded to nearest, ties to even.
func roundShift(v uint32, n uint) uint32 {
	half, rest := uint32(1)<<(n-1), v&(1<<n-1)
	v >>= n
	if rest > half || rest == half && v&1 == 1 {
		v++
	}
	return v
}
