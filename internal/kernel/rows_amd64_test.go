//go:build !purego

package kernel

import (
	"testing"
	"unsafe"

	"github.com/graft-ml/graft/internal/kernel/asm"
)

// The assembly looks for the arguments where Go puts them.
func TestRowsArgsLayout(t *testing.T) {
	var a rowsArgs
	for _, f := range []struct {
		name      string
		got, want uintptr
	}{
		{"src", unsafe.Offsetof(a.src), asm.RowsSrc}, {"dst", unsafe.Offsetof(a.dst), asm.RowsDst}, {"from", unsafe.Offsetof(a.from), asm.RowsStep},
		{"to", unsafe.Offsetof(a.to), asm.RowsTo}, {"rows", unsafe.Offsetof(a.rows), asm.RowsRows}, {"blocks", unsafe.Offsetof(a.blocks), asm.RowsBlocks},
		{"tail", unsafe.Offsetof(a.tail), asm.RowsTail}, {"table", unsafe.Offsetof(a.table), asm.RowsTable}, {"mask", unsafe.Offsetof(a.mask), asm.RowsMask},
		{"lanes", unsafe.Offsetof(a.lanes), asm.RowsLanes}, {"a", unsafe.Offsetof(a.a), asm.RowsA}, {"b", unsafe.Offsetof(a.b), asm.RowsB},
		{"size", unsafe.Sizeof(a), asm.RowsSize},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d, package asm has %d", f.name, f.got, f.want)
		}
	}
}

func TestPoolArgsLayout(t *testing.T) {
	var a poolArgs
	for _, f := range []struct {
		name      string
		got, want uintptr
	}{
		{"src", unsafe.Offsetof(a.src), asm.PoolSrc}, {"dst", unsafe.Offsetof(a.dst), asm.PoolDst}, {"pixels", unsafe.Offsetof(a.pixels), asm.PoolPixels},
		{"from", unsafe.Offsetof(a.from), asm.PoolSrcStep}, {"to", unsafe.Offsetof(a.to), asm.PoolDstStep}, {"rows", unsafe.Offsetof(a.rows), asm.PoolRows},
		{"cols", unsafe.Offsetof(a.cols), asm.PoolCols}, {"colStep", unsafe.Offsetof(a.colStep), asm.PoolColStep}, {"rowGap", unsafe.Offsetof(a.rowGap), asm.PoolRowGap},
		{"rounds", unsafe.Offsetof(a.rounds), asm.PoolRounds}, {"blocks", unsafe.Offsetof(a.blocks), asm.PoolBlocks}, {"tail", unsafe.Offsetof(a.tail), asm.PoolTail},
		{"mask", unsafe.Offsetof(a.mask), asm.PoolMask}, {"lanes", unsafe.Offsetof(a.lanes), asm.PoolLanes}, {"start", unsafe.Offsetof(a.start), asm.PoolStart},
		{"divisor", unsafe.Offsetof(a.divisor), asm.PoolDivisor}, {"size", unsafe.Sizeof(a), asm.PoolSize},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d, package asm has %d", f.name, f.got, f.want)
		}
	}
}

func TestColumnArgsLayout(t *testing.T) {
	var a columnArgs
	for _, f := range []struct {
		name      string
		got, want uintptr
	}{
		{"a", unsafe.Offsetof(a.a), asm.ColumnA}, {"b", unsafe.Offsetof(a.b), asm.ColumnB}, {"mean", unsafe.Offsetof(a.mean), asm.ColumnMean},
		{"sum", unsafe.Offsetof(a.sum), asm.ColumnSum}, {"dot", unsafe.Offsetof(a.dot), asm.ColumnDot}, {"stepA", unsafe.Offsetof(a.stepA), asm.ColumnStepA},
		{"stepB", unsafe.Offsetof(a.stepB), asm.ColumnStepB}, {"rows", unsafe.Offsetof(a.rows), asm.ColumnRows}, {"blocks", unsafe.Offsetof(a.blocks), asm.ColumnBlocks},
		{"tail", unsafe.Offsetof(a.tail), asm.ColumnTail}, {"mask", unsafe.Offsetof(a.mask), asm.ColumnMask}, {"lanes", unsafe.Offsetof(a.lanes), asm.ColumnLanes},
		{"scale", unsafe.Offsetof(a.scale), asm.ColumnScale}, {"shift", unsafe.Offsetof(a.shift), asm.ColumnShift}, {"lo", unsafe.Offsetof(a.lo), asm.ColumnLo}, {"hi", unsafe.Offsetof(a.hi), asm.ColumnHi},
		{"size", unsafe.Sizeof(a), asm.ColumnSize},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d, package asm has %d", f.name, f.got, f.want)
		}
	}
}
