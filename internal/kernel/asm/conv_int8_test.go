package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// int8Case is one call of a convolution of bytes.
type int8Case struct {
	pixels     int
	groups     [Int8Group + 1]int
	res, float bool
	lo, hi     float32
}

func int8Cases() []int8Case {
	return []int8Case{
		{1, [5]int{4: 1}, true, false, -100, 120}, {2, [5]int{4: 3, 2: 1}, false, false, -20, 155}, {5, [5]int{3: 2}, true, true, -30, 50},
		{4, [5]int{3: 1, 2: 2}, true, false, -100, 20}, {Int8Pixels, [5]int{2: 2}, false, true, -inf, inf}, {3, [5]int{4: 2, 3: 2, 2: 2}, true, false, -100, 155},
		{7, [5]int{2: 1}, true, false, -3, 155}, {2, [5]int{4: 2, 3: 1}, false, true, 0, 9},
		{3, [5]int{1: 3}, true, false, -100, 155}, {2, [5]int{4: 1, 1: 1}, false, true, -10, 155}, {4, [5]int{3: 1, 2: 1, 1: 2}, false, false, -9, 99},
		{2, [5]int{4: 2, 3: 2, 2: 2}, true, true, -1e5, 1e5}, {2, [5]int{3: 2, 2: 1}, false, true, -1e5, 1e5},
	}
}

// int8Run is a case with its buffers, and where they are mapped.
type int8Run struct {
	int8Case
	src, dst, res      [][]byte
	weights            []byte
	offsets            []byte
	start, scale, bias []byte
	dstAddr, resAddr   []uint64
	next               uint64
}

const (
	int8Zero, int8ResZero, int8Span = 100, 77, 61 // of the output, of the residual; the bytes of a window
	int8DstAt, int8ResAt            = 5, 9
	int8ResScale                    = 0.3
)

func newInt8Run(k int8Case, lanes int) *int8Run {
	r := rand.New(rand.NewPCG(uint64(k.pixels), uint64(lanes)))
	run := &int8Run{int8Case: k}
	some := func(n int, f func() byte) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = f()
		}
		return b
	}
	size := 1
	if k.float {
		size = 4
	}
	for range k.pixels {
		run.src = append(run.src, some(int8Span, func() byte { return byte(r.IntN(256)) }))
		run.dst = append(run.dst, some(int8DstAt*size+lanes*size, func() byte { return 99 }))
		run.res = append(run.res, some(int8ResAt+lanes, func() byte { return byte(r.IntN(256)) }))
	}
	run.weights = some(k.units()*lanes*4, func() byte { return byte(int8(r.IntN(33) - 16)) })
	for range k.units() {
		run.offsets = binary.LittleEndian.AppendUint32(run.offsets, uint32(r.IntN(int8Span-3)))
	}
	for range lanes {
		run.start = binary.LittleEndian.AppendUint32(run.start, uint32(r.IntN(20000)-10000))
		run.scale = binary.LittleEndian.AppendUint32(run.scale, math.Float32bits(float32(0.003+0.01*r.Float64())))
		run.bias = binary.LittleEndian.AppendUint32(run.bias, math.Float32bits(float32(30*r.NormFloat64())))
	}
	return run
}

// units returns the units of all groups.
func (k *int8Case) units() (n int) {
	for size, groups := range k.groups {
		n += size * groups
	}
	return n
}

func floatAt(b []byte, i int) float32 { return float(binary.LittleEndian.Uint32(b[4*i:])) }

// want computes one element in plain Go, before it is rounded.
func (run *int8Run) want(p, c, lanes int) float32 {
	sum := int32(binary.LittleEndian.Uint32(run.start[4*c:]))
	for u := range run.units() {
		at := binary.LittleEndian.Uint32(run.offsets[4*u:])
		for i := range 4 {
			sum += int32(run.src[p][int(at)+i]) * int32(int8(run.weights[(u*lanes+c)*4+i]))
		}
	}
	x := float32(float32(sum)*floatAt(run.scale, c)) + floatAt(run.bias, c)
	if run.int8Case.res {
		x += float32(float32(int32(run.res[p][int8ResAt+c])-int8ResZero) * int8ResScale)
	}
	return min(max(x, run.lo), run.hi)
}

// args returns the struct that AVX2's function gets, with everything mapped.
func (run *int8Run) args(m *Memory) []byte {
	b := bytes.Repeat([]byte{0x55}, Int8Size)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(b[off:], v) }
	put32 := func(off int, v uint32) { binary.LittleEndian.PutUint32(b[off:], v) }
	even := (run.pixels + 1) &^ 1
	for i := range even {
		p := min(i, run.pixels-1)
		put(Int8Src+8*i, m.Map(fmt.Sprint("src", p), run.src[p], false))
		if i == p {
			run.dstAddr = append(run.dstAddr, m.Map(fmt.Sprint("dst", p), run.dst[p], true))
			run.resAddr = append(run.resAddr, m.Map(fmt.Sprint("res", p), run.res[p], false))
		}
		put(Int8Dst+8*i, run.dstAddr[p])
		put(Int8Res+8*i, run.resAddr[p])
	}
	for i, v := range [][]byte{run.weights, run.offsets, nil, run.start, run.scale, run.bias} {
		put([]int{Int8Weights, Int8Offsets, Int8Next, Int8Start, Int8Scale, Int8Bias}[i], m.Map(fmt.Sprint("vector", i), v, false))
	}
	run.next = binary.LittleEndian.Uint64(b[Int8Next:])
	for i, n := range run.groups {
		put(Int8Groups+8*i, uint64(n))
	}
	put(Int8Count, uint64(-8*even))
	put(Int8ResAt, int8ResAt)
	put(Int8DstAt, int8DstAt)
	put(Int8HasRes, 0)
	put(Int8Float, 0)
	if run.int8Case.res {
		put(Int8HasRes, 1)
	}
	if run.float {
		put(Int8Float, 1)
		put(Int8DstAt, 4*int8DstAt)
	}
	put32(Int8Lo, bits(run.lo))
	put32(Int8Hi, bits(run.hi))
	put32(Int8ResScale, bits(int8ResScale))
	put32(Int8Zero, int8Zero<<16|int8Zero)
	put32(Int8ResZero, int8ResZero)
	put32(Int8Ones, 1<<16|1)
	for i := range 8 {
		put32(Int8Order+4*i, []uint32{0, 4, 1, 5, 2, 6, 3, 7}[i])
	}
	return b
}

// runConvInt8 interprets a case and returns an error if a bit of the output, or of what surrounds it, is wrong.
func runConvInt8(f *Func, k int8Case) error { return newInt8Run(k, int8Lanes).run(f, true) }

// int8Lanes are the channels of a block on AVX2.
const int8Lanes = 16

// run interprets a case. With ahead the next weights are to be prefetched too.
func (run *int8Run) run(f *Func, ahead bool) error {
	k := run.int8Case
	m := Machine{Mem: &Memory{}, Steps: lowSteps}
	args := m.Mem.Map("args", run.args(m.Mem), true)
	if err := m.Run(f, args); err != nil {
		return err
	}
	for i := range k.units() {
		if ahead && !m.Prefetched[run.next+uint64(64*i)] {
			return fmt.Errorf("line %d of the next weights was not prefetched", i)
		}
	}
	for p := range k.pixels {
		size := 1
		if k.float {
			size = 4
		}
		if !m.Prefetched[run.dstAddr[p]+uint64(size*int8DstAt)] {
			return fmt.Errorf("pixel %d was not prefetched", p)
		}
	}
	return run.compare(int8Lanes, int8Lanes)
}

// compare returns an error if the output of the lanes that exist, of full ones, is wrong.
func (run *int8Run) compare(lanes, full int) error {
	for p, dst := range run.dst {
		for c := range lanes {
			want := run.want(p, c, full)
			if run.float {
				if got := floatAt(dst[4*int8DstAt:], c); got != want {
					return fmt.Errorf("pixel %d, channel %d: %v, want %v", p, c, got, want)
				}
				continue
			}
			b := math.RoundToEven(float64(want)) + int8Zero
			if got := dst[int8DstAt+c]; got != uint8(max(0, min(255, b))) {
				return fmt.Errorf("pixel %d, channel %d: %v, want %v", p, c, got, b)
			}
		}
		for i, x := range dst {
			if (i < int8DstAt || !run.float && i >= int8DstAt+lanes) && x != 99 {
				return fmt.Errorf("pixel %d: byte %d beside the output was written", p, i)
			}
		}
	}
	return nil
}

func TestConvInt8(t *testing.T) {
	f := ConvInt8AVX2()
	for _, k := range int8Cases() {
		if err := runConvInt8(f, k); err != nil {
			t.Errorf("%+v: %v", k, err)
		}
	}
}

// fewCases are those of int8Cases in the form that ConvInt8FewAVX2 is for.
func fewCases() []int8Case {
	all := int8Cases()
	for i := range all {
		all[i].res, all[i].float = false, false
	}
	return all
}

func runConvInt8Few(f *Func, k int8Case) error { return newInt8Run(k, int8Lanes).run(f, false) }

func TestConvInt8Few(t *testing.T) {
	f := ConvInt8FewAVX2()
	for _, k := range fewCases() {
		if err := runConvInt8Few(f, k); err != nil {
			t.Errorf("%+v: %v", k, err)
		}
	}
}
