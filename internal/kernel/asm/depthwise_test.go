package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// depthwiseCase is one call of a depthwise tile; distances are in floats.
type depthwiseCase struct {
	rows, cols, channels int
	colStep, rowGap      int
	step                 int
	res                  bool
	lo, hi               float32
}

func depthwiseCases(t DepthwiseTile, channels int) []depthwiseCase {
	if t.Cols > 0 {
		return []depthwiseCase{
			{1, t.Cols, channels, channels, 0, t.Stride * channels, true, -0.5, 1},
			{3, t.Cols, channels, channels + 1, 3, t.Stride * (channels + 1), false, 0, 6},
		}
	}
	return []depthwiseCase{
		{1, 1, channels, channels, 0, channels, true, -inf, inf},
		{3, 3, channels, channels + 1, 3, channels + 1, false, 0, 6},
		{2, 3, channels, 2 * channels, 7, 3 * channels, true, -0.5, 1},
	}
}

func TestDepthwiseTiles(t *testing.T) {
	for _, tile := range append(DepthwiseTiles(false), DepthwiseTiles(true)...) {
		t.Run(tile.Name(), func(t *testing.T) {
			f := Depthwise(tile)
			for channels := 1; channels <= 2*tile.lanes()+1; channels++ {
				for _, k := range depthwiseCases(tile, channels) {
					if err := runDepthwise(f, tile, k); err != nil {
						t.Fatalf("%+v: %v", k, err)
					}
				}
			}
		})
	}
}

// runDepthwise interprets a case and returns an error if a bit of the output, or of what surrounds it, is wrong.
func runDepthwise(f *Func, t DepthwiseTile, k depthwiseCase) error {
	span := (k.rows*k.cols-1)*k.colStep + (k.rows-1)*k.rowGap + k.channels
	one := ConvTile{AVX512: true, Pixels: t.Pixels} // a single group
	src, dst, res := newPlanes(one, span, k.step), newPlanes(one, k.channels, k.channels+3), newPlanes(one, k.channels, k.channels+1)
	weights := make([]byte, 4*k.channels*(1+k.rows*k.cols))
	r := rand.New(rand.NewPCG(uint64(t.Pixels), uint64(k.channels)))
	for _, b := range [][]byte{src.bufs[0], dst.bufs[0], res.bufs[0], weights} {
		fill(r, b)
	}
	binary.LittleEndian.PutUint32(weights[4*(k.channels/2):], 0x7fc00001) // a NaN that stays in its channel
	before := bytes.Clone(dst.bufs[0])
	m := Machine{Mem: &Memory{}}
	if err := m.Run(f, m.Mem.Map("args", depthwiseArgs(m.Mem, t, k, src, dst, res, weights), false)); err != nil {
		return err
	}
	w := func(i, c int) float32 {
		return math.Float32frombits(binary.LittleEndian.Uint32(weights[4*(i*k.channels+c):]))
	}
	for p := range t.Pixels {
		for c := range k.channels {
			want := w(0, c)
			for i := range k.rows * k.cols {
				want = FMA(src.get(p, i*k.colStep+i/k.cols*k.rowGap+c), w(1+i, c), want)
			}
			if k.res {
				want += res.get(p, c)
			}
			want = min(max(want, k.lo), k.hi)
			if got := dst.get(p, c); got != want && (got == got || want == want) {
				return fmt.Errorf("pixel %d, channel %d: %v, want %v", p, c, got, want)
			}
		}
	}
	for i, b := range dst.bufs[0] {
		if i/4%(k.channels+3) >= k.channels && b != before[i] {
			return fmt.Errorf("byte %d between the pixels was written", i)
		}
	}
	return nil
}

// depthwiseArgs returns the struct that the function gets, with everything mapped.
func depthwiseArgs(m *Memory, t DepthwiseTile, k depthwiseCase, src, dst, res *planes, weights []byte) []byte {
	b := bytes.Repeat([]byte{0x55}, DepthSize)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(b[off:], v) }
	put(DepthSrc, src.mapTo(m, "src", false)[0])
	put(DepthDst, dst.mapTo(m, "dst", true)[0])
	put(DepthRes, 0)
	if k.res {
		put(DepthRes, res.mapTo(m, "res", false)[0])
	}
	put(DepthWeights, m.Map("weights", weights, false))
	put(DepthWeightStep, uint64(4*k.channels))
	put(DepthSrcStep, uint64(4*k.step))
	put(DepthDstStep, uint64(4*(k.channels+3)))
	put(DepthResStep, uint64(4*(k.channels+1)))
	put(DepthRows, uint64(k.rows))
	put(DepthCols, uint64(k.cols))
	put(DepthColStep, uint64(4*k.colStep))
	put(DepthRowGap, uint64(4*k.rowGap))
	put(DepthBlocks, uint64(k.channels/t.lanes()))
	tail := k.channels % t.lanes()
	put(DepthTail, uint64(tail))
	binary.LittleEndian.PutUint32(b[DepthLo:], math.Float32bits(k.lo))
	binary.LittleEndian.PutUint32(b[DepthHi:], math.Float32bits(k.hi))
	if tail == 0 { // what may not count then would be noticed
		copy(b[DepthLanes:], bytes.Repeat([]byte{0xff}, DepthSize-DepthLanes))
		return b
	}
	if t.AVX512 {
		put(DepthLanes, 1<<tail-1)
		return b
	}
	clear(b[DepthMask:])
	for i := range tail {
		binary.LittleEndian.PutUint32(b[DepthMask+4*i:], 1<<32-1)
	}
	return b
}
