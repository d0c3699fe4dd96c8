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
