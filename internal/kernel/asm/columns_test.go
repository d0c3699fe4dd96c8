package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestColumnKernels(t *testing.T) {
	for _, k := range append(ColumnKernels(false), ColumnKernels(true)...) {
		t.Run(k.FuncName(), func(t *testing.T) {
			for n := 1; n <= 9*16+1; n++ {
				if err := runColumn(Column(k), k, 1+n%4, n); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// runColumnCases returns the first error of a few numbers of columns.
func runColumnCases(f *Func, k ColumnKernel) error {
	lanes := ConvTile{AVX512: k.AVX512}.Lanes()
	for _, n := range []int{3, lanes, 4*lanes + 5, 10 * lanes} {
		if err := runColumn(f, k, 3, n); err != nil {
			return err
		}
	}
	return nil
}

// runColumn interprets n columns and returns an error if a bit of the sums, which their memory bounds, is wrong.
func runColumn(f *Func, k ColumnKernel, rows, n int) error {
	r := rand.New(rand.NewPCG(4, uint64(n)))
	const gapA, gapB = 3, 1
	lanes := ConvTile{AVX512: k.AVX512}.Lanes()
	a, b := make([]byte, 4*((rows-1)*(n+gapA)+n)), make([]byte, 4*((rows-1)*(n+gapB)+n))
	const lo, hi = -0.5, 1
	mean, sum, dot, scale, shift := make([]byte, 4*n), make([]byte, 4*n), make([]byte, 4*n), make([]byte, 4*n), make([]byte, 4*n)
	for _, s := range [][]byte{a, b, mean, sum, dot, scale, shift} {
		fill(r, s)
	}
	sum0, dot0 := bytes.Clone(sum), bytes.Clone(dot)
	m := Machine{Mem: &Memory{}}
	args := bytes.Repeat([]byte{0x55}, ColumnSize)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(args[off:], v) }
	a0 := bytes.Clone(a)
	at := [2]uint64{m.Mem.Map("a", a, k.Name == "ClipGrads"), m.Mem.Map("b", b, false)}
	put(ColumnA, at[0])
	put(ColumnB, at[1])
	put(ColumnMean, m.Mem.Map("mean", mean, false))
	put(ColumnSum, m.Mem.Map("sum", sum, true))
	put(ColumnDot, m.Mem.Map("dot", dot, true))
	put(ColumnScale, m.Mem.Map("scale", scale, false))
	put(ColumnShift, m.Mem.Map("shift", shift, false))
	binary.LittleEndian.PutUint32(args[ColumnLo:], bits(lo))
	binary.LittleEndian.PutUint32(args[ColumnHi:], bits(hi))
	put(ColumnStepA, uint64(4*(n+gapA)))
	put(ColumnStepB, uint64(4*(n+gapB)))
	put(ColumnRows, uint64(rows))
	put(ColumnBlocks, uint64(n/lanes))
	put(ColumnTail, uint64(n%lanes))
	mask := make([]byte, 32)
	for i := range min(8, tailOr(n, lanes)) {
		binary.LittleEndian.PutUint32(mask[4*i:], 1<<32-1)
	}
	put(ColumnMask, m.Mem.Map("mask", mask, false))
	put(ColumnLanes, 1<<tailOr(n, lanes)-1)
	if err := m.Run(f, m.Mem.Map("args", args, false)); err != nil {
		return err
	}
	for i := range rows * (n / lanes) * 4 * lanes / 64 {
		if line := uint64(64 * i); k.Name != "ClipGrads" && !m.Prefetched[at[0]+ColumnAhead*4*uint64(n+gapA)+line] ||
			k.Name != "Sum" && k.Name != "Squares" && !m.Prefetched[at[1]+ColumnAhead*4*uint64(n+gapB)+line] {
			return fmt.Errorf("%d columns: line %d is not asked for", n, i)
		}
	}
	get := func(b []byte, i int) float32 { return float(binary.LittleEndian.Uint32(b[4*i:])) }
	for i := range (rows-1)*(n+gapA) + n {
		if i%(n+gapA) >= n && get(a, i) != get(a0, i) {
			return fmt.Errorf("%d columns: something behind row %d was written", n, i/(n+gapA))
		}
	}
	for c := range n {
		s, d := get(sum0, c), get(dot0, c)
		for i := range rows {
			x := get(a0, i*(n+gapA)+c)
			switch y := get(b, i*(n+gapB)+c) - get(mean, c); k.Name {
			case "Sum":
				s += x
			case "Squares":
				s = FMA(x-get(mean, c), x-get(mean, c), s)
			case "Dots":
				s = FMA(x, y, s)
			case "ClipGrads":
				if z := FMA(y, get(scale, c), get(shift, c)); !(z > lo && z < hi) {
					x = 0
				}
				if got := get(a, i*(n+gapA)+c); got != x {
					return fmt.Errorf("%d columns, %d of row %d: %v is left, want %v", n, c, i, got, x)
				}
				fallthrough
			case "Grads":
				s, d = s+x, FMA(x, y, d)
			}
		}
		if get(sum, c) != s || get(dot, c) != d {
			return fmt.Errorf("%d columns, %d: %v and %v, want %v and %v", n, c, get(sum, c), get(dot, c), s, d)
		}
	}
	return nil
}

// tailOr returns the elements of a tail; all, if there is none: what may not count then would be noticed.
func tailOr(n, lanes int) int { return (n+lanes-1)%lanes + 1 }
