//go:build !purego

package kernel

import "unsafe"

// rowsArgs is what a kernel over rows gets; the offsets are package asm's. Steps are in bytes.
type rowsArgs struct {
	src                [3]unsafe.Pointer // the first elements
	dst                unsafe.Pointer
	from               [3]int         // from one row to the next
	to                 int            // the same for dst
	rows, blocks, tail int            // full vectors of a row, elements that are left
	table              unsafe.Pointer // constantTable
	mask               unsafe.Pointer // [8]int32, -1 for each element of the tail, for AVX2
	lanes              uint64         // a bit for each element of the tail, for AVX-512
	a, b               float32
}

// tailMasks holds the masks of all tails: that of n elements starts 8−n before its middle.
var tailMasks = [16]int32{-1, -1, -1, -1, -1, -1, -1, -1}

// args returns the arguments for vectors of so many lanes, without the slices.
func (r Rows) args(lanes int) rowsArgs {
	tail := r.Width % lanes
	return rowsArgs{
		from: [3]int{4 * r.From, 4 * r.From2, 4 * r.From2}, to: 4 * r.To,
		rows: r.N, blocks: r.Width / lanes, tail: tail, table: unsafe.Pointer(&constantTable),
		mask: unsafe.Pointer(&tailMasks[max(0, 8-tail)]), lanes: 1<<tail - 1,
	}
}
