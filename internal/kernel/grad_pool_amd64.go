//go:build !purego

package kernel

import "unsafe"

// poolGradArgs is what the gradient of a pooling gets; the offsets are package asm's. Distances are in bytes.
type poolGradArgs struct {
	dx, dy, x, y       unsafe.Pointer
	step               [4]int // between the windows in dx, dy, x and y
	pixels, rows, cols int
	colStep, rowGap    [2]int // between the taps in dx and x
	blocks, tail       int    // full vectors of channels, channels that are left
	mask               unsafe.Pointer
	lanes              uint64
	divisor            float32
	_                  float32
}

func (p *poolingGrad) run(dx, dy, x, y []float32) {
	switch {
	case usePoolAVX512:
		a := p.args(dx, dy, x, y, 16)
		if p.max {
			poolGradMaxAVX512(&a)
		} else {
			poolGradMeanAVX512(&a)
		}
	case usePoolAVX2:
		a := p.args(dx, dy, x, y, 8)
		if p.max {
			poolGradMaxAVX2(&a)
		} else {
			poolGradMeanAVX2(&a)
		}
	default:
		p.runGeneric(dx, dy, x, y)
	}
}

func (p *poolingGrad) args(dx, dy, x, y []float32, lanes int) poolGradArgs {
	tail := p.channels % lanes
	a := poolGradArgs{
		dx: element(dx, 0), dy: element(dy, 0), x: element(x, 0), y: element(y, 0), pixels: p.pixels, rows: p.rows, cols: p.cols,
		blocks: p.channels / lanes, tail: tail, mask: tailMask(tail), lanes: 1<<tail - 1, divisor: p.divisor,
	}
	for i := range a.step {
		a.step[i] = 4 * p.step[i]
	}
	for i := range a.colStep {
		a.colStep[i], a.rowGap[i] = 4*p.colStep[i], 4*(p.rowStep[i]-p.cols*p.colStep[i])
	}
	return a
}
