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

// newRows returns the arguments for n rows of width elements in vectors of so many lanes.
func newRows(n, width, lanes int) rowsArgs {
	tail := width % lanes
	return rowsArgs{
		rows: n, blocks: width / lanes, tail: tail, table: unsafe.Pointer(&constantTable),
		mask: unsafe.Pointer(&tailMasks[max(0, 8-tail)]), lanes: 1<<tail - 1,
	}
}
