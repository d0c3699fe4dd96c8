package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// halvesBits are numbers at which rounding changes: ties, the largest, infinities, NaN, subnormal ones and zeros.
var halvesBits = []uint32{0x3f808000, 0x3f818000, 0x3f808001, 0x3f80ffff, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fffffff, 0x7fc00000, 0x00000001, 0x007fffff,
	0x00800000, 0x00808000, 0, 0x00008000, 0x7f7f7fff, 0x7f7f8000}

// runToBF16 interprets ToBF16 over so many blocks, each lane of which has each of the numbers in some run.
func runToBF16(f *Func, blocks int) error {
	for shift := range halvesBits {
		r := rand.New(rand.NewPCG(1, uint64(blocks)))
		var src []byte
		for i := range 16 * blocks {
			x := r.Uint32()
			if i%3 != 0 {
				x = halvesBits[(i+shift)%len(halvesBits)] ^ x&(1<<31)
			}
			src = binary.LittleEndian.AppendUint32(src, x)
		}
		dst, args := make([]byte, 32*blocks), bytes.Repeat([]byte{0x55}, HalvesSize)
		m := Machine{Mem: &Memory{}, Steps: lowSteps}
		binary.LittleEndian.PutUint64(args[HalvesSrc:], m.Mem.Map("src", src, false))
		binary.LittleEndian.PutUint64(args[HalvesDst:], m.Mem.Map("dst", dst, true))
		binary.LittleEndian.PutUint64(args[HalvesBlocks:], uint64(blocks))
		for i, v := range []uint32{1, 0x7fff, 1 << 6, 1<<31 - 1, 0x00800000, 0xffff8000, 0, 1, 4, 5, 2, 3, 6, 7} {
			binary.LittleEndian.PutUint32(args[HalvesOne+4*i:], v)
		}
		if err := m.Run(f, m.Mem.Map("args", args, false)); err != nil {
			return err
		}
		for i := range 16 * blocks {
			b := binary.LittleEndian.Uint32(src[4*i:])
			want := bits(nearestBF16(float(b))) >> 16
			switch x := float(b); {
			case x != x:
				want = b>>16 | 1<<6
			case b>>23&255 == 255:
				want = b >> 16
			case normal(x) == 0:
				want = b >> 16 & (1 << 15)
			case b&^(1<<31) >= 0x7f7f8000:
				want = b>>31<<15 | 0x7f80
			}
			if got := uint32(binary.LittleEndian.Uint16(dst[2*i:])); got != want {
				return fmt.Errorf("%#x becomes %#x, want %#x", b, got, want)
			}
		}
	}
	return nil
}

func TestToBF16(t *testing.T) {
	for blocks := 1; blocks <= 3; blocks++ {
		if err := runToBF16(ToBF16(), blocks); err != nil {
			t.Errorf("%d blocks: %v", blocks, err)
		}
	}
}

// TestToBF16Mutants is TestMutants for ToBF16.
func TestToBF16Mutants(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 37))
	for n := range mutants {
		f := ToBF16()
		what := mutate(r, f)
		if runToBF16(f, 2) == nil {
			t.Errorf("mutant %d of %s survived: %s", n, f.Name, what)
		}
	}
}
