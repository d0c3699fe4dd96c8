package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// poolCase is one call of a pooling; distances are in floats.
type poolCase struct {
	channels, pixels, rows, cols int
	srcStep, colStep, rowGap     int
}

func poolCases(channels int) []poolCase {
	return []poolCase{
		{channels, 1, 1, 1, channels, channels, 0},
		{channels, 3, 3, 3, 2 * channels, channels, 2},
		{channels, 2, 2, 3, 2*channels + 1, channels + 1, channels},
	}
}

func poolKernels() []PoolKernel {
	return []PoolKernel{{false, false}, {false, true}, {true, false}, {true, true}}
}

func TestPoolKernels(t *testing.T) {
	for _, k := range poolKernels() {
		t.Run(k.FuncName(), func(t *testing.T) {
			f, lanes := Pool(k), ConvTile{AVX512: k.AVX512}.Lanes()
			for channels := 1; channels <= (PoolVectors+2)*lanes+1; channels += 1 + channels/17 {
				for _, c := range poolCases(channels) {
					if err := runPool(f, k, c); err != nil {
						t.Fatalf("%+v: %v", c, err)
					}
				}
			}
		})
	}
}

// runPool interprets a case and returns an error if a bit of the output, or of what surrounds it, is wrong.
func runPool(f *Func, k PoolKernel, c poolCase) error {
	const gap = 3
	row := c.cols*c.colStep + c.rowGap
	span := (c.rows-1)*row + (c.cols-1)*c.colStep + c.channels
	src := make([]byte, 4*((c.pixels-1)*c.srcStep+span))
	dst := bytes.Repeat([]byte{0xa5}, 4*(c.pixels*(c.channels+gap)-gap))
	r := rand.New(rand.NewPCG(uint64(c.channels), uint64(c.rows)))
	fill(r, src)
	for range len(src) / 40 {
		binary.LittleEndian.PutUint32(src[4*r.IntN(len(src)/4):], 0x7fc00001)
	}
	start, divisor := float32(0), float32(c.rows*c.cols)
	if k.Max {
		start = -inf
	}
	m := Machine{Mem: &Memory{}}
	args := poolArgs(m.Mem, k, c, src, dst, gap)
	binary.LittleEndian.PutUint32(args[PoolStart:], bits(start))
	binary.LittleEndian.PutUint32(args[PoolDivisor:], bits(divisor))
	if err := m.Run(f, m.Mem.Map("args", args, false)); err != nil {
		return err
	}
	for i := range len(dst) / 4 {
		p, ch := i/(c.channels+gap), i%(c.channels+gap)
		got := binary.LittleEndian.Uint32(dst[4*i:])
		if ch >= c.channels {
			if got != 0xa5a5a5a5 {
				return fmt.Errorf("element %d behind pixel %d was written", ch-c.channels, p)
			}
			continue
		}
		tap := func(y, x int) float32 {
			return float(binary.LittleEndian.Uint32(src[4*(p*c.srcStep+y*row+x*c.colStep+ch):]))
		}
		want := poolTwin(k.Max, c.rows, c.cols, start, divisor, tap)
		if got != bits(want) && (float(got) == float(got) || want == want) {
			return fmt.Errorf("pixel %d, channel %d: %v, want %v", p, ch, float(got), want)
		}
	}
	return nil
}

func poolTwin(max bool, rows, cols int, start, divisor float32, tap func(y, x int) float32) float32 {
	all := start
	for y := range rows {
		row := start
		for x := range cols {
			if v := tap(y, x); !max {
				row += v
			} else if all == all {
				all = vmax(v, all)
			}
		}
		if !max {
			all += row
		}
	}
	if max {
		return all
	}
	return all / divisor
}

// poolArgs returns the struct that the function gets, with everything mapped.
func poolArgs(m *Memory, k PoolKernel, c poolCase, src, dst []byte, gap int) []byte {
	b := bytes.Repeat([]byte{0x55}, PoolSize)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(b[off:], v) }
	lanes := ConvTile{AVX512: k.AVX512}.Lanes()
	vectors, tail := c.channels/lanes, c.channels%lanes
	put(PoolSrc, m.Map("src", src, false))
	put(PoolDst, m.Map("dst", dst, true))
	put(PoolPixels, uint64(c.pixels))
	put(PoolSrcStep, uint64(4*c.srcStep))
	put(PoolDstStep, uint64(4*(c.channels+gap)))
	put(PoolRows, uint64(c.rows))
	put(PoolCols, uint64(c.cols))
	put(PoolColStep, uint64(4*c.colStep))
	put(PoolRowGap, uint64(4*c.rowGap))
	put(PoolRounds, uint64(vectors/PoolVectors))
	put(PoolBlocks, uint64(vectors%PoolVectors))
	put(PoolTail, uint64(tail))
	mask := make([]byte, 32)
	if tail == 0 {
		tail = lanes
	}
	for i := range tail {
		binary.LittleEndian.PutUint32(mask[4*min(i, 7):], 1<<32-1)
	}
	put(PoolMask, m.Map("mask", mask, false))
	put(PoolLanes, 1<<tail-1)
	return b
}

// runPoolCases returns the first error of some cases.
func runPoolCases(f *Func, k PoolKernel) error {
	lanes := ConvTile{AVX512: k.AVX512}.Lanes()
	for _, channels := range []int{3, lanes, 2*lanes + 5, 2*PoolVectors*lanes + 1} {
		for _, c := range poolCases(channels) {
			if err := runPool(f, k, c); err != nil {
				return err
			}
		}
	}
	return nil
}
