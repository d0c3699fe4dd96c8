package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// bytesKernel is a kernel over bytes and what it computes: elements of dst from those of the sources, before rounding.
type bytesKernel struct {
	make             func() *Func
	srcSize, dstSize int
	sources          int
	want             func(a, b float32) float32
}

const bytesA, bytesB, bytesZeroA, bytesZeroB = 0.3, 0.45, 70, 140

var bytesKernels = []bytesKernel{
	{Quantise, 4, 1, 1, func(a, _ float32) float32 { return a * bytesA }},
	{Dequantise, 1, 4, 1, func(a, _ float32) float32 { return (a - bytesZeroA) * bytesA }},
	{AddInt8, 1, 1, 2, func(a, b float32) float32 {
		return float32((a-bytesZeroA)*bytesA) + float32((b-bytesZeroB)*bytesB)
	}},
}

// runBytes interprets a kernel over so many blocks.
func runBytes(f *Func, k bytesKernel, blocks int) error {
	r := rand.New(rand.NewPCG(1, uint64(blocks)))
	n := 32 * blocks
	args := bytes.Repeat([]byte{0x55}, BytesSize)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(args[off:], v) }
	put32 := func(off int, v uint32) { binary.LittleEndian.PutUint32(args[off:], v) }
	m := Machine{Mem: &Memory{}, Steps: lowSteps}
	var src [2][]byte
	for i := range k.sources {
		src[i] = make([]byte, n*k.srcSize)
		for j := range n {
			if src[i][j] = byte(r.IntN(256)); k.srcSize == 4 {
				binary.LittleEndian.PutUint32(src[i][4*j:], bits(float32(300*r.NormFloat64())))
			}
		}
		put(BytesSrc+8*i, m.Mem.Map(fmt.Sprint("src", i), src[i], false))
	}
	dst := make([]byte, n*k.dstSize)
	put(BytesDst, m.Mem.Map("dst", dst, true))
	put(BytesBlocks, uint64(blocks))
	for i, v := range []uint32{bits(bytesA), bits(bytesB), bytesZeroA, bytesZeroB, bits(-80), bits(120), int8Zero<<16 | int8Zero} {
		put32(BytesScale+4*i, v)
	}
	for i, v := range []uint32{0, 4, 1, 5, 2, 6, 3, 7} {
		put32(BytesOrder+4*i, v)
	}
	if err := m.Run(f, m.Mem.Map("args", args, false)); err != nil {
		return err
	}
	number := func(b []byte, i int) float32 {
		if k.srcSize == 4 {
			return floatAt(b, i)
		} else if b == nil {
			return 0
		}
		return float32(b[i])
	}
	for i := range n {
		want := k.want(number(src[0], i), number(src[min(1, k.sources-1)], i))
		got := float32(dst[i*k.dstSize])
		if k.dstSize == 4 {
			got = floatAt(dst, i)
		} else {
			want = float32(math.RoundToEven(float64(min(max(want, -80), 120)))) + int8Zero
		}
		if got != want {
			return fmt.Errorf("element %d of %d: %v, want %v", i, n, got, want)
		}
	}
	return nil
}

// runMaxInt8 interprets the largest of some taps.
func runMaxInt8(f *Func, size [3]int) error {
	const rowGap, colStep = 11, 97
	blocks, rows, cols := size[0], size[1], size[2]
	r := rand.New(rand.NewPCG(2, 2))
	args := make([]byte, BytesSize)
	put := func(off, v int) { binary.LittleEndian.PutUint64(args[off:], uint64(v)) }
	m := Machine{Mem: &Memory{}, Steps: lowSteps}
	src, dst := make([]byte, (rows-1)*(cols*colStep+rowGap)+(cols-1)*colStep+32*blocks), make([]byte, 32*blocks)
	for i := range src {
		src[i] = byte(r.IntN(256))
	}
	for off, v := range map[int]int{BytesBlocks: blocks, BytesRows: rows, BytesCols: cols, BytesColStep: colStep, BytesRowGap: rowGap} {
		put(off, v)
	}
	put(BytesSrc, int(m.Mem.Map("src", src, false)))
	put(BytesDst, int(m.Mem.Map("dst", dst, true)))
	if err := m.Run(f, m.Mem.Map("args", args, false)); err != nil {
		return err
	}
	for i, got := range dst {
		want := byte(0)
		for y := range rows {
			for x := range cols {
				want = max(want, src[y*(cols*colStep+rowGap)+x*colStep+i])
			}
		}
		if got != want {
			return fmt.Errorf("byte %d: %d, want %d", i, got, want)
		}
	}
	return nil
}

var maxInt8Cases = [][3]int{{1, 1, 1}, {2, 3, 2}, {3, 1, 3}, {2, 2, 1}}

// runDepthwiseInt8 interprets so many pixels of so many taps, which are some fours or one more.
func runDepthwiseInt8(f *Func, size [2]int) error {
	const lanes, weightStep, srcStep, dstStep = 32, 200, 3, 35
	pixels, taps := size[0], size[1]
	quads, single := taps/4, taps%4
	run := newInt8Run(int8Case{pixels: 1, groups: [5]int{1: quads}, lo: -90, hi: 130}, lanes)
	r := rand.New(rand.NewPCG(uint64(pixels), 3))
	src, dst := make([]byte, 90+srcStep*(pixels-1)+lanes), make([]byte, dstStep*(pixels-1)+lanes)
	for i := range src {
		src[i] = byte(r.IntN(256))
	}
	weights, offsets := make([]byte, (quads-1+single)*weightStep+lanes*4), make([]byte, 8*taps)
	for i := range weights {
		weights[i] = byte(int8(r.IntN(129) - 64))
	}
	for i := range lanes * single { // 16 bits wide
		at := quads*weightStep + 4*i
		binary.LittleEndian.PutUint32(weights[at:], uint32(uint16(int16(int8(weights[at])))))
	}
	for i := range taps {
		binary.LittleEndian.PutUint64(offsets[8*i:], uint64(r.IntN(91)))
	}
	m := Machine{Mem: &Memory{}, Steps: lowSteps}
	args := make([]byte, DepthInt8Size)
	for off, v := range map[int]int{DepthInt8SrcStep: srcStep, DepthInt8DstStep: dstStep, DepthInt8Pixels: pixels, DepthInt8Quads: quads, DepthInt8WeightStep: weightStep,
		DepthInt8Single: single} {
		binary.LittleEndian.PutUint64(args[off:], uint64(v))
	}
	for off, b := range map[int][]byte{DepthInt8Src: src, DepthInt8Dst: dst, DepthInt8Offsets: offsets, DepthInt8Weights: weights,
		DepthInt8Start: run.start, DepthInt8Scale: run.scale, DepthInt8Bias: run.bias} {
		binary.LittleEndian.PutUint64(args[off:], m.Mem.Map(fmt.Sprint("field ", off), b, off == DepthInt8Dst))
	}
	for i, v := range []uint32{bits(run.lo), bits(run.hi), int8Zero<<16 | int8Zero, 1<<16 | 1} {
		binary.LittleEndian.PutUint32(args[DepthInt8Lo+4*i:], v)
	}
	if err := m.Run(f, m.Mem.Map("args", args, false)); err != nil {
		return err
	}
	for p := range pixels {
		for slot := range lanes {
			c := slot%8/4*16 + slot/8*4 + slot%4 // of the order that interleaving leaves
			sum := int32(binary.LittleEndian.Uint32(run.start[4*slot:]))
			for k := range taps {
				at := int(binary.LittleEndian.Uint64(offsets[8*k:]))
				sum += int32(src[p*srcStep+at+c]) * int32(int8(weights[k/4*weightStep+4*slot+k%4]))
			}
			x := float32(float32(sum)*floatAt(run.scale, slot)) + floatAt(run.bias, slot)
			want := math.RoundToEven(float64(min(max(x, run.lo), run.hi))) + int8Zero
			if got := dst[p*dstStep+c]; float64(got) != want {
				return fmt.Errorf("pixel %d, channel %d: %d, want %v", p, c, got, want)
			}
		}
	}
	return nil
}

var depthwiseInt8Cases = [][2]int{{1, 4}, {3, 8}, {2, 12}, {1, 5}, {3, 9}}

// bytesSubjects are the kernels over bytes with the cases of their tests.
func bytesSubjects() []subject {
	all := []subject{
		{MaxInt8, func(f *Func) error { return eachCase(f, maxInt8Cases, runMaxInt8) }},
		{DepthwiseInt8AVX2, func(f *Func) error { return eachCase(f, depthwiseInt8Cases, runDepthwiseInt8) }},
	}
	for _, k := range bytesKernels {
		all = append(all, subject{k.make, func(f *Func) error {
			return eachCase(f, []int{1, 3}, func(f *Func, blocks int) error { return runBytes(f, k, blocks) })
		}})
	}
	return all
}

func TestBytes(t *testing.T) {
	for _, s := range bytesSubjects() {
		f := s.make()
		if err := s.run(f); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}
