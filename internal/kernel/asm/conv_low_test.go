package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// lowCase is one call of a tile of low precision.
type lowCase struct {
	units, lanes int // lanes exist
	res, float   bool
	lo, hi       float32
	wide         bool // the residual is float32
}

func lowCases(t LowTile) []lowCase {
	full := 16 * t.Vectors
	if t.BF16 {
		return []lowCase{
			{3, full, true, false, -1, 2, false}, {5, full, false, true, -0.5, 1, false}, {1, full - 13, true, true, -3, 0.5, false},
			{2, max(3, full-16), true, false, -inf, 1, false}, {2, full, true, true, -inf, 1, true}, {1, full - 5, true, true, -2, 2, true},
		}
	}
	return []lowCase{
		{3, full, true, false, -100, 120, false}, {5, full, false, true, -1e5, 1e5, false}, {1, full - 13, true, true, -3, 7, false}, {2, max(3, full-16), true, false, -2, 155, false},
		{4, full - 1, false, false, -100, 20, false},
	}
}

// lowRun is a case with its buffers, of which those of a group's pixels follow one another.
type lowRun struct {
	LowTile
	lowCase
	int8Run
	groups [3][2][]byte // of src, dst, res
}

// newLowRun fills the buffers: with bytes as newInt8Run does, or with bfloat16.
func newLowRun(t LowTile, k lowCase) *lowRun {
	full := 16 * t.Vectors
	c := int8Case{pixels: t.Pixels, groups: [Int8Group + 1]int{1: k.units}, res: k.res, float: k.float, lo: k.lo, hi: k.hi}
	run := &lowRun{LowTile: t, lowCase: k, int8Run: *newInt8Run(c, full)}
	if t.BF16 {
		run.useBF16()
	}
	for i, buffers := range [][][]byte{run.src, run.dst, run.res2()} {
		for p, b := range buffers {
			if i > 0 { // what ends with the channels that exist
				b = b[:len(b)-(full-k.lanes)*(len(b)-run.before(i))/full]
			}
			group := &run.groups[i][p/GroupPixels]
			*group = append(*group, b...)
		}
	}
	for i, buffers := range [][][]byte{run.src, run.dst, run.res2()} {
		for p := range buffers {
			n := len(run.groups[i][p/GroupPixels]) / min(GroupPixels, t.Pixels-p/GroupPixels*GroupPixels)
			buffers[p] = run.groups[i][p/GroupPixels][p%GroupPixels*n:][:n]
		}
	}
	return run
}

func (run *lowRun) res2() [][]byte { return run.int8Run.res }

// elements returns the bytes of an element of src and res, and of dst.
func (run *lowRun) elements() (size, dst int) {
	size = 1
	if run.BF16 {
		size = 2
	}
	if run.lowCase.float {
		return size, 4
	}
	return size, size
}

// before returns the bytes in front of the first channel of dst and of res.
func (run *lowRun) before(buffer int) int {
	size, dst := run.elements()
	switch {
	case buffer == 1:
		return int8DstAt * dst
	case run.wide:
		return int8ResAt * 4
	}
	return int8ResAt * size
}

// useBF16 replaces what newInt8Run made by bfloat16, some of them subnormal.
func (run *lowRun) useBF16() {
	r := rand.New(rand.NewPCG(3, uint64(run.Pixels)))
	halves := func(n int) (b []byte) {
		for range n {
			x := bits(float32(r.NormFloat64())) >> 16
			if r.IntN(20) == 0 {
				x &= 0x807f
			}
			b = binary.LittleEndian.AppendUint16(b, uint16(x))
		}
		return b
	}
	full := 16 * run.Vectors
	_, dst := run.elements()
	for p := range run.src {
		run.src[p] = halves(int8Span)
		run.int8Run.res[p] = halves(int8ResAt + full)
		if run.wide {
			run.int8Run.res[p] = nil
			for range int8ResAt + full {
				run.int8Run.res[p] = binary.LittleEndian.AppendUint32(run.int8Run.res[p], bits(float32(r.NormFloat64())))
			}
		}
		run.dst[p] = bytes.Repeat([]byte{99}, dst*(int8DstAt+full))
	}
	run.weights = halves(run.lowCase.units * full * 2)
	for i := range run.lowCase.units {
		binary.LittleEndian.PutUint32(run.offsets[4*i:], 2*uint32(r.IntN(int8Span-1)))
	}
	for c := range full {
		binary.LittleEndian.PutUint32(run.start[4*c:], bits(float32(r.NormFloat64())))
	}
	if run.lowCase.lanes > 1 {
		binary.LittleEndian.PutUint32(run.start[4:], 0x7fc00000) // a NaN that must stay one
	}
}

// args returns the struct that the function gets, with everything mapped.
func (run *lowRun) args(m *Memory) []byte {
	b := bytes.Repeat([]byte{0x55}, LowSize)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(b[off:], v) }
	put32 := func(off int, v uint32) { binary.LittleEndian.PutUint32(b[off:], v) }
	for i, off := range []int{LowSrc, LowDst, LowRes} {
		for g, buffer := range run.groups[i] {
			at := m.Map(fmt.Sprint("buffer", i, g), buffer, i == 1)
			if i > 0 {
				at += uint64(run.before(i))
			}
			put(off+8*g, at)
		}
	}
	if !run.lowCase.res {
		put(LowRes, 0)
	}
	for i, n := range []int{len(run.src[0]), len(run.dst[0]), len(run.int8Run.res[0])} {
		put(LowSrcStep+8*i, uint64(n))
	}
	for i, v := range [][]byte{run.weights, run.offsets, run.start, run.scale, run.bias} {
		put([]int{LowWeights, LowOffsets, LowStart, LowScale, LowBias}[i], m.Map(fmt.Sprint("vector", i), v, false))
	}
	put(LowUnits, uint64(run.lowCase.units))
	put(LowFloat, 0)
	if run.lowCase.float {
		put(LowFloat, 1)
	}
	put(LowResFloat, 0)
	if run.wide {
		put(LowResFloat, 1)
	}
	put32(LowLo, bits(run.lowCase.lo))
	put32(LowHi, bits(run.lowCase.hi))
	put32(LowResScale, bits(int8ResScale))
	put32(LowZero, int8Zero)
	put32(LowResZero, int8ResZero)
	put32(LowLanes, uint32(1<<run.lanes-1))
	return b
}

func bf16At(b []byte, i int) float32 { return float(uint32(binary.LittleEndian.Uint16(b[2*i:])) << 16) }

// wantBF16 computes one element in plain Go, before it is rounded to bfloat16.
func (run *lowRun) wantBF16(p, c int) float32 {
	sum, full := floatAt(run.start, c), 16*run.Vectors
	for u := range run.lowCase.units {
		at := int(binary.LittleEndian.Uint32(run.offsets[4*u:])) / 2
		for i := 1; i >= 0; i-- {
			x, w := normal(bf16At(run.src[p], at+i)), normal(bf16At(run.weights, (u*full+c)*2+i))
			sum = normal(sum + normal(x*w))
		}
	}
	switch {
	case run.wide:
		sum += floatAt(run.int8Run.res[p], int8ResAt+c)
	case run.lowCase.res:
		sum += bf16At(run.int8Run.res[p], int8ResAt+c)
	}
	return min(max(sum, run.lowCase.lo), run.lowCase.hi)
}

// normal is x, or zero if x is subnormal.
func normal(x float32) float32 {
	if math.Abs(float64(x)) < 0x1p-126 {
		return 0
	}
	return x
}

// runLow interprets a case and returns an error if a bit of the output, or of what surrounds it, is wrong.
func runLow(f *Func, t LowTile, k lowCase) error {
	run := newLowRun(t, k)
	m := Machine{Mem: &Memory{}, Steps: lowSteps}
	if err := m.Run(f, m.Mem.Map("args", run.args(m.Mem), false)); err != nil {
		return err
	}
	if !t.BF16 {
		return run.compare(k.lanes, 16*t.Vectors)
	}
	for p, dst := range run.dst {
		for c := range k.lanes {
			want := run.wantBF16(p, c)
			got := floatAt(dst[min(len(dst)-4, run.before(1)+4*c):], 0)
			if !k.float {
				got = bf16At(dst[run.before(1):], c)
				want = nearestBF16(want)
			}
			if got != want && (got == got || want == want) {
				return fmt.Errorf("pixel %d, channel %d: %v, want %v", p, c, got, want)
			}
		}
		for i, x := range dst[:run.before(1)] {
			if x != 99 {
				return fmt.Errorf("pixel %d: byte %d beside the output was written", p, i)
			}
		}
	}
	return nil
}

// nearestBF16 is the bfloat16 nearest to x, the even one of two.
func nearestBF16(x float32) float32 {
	lower := float(bits(x) >> 16 << 16)
	upper := float((bits(x)>>16 + 1) << 16)
	switch d := math.Abs(float64(x)-float64(lower)) - math.Abs(float64(upper)-float64(x)); {
	case d < 0, d == 0 && bits(lower)>>16&1 == 0, x != x:
		return lower
	}
	return upper
}

func TestConvLow(t *testing.T) {
	for _, tile := range append(LowTiles(false), LowTiles(true)...) {
		f := ConvLow(tile)
		for _, k := range lowCases(tile) {
			if err := runLow(f, tile, k); err != nil {
				t.Errorf("%s: %+v: %v", tile.Name(), k, err)
			}
		}
	}
}
