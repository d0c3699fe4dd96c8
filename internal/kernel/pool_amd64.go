//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/graft-ml/graft/internal/cpu"
)

// usePoolAVX2 and usePoolAVX512 say which kernels poolings use, the widest first.
var usePoolAVX2, usePoolAVX512 = cpu.HasAVX2, cpu.HasAVX512

func init() {
	cpu.Register("pool", "AVX512", &usePoolAVX512)
	cpu.Register("pool", "AVX2", &usePoolAVX2)
}

// poolArgs is what a pooling of assembly gets; the offsets are package asm's. Steps and gaps are in bytes.
type poolArgs struct {
	src, dst             unsafe.Pointer
	pixels               int
	from, to             int            // from one pixel to the next
	rows, cols           int            // taps
	colStep, rowGap      int            // from a tap to the next; besides, after a row of them
	rounds, blocks, tail int            // poolVectors full vectors of channels, single ones, channels that are left
	mask                 unsafe.Pointer // as in rowsArgs
	lanes                uint64
	start, divisor       float32
}

// run computes the windows from the first tap of the first.
func (p *pooling) run(dst, src []float32) {
	switch {
	case p.rows == 0 || p.cols == 0: // the assembly looks before it counts
		p.runGeneric(dst, src)
	case usePoolAVX512:
		a := p.args(dst, src, 16)
		if p.max {
			poolMaxAVX512(&a)
		} else {
			poolAvgAVX512(&a)
		}
	case usePoolAVX2:
		a := p.args(dst, src, 8)
		if p.max {
			poolMaxAVX2(&a)
		} else {
			poolAvgAVX2(&a)
		}
	default:
		p.runGeneric(dst, src)
	}
}

func (p *pooling) args(dst, src []float32, lanes int) poolArgs {
	vectors, tail := p.channels/lanes, p.channels%lanes
	return poolArgs{
		src: element(src, 0), dst: element(dst, 0), pixels: p.pixels, from: 4 * p.from, to: 4 * p.to,
		rows: p.rows, cols: p.cols, colStep: 4 * p.colStep, rowGap: 4 * (p.rowStep - p.cols*p.colStep),
		rounds: vectors / poolVectors, blocks: vectors % poolVectors, tail: tail,
		mask: tailMask(tail), lanes: 1<<tail - 1, start: p.start(), divisor: p.divisor,
	}
}
