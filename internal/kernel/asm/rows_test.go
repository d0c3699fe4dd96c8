package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// rowsCase is one call of a kernel over rows; gaps are the floats between rows of the sources and the destination.
type rowsCase struct {
	rows, n int
	gap     [7]int
	a, b    float32
}

// runRows interprets a case and returns an error if an element is not what want makes of those of the sources, bit
// for bit, or anything beside is written. inputs fills the sources.
func runRows(f *Func, avx512 bool, sources int, k rowsCase, inputs func(i int) float32, want func(x []float32) float32) error {
	m := Machine{Mem: &Memory{}}
	args := bytes.Repeat([]byte{0x55}, RowsSize)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(args[off:], v) }
	src := make([][]byte, sources)
	at := 0
	for i := range sources {
		src[i] = make([]byte, 4*((k.rows-1)*(k.n+k.gap[i])+k.n)) // a gap of −n repeats a row
		for j := 0; j < len(src[i]); j += 4 {
			binary.LittleEndian.PutUint32(src[i][j:], bits(inputs(at)))
			at++
		}
		put(RowsSrc+8*i, m.Mem.Map(fmt.Sprint("source", i), src[i], false))
		put(RowsStep+8*i, uint64(4*(k.n+k.gap[i])))
	}
	dst := bytes.Repeat([]byte{0xa5}, 4*(k.rows*(k.n+k.gap[6])-k.gap[6]))
	put(RowsDst, m.Mem.Map("destination", dst, true))
	put(RowsTo, uint64(4*(k.n+k.gap[6])))
	lanes := ConvTile{AVX512: avx512}.Lanes()
	put(RowsRows, uint64(k.rows))
	put(RowsBlocks, uint64(k.n/lanes))
	put(RowsTail, uint64(k.n%lanes))
	put(RowsTable, m.Mem.Map("table", constantTable(lanes), false))
	mask, tail := make([]byte, 32), k.n%lanes
	if tail == 0 { // what may not count then would be noticed
		tail = lanes
	}
	for i := range tail {
		binary.LittleEndian.PutUint32(mask[4*min(i, 7):], 1<<32-1)
	}
	put(RowsMask, m.Mem.Map("mask", mask, false))
	put(RowsLanes, 1<<tail-1)
	binary.LittleEndian.PutUint32(args[RowsA:], bits(k.a))
	binary.LittleEndian.PutUint32(args[RowsB:], bits(k.b))
	if err := m.Run(f, m.Mem.Map("args", args, false)); err != nil {
		return err
	}
	in := make([]float32, sources)
	for i := range len(dst) / 4 {
		r, c := i/(k.n+k.gap[6]), i%(k.n+k.gap[6])
		got := binary.LittleEndian.Uint32(dst[4*i:])
		if c >= k.n {
			if got != 0xa5a5a5a5 {
				return fmt.Errorf("element %d behind row %d was written", c-k.n, r)
			}
			continue
		}
		for j := range in {
			in[j] = float(binary.LittleEndian.Uint32(src[j][4*(r*(k.n+k.gap[j])+c):]))
		}
		if w := want(in); got != bits(w) && (float(got) == float(got) || w == w) {
			return fmt.Errorf("row %d, element %d of %v: %v, want %v", r, c, in, float(got), w)
		}
	}
	return nil
}

// constantTable returns the table of constants, with NaN in what a vector of so many lanes must not read.
func constantTable(lanes int) []byte {
	b := bytes.Repeat([]byte{0xff}, 4*ConstantLanes*int(konsts))
	for i, c := range Constants {
		for j := range lanes {
			binary.LittleEndian.PutUint32(b[4*(i*ConstantLanes+j):], c.Bits)
		}
	}
	return b
}

// rowsCases are cases for all numbers of elements up to more than two rounds, or a few of them.
func rowsCases(lanes int, all bool) []rowsCase {
	var cases []rowsCase
	for n := 1; n <= 9*lanes+1; n++ {
		if all || n == 3 || n == 2*lanes+lanes/2+1 || n == 4*lanes+5 || n == 9*lanes {
			rows := 1 + n%3
			if !all {
				rows = 2 + n%2
			}
			cases = append(cases, rowsCase{rows: rows, n: n, gap: [7]int{n % 2, 1, 5, 2, 0, 4, 3}, a: -0.5, b: 1.5})
		}
	}
	return cases
}

// edges are inputs at which elementary functions go wrong: the rest of them are random.
var edges = []float32{0, -1, 1, 0.1, -0.1, 1e-20, -1e-20, 1e-40, -1e-40, 3, -3, 12, -12, 87, -87, 88.5, -88.5, 89, -89, 103, -103, 105, -105, 1e5, -1e5, 1e30, -1e30, inf, -inf,
	float(0x7fc00001), float(0x80000000), 3.9, 4.1, -14.5, 0.34, 0.35, -0.7}

// input returns input i of a test: an edge or a number that is drawn.
func input(r *rand.Rand) func(i int) float32 {
	return func(i int) float32 {
		if i%2 == 0 {
			return edges[i/2%len(edges)]
		}
		return float32(r.NormFloat64() * math.Pow(10, float64(r.IntN(3)-1)))
	}
}

func TestActKernels(t *testing.T) {
	for _, k := range append(ActKernels(false), ActKernels(true)...) {
		t.Run(k.FuncName(), func(t *testing.T) {
			if err := runAct(Act(k), k, true); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// runAct runs the cases of an activation.
func runAct(f *Func, k ActKernel, all bool) error {
	r := rand.New(rand.NewPCG(3, 5))
	for _, c := range rowsCases(ConvTile{AVX512: k.AVX512}.Lanes(), all) {
		want := func(x []float32) float32 { return actTwin(k.Name, x[0], c.a, c.b) }
		if err := runRows(f, k.AVX512, 1, c, input(r), want); err != nil {
			return fmt.Errorf("%+v: %w", c, err)
		}
	}
	return nil
}
