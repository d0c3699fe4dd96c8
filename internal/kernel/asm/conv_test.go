package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// tileCase is one call of a convolution tile.
type tileCase struct {
	rows, cols, len int
	colGap, rowGap  int // floats left out after a segment, and after a row of segments
	step            int // floats between pixels of a group on AVX-512
	lanes           int // channels that exist: some of a block, or one or more full ones
	res             bool
	lo, hi          float32
}

func tileCases(lanes int) []tileCase {
	return []tileCase{
		{1, 1, 0, 0, 0, 1, lanes, true, -inf, inf},
		{1, 1, 1, 0, 0, 3, lanes, false, -inf, inf},
		{2, 1, 5, 0, 9, 2, lanes, true, -0.5, 1},
		{1, 3, 2, 4, 1, 7, lanes, false, 0, inf},
		{3, 2, 4, 1, 2, 5, lanes, true, 0, 6},
		{2, 2, 11, 3, 5, 40, lanes, true, -1, 2},
	}
}

func TestConvTiles(t *testing.T) {
	for _, tile := range append(ConvTiles(false), ConvTiles(true)...) {
		t.Run(tile.Name(), func(t *testing.T) {
			f := Conv(tile)
			full := tile.Vectors * tile.Lanes()
			for lanes := range full + 2 {
				if lanes++; lanes > full {
					lanes = (lanes - full + 1) * full // two and three blocks
				}
				for _, k := range tileCases(lanes) {
					if err := runTile(f, tile, k); err != nil {
						t.Fatalf("%+v: %v", k, err)
					}
				}
			}
		})
	}
}

// offsets returns the offset in floats of each element of the reduction, and the floats they span.
func (k *tileCase) offsets() (at []int, span int) {
	o := 0
	for range k.rows {
		for range k.cols {
			for range k.len {
				at = append(at, o)
				o++
			}
			span = o
			o += k.colGap
		}
		o += k.rowGap
	}
	if len(at) == 0 {
		span = 0
	}
	return at, span
}

// planes holds one float per pixel and element, in a buffer per group of pixels that ends with the last element.
type planes struct {
	bufs  [][]byte
	index []int // buffer of each pixel
	off   []int // where in it the pixel starts, in bytes
}

// newPlanes lays out pixels of span floats: on AVX2 each in its own buffer, on AVX-512 in groups.
func newPlanes(t ConvTile, span, step int) *planes {
	p := &planes{}
	for i := range t.Pixels {
		group, j := i, 0
		if t.AVX512 {
			group, j = i/GroupPixels, i%GroupPixels
		}
		if group == len(p.bufs) {
			p.bufs = append(p.bufs, nil)
		}
		p.index = append(p.index, group)
		p.off = append(p.off, 4*j*step)
		if n := 4 * (j*step + span); n > len(p.bufs[group]) {
			p.bufs[group] = append(p.bufs[group], make([]byte, n-len(p.bufs[group]))...)
		}
	}
	return p
}

func (p *planes) float(pixel, i int) *[]byte {
	b := p.bufs[p.index[pixel]][p.off[pixel]+4*i:]
	return &b
}
func (p *planes) get(pixel, i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(*p.float(pixel, i)))
}

// mapTo makes the buffers accessible and returns their addresses.
func (p *planes) mapTo(m *Memory, name string, writable bool) []uint64 {
	var at []uint64
	for i, b := range p.bufs {
		at = append(at, m.Map(fmt.Sprint(name, i), b, writable))
	}
	return at
}

func fill(r *rand.Rand, b []byte) {
	for i := 0; i+4 <= len(b); i += 4 {
		binary.LittleEndian.PutUint32(b[i:], math.Float32bits(float32(r.NormFloat64())))
	}
}

// tileRun is a case with its buffers.
type tileRun struct {
	ConvTile
	tileCase
	src, dst, res *planes
	weights       []byte
	dstAt, resAt  []uint64 // addresses of dst's and res's buffers, by args
	next          uint64   // where the weights that come later lie, by args
}

func newTileRun(t ConvTile, k tileCase) *tileRun {
	at, span := k.offsets()
	n := (k.lanes + t.full() - 1) / t.full() * t.full()
	run := &tileRun{ConvTile: t, tileCase: k, src: newPlanes(t, span, k.step), dst: newPlanes(t, k.lanes, k.lanes+3),
		res: newPlanes(t, k.lanes, k.lanes+1), weights: make([]byte, 4*n*(1+len(at)))}
	r := rand.New(rand.NewPCG(uint64(t.Pixels), uint64(k.lanes)))
	for _, p := range []*planes{run.src, run.res, run.dst} {
		for _, b := range p.bufs {
			fill(r, b)
		}
	}
	fill(r, run.weights)
	if k.lanes > 1 { // a NaN that must stay one, and only in its channel
		binary.LittleEndian.PutUint32(run.weights[4:], 0x7fc00001)
	}
	return run
}

// args returns the struct that the function gets, with everything mapped.
func (run *tileRun) args(m *Memory) []byte {
	b := bytes.Repeat([]byte{0x55}, ConvSize) // what the function must not look at is no sensible value
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(b[off:], v) }
	pointers := func(off int, p *planes, name string, writable bool) []uint64 {
		at := p.mapTo(m, name, writable)
		for i, v := range at {
			put(off+8*i, v)
		}
		return at
	}
	pointers(ConvSrc, run.src, "src", false)
	run.dstAt = pointers(ConvDst, run.dst, "dst", true)
	put(ConvRes, 0)
	if run.tileCase.res {
		run.resAt = pointers(ConvRes, run.res, "res", false)
	}
	put(ConvSrcStep, uint64(4*run.step))
	put(ConvDstStep, uint64(4*(run.lanes+3)))
	put(ConvResStep, uint64(4*(run.lanes+1)))
	put(ConvWeights, m.Map("weights", run.weights, false))
	run.next = m.Map("next", nil, false)
	put(ConvNext, run.next)
	put(ConvSpan, uint64(4*max(run.lanes, run.full())))
	put(ConvRows, uint64(run.rows))
	put(ConvCols, uint64(run.cols))
	put(ConvLen, uint64(run.len))
	put(ConvColGap, uint64(4*run.colGap))
	put(ConvRowGap, uint64(4*run.rowGap))
	binary.LittleEndian.PutUint32(b[ConvLo:], math.Float32bits(run.lo))
	binary.LittleEndian.PutUint32(b[ConvHi:], math.Float32bits(run.hi))
	if run.AVX512 {
		binary.LittleEndian.PutUint32(b[ConvLanes:], uint32(1<<min(run.lanes, run.full())-1))
		return b
	}
	put(ConvPartial, 0)
	if run.lanes < run.full() {
		put(ConvPartial, 1)
	}
	clear(b[ConvMask:ConvNext])
	for i := range min(run.lanes, run.full()) {
		binary.LittleEndian.PutUint32(b[ConvMask+4*i:], 1<<32-1)
	}
	return b
}

// ahead returns the number of lines of the next weights that are asked for: one for each two that fours of elements
// read.
func (run *tileRun) ahead() int {
	return run.rows * run.cols * (run.len / 4) * run.Vectors * run.Lanes() / 8
}

// full returns the channels of a block.
func (t ConvTile) full() int { return t.Vectors * t.Lanes() }

// want computes one element in plain Go.
func (run *tileRun) want(p, c int) float32 {
	at, _ := run.offsets()
	block := run.weights[c/run.full()*4*run.full()*(1+len(at)):]
	w := func(i int) float32 {
		return math.Float32frombits(binary.LittleEndian.Uint32(block[4*(i*run.full()+c%run.full()):]))
	}
	sum := w(0)
	for k, o := range at {
		sum = FMA(run.src.get(p, o), w(k+1), sum)
	}
	if run.tileCase.res {
		sum += run.res.get(p, c)
	}
	return min(max(sum, run.lo), run.hi)
}

// asked reports whether the lines of a pixel of a plane, whose buffers are at the addresses, were prefetched.
func (run *tileRun) asked(m *Machine, p *planes, at []uint64, pixel int) bool {
	first := at[p.index[pixel]] + uint64(p.off[pixel])
	for c := 0; c < run.lanes; c += run.full() {
		line := first + uint64(4*c)
		if !m.Prefetched[line] || run.full() > 16 && !m.Prefetched[line+64] {
			return false
		}
	}
	return true
}

// runTile interprets a case and returns an error if a bit of the output, or of what surrounds it, is wrong.
func runTile(f *Func, t ConvTile, k tileCase) error {
	run := newTileRun(t, k)
	var before []byte
	for _, b := range run.dst.bufs {
		before = append(before, b...)
	}
	m := Machine{Mem: &Memory{}}
	if err := m.Run(f, m.Mem.Map("args", run.args(m.Mem), false)); err != nil {
		return err
	}
	for p := range t.Pixels {
		if !run.asked(&m, run.dst, run.dstAt, p) || k.res && !run.asked(&m, run.res, run.resAt, p) {
			return fmt.Errorf("pixel %d was not prefetched", p)
		}
		for c := range k.lanes {
			got, want := run.dst.get(p, c), run.want(p, c)
			if got != want && (got == got || want == want) {
				return fmt.Errorf("pixel %d, channel %d: %v, want %v", p, c, got, want)
			}
		}
	}
	for i := range run.ahead() {
		if !m.Prefetched[run.next+uint64(64*i)] {
			return fmt.Errorf("line %d of the next weights was not prefetched", i)
		}
	}
	base := 0
	for _, b := range run.dst.bufs {
		for i := range b {
			if i/4%(k.lanes+3) >= k.lanes && b[i] != before[base+i] {
				return fmt.Errorf("byte %d between the pixels was written", i)
			}
		}
		base += len(b)
	}
	return nil
}
