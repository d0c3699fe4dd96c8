//go:build !purego

package kernel

// peakArgs is what the assembly gets; the offsets are package asm's.
type peakArgs struct {
	loops int
	value float32
	_     uint32
}

func peak(n int) (ops int) {
	a := peakArgs{loops: n, value: peakValue}
	switch {
	case useConvAVX512:
		peakAVX512(&a)
		return peakOpsAVX512
	case useConvAVX2:
		peakAVX2(&a)
		return peakOpsAVX2
	}
	return peakGeneric(n)
}

func peakInt8(n int) (ops int) {
	a := peakArgs{loops: n, value: peakValue}
	switch {
	case useConvInt8VNNI:
		peakInt8VNNI(&a)
		return peakOpsInt8VNNI
	case useConvInt8AVX2:
		peakInt8AVX2(&a)
		return peakOpsInt8AVX2
	}
	return 0
}

func peakBFloat16(n int) (ops int) {
	if !useConvBF16 {
		return 0
	}
	peakBF16(&peakArgs{loops: n, value: peakValue})
	return peakOpsBF16
}
