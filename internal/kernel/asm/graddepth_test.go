package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestDepthGradTiles(t *testing.T) {
	for _, tile := range append(DepthGradTiles(false), DepthGradTiles(true)...) {
		t.Run(tile.Name(), func(t *testing.T) {
			for channels := 1; channels <= 2*16+1; channels++ {
				if err := runDepthGrad(DepthGrad(tile), tile, channels); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// runDepthGradCases returns the first error of a few numbers of channels.
func runDepthGradCases(f *Func, tile DepthGradTile) error {
	lanes := ConvTile{AVX512: tile.AVX512}.Lanes()
	for _, n := range []int{3, lanes, 2*lanes + 5} {
		if err := runDepthGrad(f, tile, n); err != nil {
			return err
		}
	}
	return nil
}

// runDepthGrad interprets two rows of three pixels and returns an error if a bit of the sums, or beside them, is wrong.
func runDepthGrad(f *Func, tile DepthGradTile, channels int) error {
	const rows, cols = 2, 3
	r := rand.New(rand.NewPCG(2, uint64(channels)))
	col, step, dyStep, sumStep := channels+1, 2*channels+3, channels+2, channels+3
	srcRow, dyRow := cols*step+5, cols*dyStep+1
	at := func(y, x, c int) int { return y*srcRow + x*step + c*col }
	lines := make([][]byte, tile.Rows)
	for i := range lines {
		lines[i] = make([]byte, 4*(at(rows-1, cols-1, tile.Cols-1)+channels))
		fill(r, lines[i])
	}
	dy, sum := make([]byte, 4*((rows-1)*dyRow+(cols-1)*dyStep+channels)), make([]byte, 4*((tile.Rows*tile.Cols-1)*sumStep+channels))
	fill(r, dy)
	fill(r, sum)
	get := func(b []byte, i int) float32 { return float(binary.LittleEndian.Uint32(b[4*i:])) }
	want := bytes.Clone(sum)
	for t := range tile.Rows * tile.Cols {
		for c := range channels {
			s := get(sum, t*sumStep+c)
			for p := range rows * cols {
				s = FMA(get(lines[t/tile.Cols], at(p/cols, p%cols, t%tile.Cols)+c), get(dy, p/cols*dyRow+p%cols*dyStep+c), s)
			}
			binary.LittleEndian.PutUint32(want[4*(t*sumStep+c):], bits(s))
		}
	}
	m := Machine{Mem: &Memory{}}
	args := bytes.Repeat([]byte{0x55}, DepthGradSize)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(args[off:], v) }
	for i, b := range lines {
		put(DepthGradSrc+8*i, m.Mem.Map(fmt.Sprint("src", i), b, false))
	}
	put(DepthGradDY, m.Mem.Map("dy", dy, false))
	put(DepthGradSum, m.Mem.Map("sum", sum, true))
	lanes := ConvTile{AVX512: tile.AVX512}.Lanes()
	for off, v := range map[int]int{DepthGradSumStep: 4 * sumStep, DepthGradColStep: 4 * col, DepthGradRows: rows, DepthGradCols: cols, DepthGradSrcStep: 4 * step, DepthGradDYStep: 4 * dyStep,
		DepthGradSrcGap: 4 * (srcRow - cols*step), DepthGradDYGap: 4 * (dyRow - cols*dyStep), DepthGradBlocks: channels / lanes, DepthGradTail: channels % lanes, DepthGradLanes: 1<<tailOr(channels, lanes) - 1} {
		put(off, uint64(v))
	}
	mask := make([]byte, 32)
	for i := range min(8, tailOr(channels, lanes)) {
		binary.LittleEndian.PutUint32(mask[4*i:], 1<<32-1)
	}
	put(DepthGradMask, m.Mem.Map("mask", mask, false))
	if err := m.Run(f, m.Mem.Map("args", args, false)); err != nil {
		return err
	}
	if i := firstOther(sum, want); i >= 0 {
		return fmt.Errorf("%d channels: element %d: %v, want %v", channels, i, get(sum, i), get(want, i))
	}
	return nil
}

// firstOther returns the first float in which two buffers differ, −1 if none does.
func firstOther(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i / 4
		}
	}
	return -1
}
