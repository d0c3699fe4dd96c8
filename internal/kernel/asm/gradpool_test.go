package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestPoolGradKernels(t *testing.T) {
	for _, k := range poolKernels() {
		t.Run(k.GradName(), func(t *testing.T) {
			for channels := 1; channels <= 2*16+1; channels++ {
				if err := runPoolGrad(PoolGrad(k), k, channels); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// runPoolGradCases returns the first error of a few numbers of channels.
func runPoolGradCases(f *Func, k PoolKernel) error {
	lanes := ConvTile{AVX512: k.AVX512}.Lanes()
	for _, n := range []int{3, lanes, 2*lanes + 5} {
		if err := runPoolGrad(f, k, n); err != nil {
			return err
		}
	}
	return nil
}

// runPoolGrad interprets three windows of 3×2 taps that overlap, and returns an error if a bit is wrong.
func runPoolGrad(f *Func, k PoolKernel, channels int) error {
	const pixels, rows, cols, divisor = 3, 3, 2, 5
	r := rand.New(rand.NewPCG(2, uint64(channels)))
	col := [2]int{channels + 1, channels + 2}                                // of dx and x
	row := [2]int{4*col[0] + 3, 4*col[1] + 1}                                // a tap lower
	step := [4]int{col[0], channels + 4, col[1], channels + 1}               // of dx, dy, x and y
	size := func(last int) []byte { return make([]byte, 4*(last+channels)) } // up to the last element
	dx, dy := size((pixels-1)*step[0]+(rows-1)*row[0]+(cols-1)*col[0]), size((pixels-1)*step[1])
	x, y := size((pixels-1)*step[2]+(rows-1)*row[1]+(cols-1)*col[1]), size((pixels-1)*step[3])
	fill(r, dx)
	fill(r, dy)
	put32 := func(b []byte, i int, v float32) { binary.LittleEndian.PutUint32(b[4*i:], bits(v)) }
	get := func(b []byte, i int) float32 { return float(binary.LittleEndian.Uint32(b[4*i:])) }
	for i := range len(x) / 4 {
		put32(x, i, float32(r.IntN(3)))
	}
	for i := range len(y) / 4 { // not always a value that is there, and some NaN
		put32(y, i, []float32{0, 1, 2, float(0x7fc00001), 7}[r.IntN(5)])
	}
	want := bytes.Clone(dx)
	for p := range pixels {
		for c := range channels {
			g, top := get(dy, p*step[1]+c), get(y, p*step[3]+c)
			for t := range rows * cols {
				to := p*step[0] + t/cols*row[0] + t%cols*col[0] + c
				v := get(x, p*step[2]+t/cols*row[1]+t%cols*col[1]+c)
				if !k.Max {
					put32(want, to, get(want, to)+g/divisor)
				} else if v == top || top != top {
					put32(want, to, get(want, to)+g)
					break
				}
			}
		}
	}
	m := Machine{Mem: &Memory{}}
	if err := m.Run(f, m.Mem.Map("args", poolGradArgs(m.Mem, k, channels, [4][]byte{dx, dy, x, y}, step, col, row, pixels, rows, cols, divisor), false)); err != nil {
		return err
	}
	for i := range len(dx) / 4 {
		if get(dx, i) != get(want, i) {
			return fmt.Errorf("%d channels: element %d: %v, want %v", channels, i, get(dx, i), get(want, i))
		}
	}
	return nil
}

// poolGradArgs returns the struct that the function gets.
func poolGradArgs(m *Memory, k PoolKernel, channels int, data [4][]byte, step [4]int, col, row [2]int, pixels, rows, cols int, divisor float32) []byte {
	args := bytes.Repeat([]byte{0x55}, PoolGradSize)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(args[off:], v) }
	for i, b := range data {
		put(PoolGradDX+8*i, m.Map(fmt.Sprint("data", i), b, i == 0))
		put(PoolGradStep+8*i, uint64(4*step[i]))
	}
	for i := range 2 {
		put(PoolGradColStep+8*i, uint64(4*col[i]))
		put(PoolGradRowGap+8*i, uint64(4*(row[i]-cols*col[i])))
	}
	lanes := ConvTile{AVX512: k.AVX512}.Lanes()
	for off, v := range map[int]int{PoolGradPixels: pixels, PoolGradRows: rows, PoolGradCols: cols, PoolGradBlocks: channels / lanes, PoolGradTail: channels % lanes, PoolGradLanes: 1<<tailOr(channels, lanes) - 1} {
		put(off, uint64(v))
	}
	mask := make([]byte, 32)
	for i := range min(8, tailOr(channels, lanes)) {
		binary.LittleEndian.PutUint32(mask[4*i:], 1<<32-1)
	}
	put(PoolGradMask, m.Map("mask", mask, false))
	binary.LittleEndian.PutUint32(args[PoolGradDivisor:], bits(divisor))
	return args
}
