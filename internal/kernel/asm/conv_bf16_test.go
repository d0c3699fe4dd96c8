package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// bf16Case is one call of a tile of bfloat16 on AVX2.
type bf16Case struct {
	units, lanes int // lanes exist
	res          bool
	lo, hi       float32
}

func bf16Cases(t BF16Tile) []bf16Case {
	full := 8 * t.Vectors
	return []bf16Case{{3, full, true, -1, 2}, {5, full, false, -inf, 1}, {2, full - 3, true, -0.5, inf}, {1, full - 7, false, -2, 0.5}, {4, full - 5, true, -inf, inf},
		{2, full, false, -inf, -9}, {2, full - 1, true, 9, inf}}
}

const bf16Span = 61 // elements of a window

// bf16Run is a case with its buffers.
type bf16Run struct {
	BF16Tile
	bf16Case
	src, dst, res           [][]byte
	weights, offsets, start []byte
}

// newBF16Run fills the buffers. The last pixel's inputs, and the weights of channels 1 and 9, are so small that their products
// are subnormal, or their sums; others are subnormal themselves, and one start is NaN.
func newBF16Run(t BF16Tile, k bf16Case) *bf16Run {
	r := rand.New(rand.NewPCG(uint64(t.Pixels), uint64(k.units)))
	run := &bf16Run{BF16Tile: t, bf16Case: k}
	half := func(b []byte, scale float32) []byte {
		x := bits(scale*float32(r.NormFloat64())) >> 16
		if r.IntN(20) == 0 {
			x &= 0x807f
		}
		return binary.LittleEndian.AppendUint16(b, uint16(x))
	}
	floats := func(n int) (b []byte) {
		for range n {
			b = binary.LittleEndian.AppendUint32(b, bits(float32(r.NormFloat64())))
		}
		return b
	}
	for p := range t.Pixels {
		scale := float32(1)
		if p == t.Pixels-1 {
			scale = 0x1p-64
		}
		var src []byte
		for range bf16Span {
			src = half(src, scale)
		}
		run.src, run.res = append(run.src, src), append(run.res, floats(k.lanes))
		run.dst = append(run.dst, bytes.Repeat([]byte{99}, 4*k.lanes))
	}
	for range k.units {
		run.offsets = binary.LittleEndian.AppendUint32(run.offsets, 2*uint32(r.IntN(bf16Span-1)))
		for c := range 8 * t.Vectors {
			for range 2 {
				run.weights = half(run.weights, map[bool]float32{false: 1, true: 0x1p-63}[c%8 == 1])
			}
		}
	}
	run.start = floats(8 * t.Vectors)
	for j := range t.Vectors {
		for c, x := range []float32{0, 0, 0x1p-130} {
			binary.LittleEndian.PutUint32(run.start[32*j+4*c:], bits(x))
		}
	}
	binary.LittleEndian.PutUint32(run.start[12:], 0x7fc00000)
	return run
}

// args returns the struct that the function gets, with everything mapped.
func (run *bf16Run) args(m *Memory) []byte {
	b := bytes.Repeat([]byte{0x55}, BF16Size)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(b[off:], v) }
	put32 := func(off int, v uint32) { binary.LittleEndian.PutUint32(b[off:], v) }
	for p := range run.Pixels {
		put(BF16Src+8*p, m.Map(fmt.Sprint("src", p), run.src[p], false))
		put(BF16Dst+8*p, m.Map(fmt.Sprint("dst", p), run.dst[p], true))
		put(BF16Res+8*p, m.Map(fmt.Sprint("res", p), run.res[p], false))
	}
	if !run.bf16Case.res {
		put(BF16Res, 0)
	}
	put(BF16Weights, m.Map("weights", run.weights, false))
	put(BF16Offsets, m.Map("offsets", run.offsets, false))
	put(BF16Start, m.Map("start", run.start, false))
	put(BF16Units, uint64(run.units))
	put(BF16Partial, uint64(8*run.Vectors-run.lanes))
	put32(BF16Lo, bits(run.lo))
	put32(BF16Hi, bits(run.hi))
	put32(BF16Mode, flushState)
	put32(BF16Upper, 0xffff0000)
	for i := range 8 * run.Vectors {
		put32(BF16Mask+4*i, 0)
		if i < run.lanes && (run.bf16Case.res || run.lanes < 8*run.Vectors) { // or else nobody looks
			put32(BF16Mask+4*i, 1<<32-1)
		}
	}
	return b
}

// want computes one element in plain Go.
func (run *bf16Run) want(p, c int) float32 {
	sum, full := normal(floatAt(run.start, c)), 8*run.Vectors
	for u := range run.units {
		at := int(binary.LittleEndian.Uint32(run.offsets[4*u:])) / 2
		for i := 1; i >= 0; i-- {
			x, w := normal(bf16At(run.src[p], at+i)), normal(bf16At(run.weights, (u*full+c)*2+i))
			sum = normal(sum + normal(x*w))
		}
	}
	if run.bf16Case.res {
		sum += floatAt(run.res[p], c)
	}
	return min(max(sum, run.lo), run.hi)
}

// runBF16 interprets a case and returns an error if a bit of the output is wrong.
func runBF16(f *Func, t BF16Tile, k bf16Case) error {
	run := newBF16Run(t, k)
	m := Machine{Mem: &Memory{}, Steps: lowSteps}
	if err := m.Run(f, m.Mem.Map("args", run.args(m.Mem), true)); err != nil {
		return err
	}
	for p, dst := range run.dst {
		for c := range k.lanes {
			if got, want := floatAt(dst, c), run.want(p, c); got != want && (got == got || want == want) {
				return fmt.Errorf("pixel %d, channel %d: %v, want %v", p, c, got, want)
			}
		}
	}
	return nil
}

func TestConvBF16(t *testing.T) {
	for _, tile := range BF16Tiles() {
		for _, k := range bf16Cases(tile) {
			if err := runBF16(ConvBF16AVX2(tile), tile, k); err != nil {
				t.Errorf("%s: %+v: %v", tile.Name(), k, err)
			}
		}
	}
}

// bf16Subjects are the tiles as what TestLowMutants makes mistakes in.
func bf16Subjects() (all []subject) {
	for _, t := range BF16Tiles() {
		all = append(all, subject{func() *Func { return ConvBF16AVX2(t) }, func(f *Func) error {
			return eachCase(f, bf16Cases(t), func(f *Func, k bf16Case) error { return runBF16(f, t, k) })
		}})
	}
	return all
}

// TestBF16Mutants is TestMutants for bfloat16 on AVX2.
func TestBF16Mutants(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 29))
	subjects := bf16Subjects()
	for n := range mutants {
		s := subjects[r.IntN(len(subjects))]
		f := s.make()
		what := mutate(r, f)
		if s.run(f) == nil {
			t.Errorf("mutant %d of %s survived: %s", n, f.Name, what)
		}
	}
}
