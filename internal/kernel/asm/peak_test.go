package asm

import (
	"encoding/binary"
	"math"
	"testing"
)

// A peak loop ends after the loops it was told to do.
func TestPeak(t *testing.T) {
	for _, avx512 := range []bool{false, true} {
		args := make([]byte, PeakSize)
		args[PeakLoops] = 3
		binary.LittleEndian.PutUint32(args[PeakValue:], math.Float32bits(2))
		m := Machine{Mem: &Memory{}}
		if err := m.Run(Peak(avx512), m.Mem.Map("args", args, false)); err != nil {
			t.Fatal(err)
		}
		sums, lanes := peakSums(avx512)
		for i := range sums {
			if got := math.Float32frombits(m.vec[i][0]); got != 2+3*2*2 {
				t.Errorf("sum %d: %v", i, got)
			}
		}
		if PeakOps(avx512) != 2*sums*lanes {
			t.Errorf("%d operations", PeakOps(avx512))
		}
	}
}
