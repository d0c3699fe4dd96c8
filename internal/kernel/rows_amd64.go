//go:build !purego

package kernel

import "unsafe"

// rowsArgs is what a kernel over rows gets; the offsets are package asm's. Steps are in bytes.
type rowsArgs struct {
	src                [6]unsafe.Pointer // the first elements
	dst                unsafe.Pointer
	from               [6]int         // from one row to the next
	to                 int            // the same for dst
	rows, blocks, tail int            // full vectors of a row, elements that are left
	table              unsafe.Pointer // constantTable
	mask               unsafe.Pointer // -1 for each element of the tail, for AVX2
	lanes              uint64         // a bit for each element of the tail, for AVX-512
	a, b               float32
}

// tailMasks holds the masks of all tails of up to normPartials elements: that of n starts n before its middle.
var tailMasks = func() (m [2 * normPartials]int32) {
	for i := range normPartials {
		m[i] = -1
	}
	return m
}()

func tailMask(n int) unsafe.Pointer { return unsafe.Pointer(&tailMasks[normPartials-n]) }

// args returns the arguments for vectors of so many lanes, without the slices.
func (r Rows) args(lanes int) rowsArgs {
	tail := r.Width % lanes
	return rowsArgs{
		from: [6]int{4 * r.From, 4 * r.From2, 4 * r.From2}, to: 4 * r.To,
		rows: r.N, blocks: r.Width / lanes, tail: tail, table: unsafe.Pointer(&constantTable),
		mask: tailMask(tail), lanes: 1<<tail - 1,
	}
}
