//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/graft-ml/graft/internal/cpu"
)

// useDepthwiseAVX2 and useDepthwiseAVX512 say which tiles depthwise convolutions use, the widest first.
var useDepthwiseAVX2, useDepthwiseAVX512 = cpu.HasAVX2, cpu.HasAVX512

func init() {
	cpu.Register("depthwise", "AVX512", &useDepthwiseAVX512)
	cpu.Register("depthwise", "AVX2", &useDepthwiseAVX2)
}

// depthwiseArgs is what a tile of assembly gets; the offsets are package asm's. Steps and gaps are in bytes.
type depthwiseArgs struct {
	src, dst, res             unsafe.Pointer // of the first pixel; no res: nil
	srcStep, dstStep, resStep int            // between pixels
	weights                   unsafe.Pointer // [1+taps][C], the bias first
	weightStep                int            // from one tap to the next
	rows, cols                int            // taps
	colStep, rowGap           int            // from a tap to the next; besides, after a row of them
	blocks, tail              int            // full vectors of channels, channels that are left
	lo, hi                    float32        // what the result is clipped to
	lanes                     uint64         // a bit for each channel of the tail
	mask                      [8]int32       // the same, -1 for each, for AVX2
}

func (d *Depthwise) run(dst, src, res, packed []float32, r0, r1 int) {
	switch {
	case useDepthwiseAVX512:
		d.runTiles(dst, src, res, packed, r0, r1, 16)
	case useDepthwiseAVX2:
		d.runTiles(dst, src, res, packed, r0, r1, 8)
	default:
		d.runGeneric(dst, src, res, packed, r0, r1)
	}
}

// runTiles computes the rows [r0, r1) with vectors of so many lanes. Where that leaves enough channels to
// stream, it takes as many at a time as keep the rows of the input that one row of the output needs in the
// first-level cache for the next.
func (d *Depthwise) runTiles(dst, src, res, packed []float32, r0, r1, lanes int) {
	const cache, stream = 32 << 10, 64
	step := cache / (4 * d.KH * d.OutW * d.StrideW) / lanes * lanes
	if step < stream || r1-r0 == 1 {
		step = d.C
	}
	for c := 0; c < d.C; c += step {
		a := d.args(packed[c:], min(step, d.C-c), lanes)
		for r := r0; r < r1; r++ {
			d.row(&a, dst[c:], src[c:], res[min(c, len(res)):], r, lanes)
		}
	}
	if d.Act.clips() {
		return
	}
	for r := r0; r < r1; r++ {
		out := dst[d.Dst.At(r/d.OutH, r%d.OutH, 0):]
		d.Act.ApplyRows(out, out, Rows{N: d.OutW, Width: d.C, To: d.Dst.Pixel, From: d.Dst.Pixel})
	}
}

// row computes row r in groups of pixels, of the channels that a tells; the slices start at the first of them.
func (d *Depthwise) row(a *depthwiseArgs, dst, src, res []float32, r, lanes int) {
	n, y := r/d.OutH, r%d.OutH
	cols, stride := d.slides()
	for x := 0; x < d.OutW; {
		pixels := share(d.OutW-x, groupPixels)
		a.src = element(src, d.Src.At(n, y*d.StrideH, x*d.StrideW))
		a.dst = element(dst, d.Dst.At(n, y, x))
		if len(res) > 0 {
			a.res = element(res, d.Res.At(n, y, x))
		}
		if lanes == 16 {
			depthwiseAVX512(a, pixels, cols, stride)
		} else {
			depthwiseAVX2(a, pixels, cols, stride)
		}
		x += pixels
	}
}

// slides returns the width and the distance of the windows that a tile may slide, zeros if there is no such tile.
func (d *Depthwise) slides() (cols, stride int) {
	if d.DilW == 1 && d.StrideW <= 2 && (d.KW == 3 || d.KW == 5 || d.KW == 7) {
		return d.KW, d.StrideW
	}
	return 0, 0
}

// args returns the arguments that all tiles of the first channels of packed share.
func (d *Depthwise) args(packed []float32, channels, lanes int) depthwiseArgs {
	a := depthwiseArgs{
		srcStep: 4 * d.StrideW * d.Src.Pixel, dstStep: 4 * d.Dst.Pixel, resStep: 4 * d.Res.Pixel,
		weights: element(packed, 0), weightStep: 4 * d.C,
		rows: d.KH, cols: d.KW, colStep: 4 * d.DilW * d.Src.Pixel,
		rowGap: 4 * (d.DilH*d.Src.Row - d.KW*d.DilW*d.Src.Pixel),
		blocks: channels / lanes, tail: channels % lanes,
	}
	a.lo, a.hi = d.Act.bounds()
	a.lanes = 1<<a.tail - 1
	for i := range min(a.tail, len(a.mask)) {
		a.mask[i] = -1
	}
	return a
}
