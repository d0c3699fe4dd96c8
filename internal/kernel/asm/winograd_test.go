package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// winogradCase is one call of a transform; distances are in floats.
type winogradCase struct {
	blocks, rows, cols int
	gap                int // floats between neighbours besides the channels
	res                bool
	lo, hi             float32
}

func winogradCases(t WinogradTile) []winogradCase {
	all := []winogradCase{{1, t.Out, t.Out, 0, true, -inf, inf}, {2, t.Out, t.Out, 5, false, -0.5, 1}}
	if t.Grad {
		return []winogradCase{{1, 3, 3, 0, false, 0, 0}, {2, 3, 3, 5, false, 0, 0}}
	}
	if t.Inverse {
		for rows := 1; rows <= t.Out; rows++ {
			for cols := 1; cols <= t.Out; cols++ {
				all = append(all, winogradCase{2, rows, cols, 3, rows != cols, -inf, 2}, winogradCase{1, rows, cols, 0, cols == 1, 0, inf})
			}
		}
	}
	return all
}

func TestWinogradTiles(t *testing.T) {
	for _, tile := range append(WinogradTiles(false), WinogradTiles(true)...) {
		t.Run(tile.Name(), func(t *testing.T) {
			for _, k := range winogradCases(tile) {
				if err := runWinograd(Winograd(tile), tile, k); err != nil {
					t.Fatalf("%+v: %v", k, err)
				}
			}
		})
	}
}

// field is a square of pixels or products, each a number of channels, in a buffer that ends with the last of them.
type field struct {
	data       []byte
	row, pixel int // floats from one to the next
}

func newField(r *rand.Rand, rows, cols, row, pixel, channels int) *field {
	f := &field{make([]byte, 4*((rows-1)*row+(cols-1)*pixel+channels)), row, pixel}
	fill(r, f.data)
	return f
}

func (f *field) get(y, x, c int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(f.data[4*(y*f.row+x*f.pixel+c):]))
}

// winogradRun is a case with its buffers.
type winogradRun struct {
	WinogradTile
	winogradCase
	src, dst, res *field
	tmp, bias     []byte
	coef          [8]float32
}

func newWinogradRun(t WinogradTile, k winogradCase) *winogradRun {
	r := rand.New(rand.NewPCG(uint64(t.Out), uint64(k.rows)))
	n, channels := t.in(), k.blocks*t.bytes()/4
	step := channels + k.gap
	run := &winogradRun{WinogradTile: t, winogradCase: k, tmp: make([]byte, n*n*t.bytes()), bias: make([]byte, 4*channels)}
	fill(r, run.bias)
	fill(r, run.tmp)
	slabs := func() *field { return newField(r, n, n, n*step, step, channels) }
	if t.Inverse {
		run.src = slabs()
		run.dst = newField(r, k.rows, k.cols, 4*step+1, step, channels)
		run.res = newField(r, k.rows, k.cols, 5*step+2, step+1, channels)
		binary.LittleEndian.PutUint32(run.bias[4:], 0x7fc00001) // a NaN that stays in its channel
	} else {
		side := n
		if t.Grad {
			side = t.Out
		}
		run.src, run.dst = newField(r, side, side, n*step+3, step, channels), slabs()
	}
	for i := range run.coef {
		run.coef[i] = float32(r.NormFloat64())
	}
	if t.Inverse && !t.Grad {
		run.coef[6], run.coef[7] = -1, 0
	}
	if t.Out == 2 {
		run.coef[0] = -1
	}
	return run
}

// args returns the struct that the function gets, with everything mapped.
func (run *winogradRun) args(m *Memory) []byte {
	b := bytes.Repeat([]byte{0x55}, WinogradSize)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(b[off:], v) }
	put(WinogradSrc, m.Map("src", run.src.data, false))
	put(WinogradDst, m.Map("dst", run.dst.data, true))
	put(WinogradTmp, m.Map("tmp", run.tmp, true))
	slabs, pixels := run.dst, run.src
	if run.Inverse {
		slabs, pixels = pixels, slabs
		put(WinogradRes, 0)
		if run.winogradCase.res {
			put(WinogradRes, m.Map("res", run.res.data, false))
		}
		put(WinogradResRow, uint64(4*run.res.row))
		put(WinogradResPixel, uint64(4*run.res.pixel))
		put(WinogradBias, m.Map("bias", run.bias, false))
		put(WinogradRows, uint64(run.rows))
		put(WinogradCols, uint64(run.cols))
		binary.LittleEndian.PutUint32(b[WinogradLo:], math.Float32bits(run.lo))
		binary.LittleEndian.PutUint32(b[WinogradHi:], math.Float32bits(run.hi))
	}
	put(WinogradSlab, uint64(4*slabs.pixel))
	put(WinogradRow, uint64(4*pixels.row))
	put(WinogradPixel, uint64(4*pixels.pixel))
	put(WinogradBlocks, uint64(run.blocks))
	for i, v := range run.coef {
		binary.LittleEndian.PutUint32(b[WinogradCoef+4*i:], math.Float32bits(v))
	}
	return b
}

// line is the transform of one dimension in plain Go, step by step as the list does it.
func (run *winogradRun) line(x []float32) []float32 {
	k := run.coef
	switch {
	case run.Grad && !run.Inverse:
		y := []float32{x[0], 0, 0, 0, 0, x[3]}
		for p := range 2 {
			even, odd := FMA(x[2], k[2+p], x[0]), FMA(x[3], k[4+p], x[1]*k[p])
			y[1+2*p], y[2+2*p] = even+odd, even-odd
		}
		return y
	case run.Grad:
		s, e, t, f := x[1]+x[2], x[1]-x[2], x[3]+x[4], x[3]-x[4]
		return []float32{FMA(t, k[2], FMA(s, k[1], x[0]*k[0])), FMA(f, k[4], e*k[3]), FMA(t, k[6], FMA(s, k[5], x[5]))}
	case run.Out == 2 && !run.Inverse:
		return []float32{x[0] - x[2], x[1] + x[2], x[2] - x[1], x[1] - x[3]}
	case run.Out == 2:
		return []float32{x[1] + x[2] + x[0], x[1] - x[2] - x[3]}
	case !run.Inverse:
		y := []float32{FMA(x[0], k[3], FMA(x[2], k[2], x[4])), 0, 0, 0, 0, FMA(x[1], k[3], FMA(x[3], k[2], x[5]))}
		for p := range 2 {
			even, odd := FMA(x[2], k[p], x[4]), FMA(x[1], k[p], x[3])
			y[1+2*p], y[2+2*p] = FMA(odd, k[4+2*p], even), FMA(odd, k[5+2*p], even)
		}
		return y
	}
	s, e, t, f := x[1]+x[2], x[1]-x[2], x[3]+x[4], x[3]-x[4]
	return []float32{s + t + x[0], FMA(f, k[1], e*k[0]), FMA(t, k[3], s*k[2]), FMA(f, k[5], FMA(e, k[4], x[5]))}
}

// want returns the whole result for one channel: of columns first on the way in, of rows first on the way out.
func (run *winogradRun) want(c int) [][]float32 {
	n := run.in()
	if run.Grad && !run.Inverse {
		n = run.Out
	}
	first := make([][]float32, n)
	for i := range n {
		line := make([]float32, n)
		for j := range n {
			if run.Inverse {
				line[j] = run.src.get(i, j, c)
			} else {
				line[j] = run.src.get(j, i, c)
			}
		}
		first[i] = run.line(line)
	}
	m := len(first[0])
	second := make([][]float32, m)
	for i := range m {
		line := make([]float32, n)
		for j := range n {
			line[j] = first[j][i]
		}
		second[i] = run.line(line)
	}
	if !run.Inverse {
		return second
	}
	out := make([][]float32, run.rows)
	for y := range out {
		for x := range run.cols {
			if run.Grad {
				out[y] = append(out[y], second[x][y])
				continue
			}
			v := second[x][y] + math.Float32frombits(binary.LittleEndian.Uint32(run.bias[4*c:]))
			if run.winogradCase.res {
				v += run.res.get(y, x, c)
			}
			out[y] = append(out[y], min(max(v, run.lo), run.hi))
		}
	}
	return out
}

// runWinograd interprets a case and returns an error if a bit of the output, or of what surrounds it, is wrong.
func runWinograd(f *Func, t WinogradTile, k winogradCase) error {
	run := newWinogradRun(t, k)
	before := bytes.Clone(run.dst.data)
	m := Machine{Mem: &Memory{}}
	if err := m.Run(f, m.Mem.Map("args", run.args(m.Mem), false)); err != nil {
		return err
	}
	for c := range k.blocks * t.bytes() / 4 {
		for y, row := range run.want(c) {
			for x, want := range row {
				if got := run.dst.get(y, x, c); got != want && (got == got || want == want) {
					return fmt.Errorf("row %d, column %d, channel %d: %v, want %v", y, x, c, got, want)
				}
				copy(before[4*(y*run.dst.row+x*run.dst.pixel+c):][:4], run.dst.data[4*(y*run.dst.row+x*run.dst.pixel+c):])
			}
		}
	}
	if !bytes.Equal(before, run.dst.data) {
		return fmt.Errorf("bytes between the pixels were written")
	}
	return nil
}
