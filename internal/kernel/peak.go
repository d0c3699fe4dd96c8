package kernel

// Peak keeps the multipliers and adders of one core as busy as they can be for n loops at the active level of
// instruction sets, touching no memory, and returns the number of floating-point operations that it did:
// divided by its time it is the speed that no kernel can exceed. n must be at least 1; a loop takes some
// nanoseconds.
func Peak(n int) (ops int) { return n * peak(n) }

// PeakInt8 is Peak for products of bytes, with the customary instructions: a kernel that adds products in 16 bits can
// exceed it on AVX2. It returns 0 where there are no such instructions.
func PeakInt8(n int) (ops int) { return n * peakInt8(n) }

// PeakBF16 is Peak for products of bfloat16. It returns 0 where there are no such instructions.
func PeakBF16(n int) (ops int) { return n * peakBFloat16(n) }

// peakGeneric does eight chains of multiply and add, which is what plain Go's tile has.
func peakGeneric(n int) (ops int) {
	x := peakValue
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for range n {
		s0 += x * x
		s1 += x * x
		s2 += x * x
		s3 += x * x
		s4 += x * x
		s5 += x * x
		s6 += x * x
		s7 += x * x
	}
	peakSink = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7
	return 16
}

// peakValue is what Peak multiplies; with zeros some processors report less. peakSink keeps its result.
var (
	peakValue float32 = 1.0003
	peakSink  float32
)
