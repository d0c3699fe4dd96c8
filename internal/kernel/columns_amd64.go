//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/graft-ml/graft/internal/cpu"
)

// useColumnsAVX2 and useColumnsAVX512 say which kernels sums over columns use, the widest first.
var useColumnsAVX2, useColumnsAVX512 = cpu.HasAVX2, cpu.HasAVX512

func init() {
	cpu.Register("columns", "AVX512", &useColumnsAVX512)
	cpu.Register("columns", "AVX2", &useColumnsAVX2)
}

// Rows that a kernel over columns gets at a time: as many as it asks for ahead, which makes memory deliver them in their
// order, or more where they are short.
const columnRows, columnElements = 8, 2048

// columnArgs is what a kernel over columns gets; the offsets are package asm's. Steps are in bytes.
type columnArgs struct {
	a, b, mean, sum, dot unsafe.Pointer
	stepA, stepB         int
	rows, blocks, tail   int            // full vectors of a row, elements that are left
	mask                 unsafe.Pointer // -1 for each element of the tail, for AVX2
	lanes                uint64         // a bit for each element of the tail, for AVX-512
	scale, shift         unsafe.Pointer
	lo, hi               float32
}

func (c columns) run(kind columnKind, r Rows) {
	lanes := 16
	switch {
	case useColumnsAVX512:
	case useColumnsAVX2:
		lanes = 8
	default:
		c.runGeneric(kind, r)
		return
	}
	tail := r.Width % lanes
	args := columnArgs{mean: element(c.mean, 0), sum: element(c.sum, 0), dot: element(c.dot, 0),
		stepA: 4 * r.From, stepB: 4 * r.From2, blocks: r.Width / lanes, tail: tail, mask: tailMask(tail), lanes: 1<<tail - 1,
		scale: element(c.scale, 0), shift: element(c.shift, 0), lo: c.lo, hi: c.hi}
	for row := 0; row < r.N; row += args.rows {
		args.rows = min(r.N-row, max(columnRows, columnElements/r.Width))
		args.a, args.b = element(c.a, row*r.From), element(c.b, row*r.From2)
		if lanes == 16 {
			columnAVX512(&args, kind)
		} else {
			columnAVX2(&args, kind)
		}
	}
}
