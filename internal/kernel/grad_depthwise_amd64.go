//go:build !purego

package kernel

import "unsafe"

// depthGradArgs is what a tile of a depthwise convolution's weight gradient gets; the offsets are package asm's.
// Distances are in bytes.
type depthGradArgs struct {
	src              [3]unsafe.Pointer // of the rows of taps
	dy, sum          unsafe.Pointer
	sumStep, colStep int // between the taps
	rows, cols       int // of pixels
	srcStep, dyStep  int // between the pixels of a row
	srcGap, dyGap    int // besides, behind a row
	blocks, tail     int // full vectors of channels, channels that are left
	mask             unsafe.Pointer
	lanes            uint64
}

// gradRows adds the products of the rows [r0, r1) of pixels, which are of one picture, to sums.
func (d *DepthwiseGradWeight) gradRows(sums, src, dy []float32, r0, r1, c0, c1 int) {
	lanes := 16
	switch {
	case useDepthwiseAVX512:
	case useDepthwiseAVX2:
		lanes = 8
	default:
		d.gradRowsGeneric(sums, src, dy, r0, r1, c0, c1)
		return
	}
	tail := (c1 - c0) % lanes
	a := depthGradArgs{sumStep: 4 * d.C, colStep: 4 * d.DilW * d.Src.Pixel, cols: d.OutW, srcStep: 4 * d.StrideW * d.Src.Pixel, dyStep: 4 * d.Dst.Pixel,
		blocks: (c1 - c0) / lanes, tail: tail, mask: tailMask(tail), lanes: 1<<tail - 1}
	a.srcGap, a.dyGap = 4*d.StrideH*d.Src.Row-d.OutW*a.srcStep, 4*d.Dst.Row-d.OutW*a.dyStep
	n, y := r0/d.OutH, r0%d.OutH
	a.rows = r1 - r0
	g := dy[d.Dst.At(n, y, 0)+c0:]
	a.dy = element(g, 0)
	for i := range a.rows {
		columns{sum: sums[c0:], a: g[i*d.Dst.Row:]}.run(columnSumsOf, Rows{N: d.OutW, Width: c1 - c0, From: d.Dst.Pixel})
	}
	d.gradTaps(&a, sums[d.C+c0:], src[d.Src.At(n, y*d.StrideH, 0)+c0:], lanes == 16)
}

// gradTaps adds the products of the pixels that a tells for all taps, of which the first meets src and has its sum at
// sums.
func (d *DepthwiseGradWeight) gradTaps(a *depthGradArgs, sums, src []float32, avx512 bool) {
	for kx := 0; kx < d.KW; {
		cols := share(d.KW-kx, groupPixels)
		for ky := 0; ky < d.KH; {
			rows := share(d.KH-ky, depthGradRows[cols])
			for i := range rows {
				a.src[i] = element(src, (ky+i)*d.DilH*d.Src.Row+kx*d.DilW*d.Src.Pixel)
			}
			a.sum = element(sums, (ky*d.KW+kx)*d.C)
			if cols < d.KW && rows > 1 { // sums of a tile follow one another
				rows = 1
			}
			if avx512 {
				depthGradAVX512(a, rows, cols)
			} else {
				depthGradAVX2(a, rows, cols)
			}
			ky += rows
		}
		kx += cols
	}
}
