package asm

import (
	"encoding/binary"
	"testing"
)

// A peak loop of low precision computes what its instructions do, as often as it was told to.
func TestPeakLow(t *testing.T) {
	const two, twos = 0x02020202, 0x40004000 // bytes, bfloat16
	const words = 2 * (2*2 + 2*2) * 0x0202   // the two sums of two products, times the words of the same register
	for p, k := range [...]struct{ value, want uint32 }{
		PeakInt8AVX2: {two, two + 3*words}, PeakInt8VNNI: {two, two + 3*4*2*2}, PeakBF16: {twos, bits(float(twos) + 3*2*2*2)},
	} {
		args := make([]byte, PeakSize)
		args[PeakLoops] = 3
		binary.LittleEndian.PutUint32(args[PeakValue:], k.value)
		m := Machine{Mem: &Memory{}}
		if err := m.Run(PeakOf(PeakLow(p)), m.Mem.Map("args", args, false)); err != nil {
			t.Fatal(err)
		}
		if m.vec[0][0] != k.want {
			t.Errorf("%s: %#x, want %#x", PeakLows[p], m.vec[0][0], k.want)
		}
	}
}
