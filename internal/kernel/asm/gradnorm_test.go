package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestLayerNormGrad(t *testing.T) {
	for _, avx512 := range []bool{false, true} {
		t.Run(LayerNormGradName(avx512), func(t *testing.T) {
			for n := 1; n <= 2*NormPartials+1; n++ {
				if err := runLayerNormGrad(LayerNormGrad(avx512), avx512, n); err != nil {
					t.Fatalf("%d elements: %v", n, err)
				}
			}
		})
	}
}

// runLayerNormGradCases returns the first error of a few widths.
func runLayerNormGradCases(f *Func, avx512 bool) error {
	for _, n := range []int{1, 9, 20, 27, 2 * NormPartials, 3*NormPartials - 5} {
		if err := runLayerNormGrad(f, avx512, n); err != nil {
			return err
		}
	}
	return nil
}

// runLayerNormGrad interprets rows of n elements and returns an error if a bit of the output, or of what surrounds it,
// is wrong.
func runLayerNormGrad(f *Func, avx512 bool, n int) error {
	const rows, a, b = 3, 7.5, 0.25
	r := rand.New(rand.NewPCG(5, uint64(n)))
	step := [3]int{n + 1, n + 2, n + 3} // of x, dy and the result; 0 or n of the others
	repeat := n % 2 * n
	x, dy := make([]byte, 4*((rows-1)*step[0]+n)), make([]byte, 4*((rows-1)*step[1]+n))
	dst := make([]byte, 4*((rows-1)*step[2]+n))
	scale, dscale, dshift := make([]byte, 4*rows*n), make([]byte, 4*rows*n), make([]byte, 4*rows*n)
	for _, s := range [][]byte{x, dy, dst, scale, dscale, dshift} {
		fill(r, s)
	}
	want, wantScale, wantShift := floats(dst, len(dst)/4), floats(dscale, rows*n), floats(dshift, rows*n)
	for i := range rows {
		o := i * repeat
		layerNormGradTwin(want[i*step[2]:][:n], wantScale[o:], wantShift[o:], floats(x[4*i*step[0]:], n), floats(dy[4*i*step[1]:], n), floats(scale[4*o:], n), a, b)
	}
	m := Machine{Mem: &Memory{}}
	args := bytes.Repeat([]byte{0x55}, RowsSize)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(args[off:], v) }
	for i, s := range [][]byte{x, dy, scale, dscale, dshift} {
		put(RowsSrc+8*i, m.Mem.Map(fmt.Sprint("source", i), s, i > 2))
		put(RowsStep+8*i, uint64(4*repeat))
	}
	put(RowsStep, uint64(4*step[0]))
	put(RowsStep+8, uint64(4*step[1]))
	put(RowsDst, m.Mem.Map("destination", dst, true))
	put(RowsTo, uint64(4*step[2]))
	put(RowsRows, rows)
	put(RowsBlocks, uint64(n/NormPartials))
	put(RowsTail, uint64(n%NormPartials))
	put(RowsTable, m.Mem.Map("table", constantTable(ConvTile{AVX512: avx512}.Lanes()), false))
	mask := make([]byte, 4*NormPartials)
	for i := range tailOr(n, NormPartials) {
		binary.LittleEndian.PutUint32(mask[4*i:], 1<<32-1)
	}
	put(RowsMask, m.Mem.Map("mask", mask, false))
	put(RowsLanes, 1<<tailOr(n, NormPartials)-1)
	binary.LittleEndian.PutUint32(args[RowsA:], bits(a))
	binary.LittleEndian.PutUint32(args[RowsB:], bits(b))
	if err := m.Run(f, m.Mem.Map("args", args, false)); err != nil {
		return err
	}
	for name, pair := range map[string][2][]float32{"result": {floats(dst, len(want)), want}, "scale": {floats(dscale, rows*n), wantScale}, "shift": {floats(dshift, rows*n), wantShift}} {
		for i, got := range pair[0] {
			if got != pair[1][i] {
				return fmt.Errorf("%s: element %d: %v, want %v", name, i, got, pair[1][i])
			}
		}
	}
	return nil
}

// layerNormGradTwin computes a row in plain Go, with each fused step.
func layerNormGradTwin(dst, dscale, dshift, x, dy, scale []float32, a, b float32) {
	var sum, square, grads, dots [NormPartials]float32
	for i, v := range x {
		sum[i%NormPartials] += v
	}
	mean := joinHalves(sum, plus) / a
	for i, v := range x {
		p := i % NormPartials
		square[p] = FMA(v-mean, v-mean, square[p])
		grads[p] += dy[i] * scale[i]
		dots[p] = FMA(v-mean, dy[i]*scale[i], dots[p])
	}
	variance := joinHalves(square, plus)/a + b
	inverse := 1 / float32(math.Sqrt(float64(variance)))
	shift, slope := joinHalves(grads, plus)/a, joinHalves(dots, plus)/a/variance
	for i, v := range x {
		dscale[i] = FMA((v-mean)*inverse, dy[i], dscale[i])
		dshift[i] += dy[i]
		dst[i] = FMA(-(v-mean), slope, dy[i]*scale[i]-shift) * inverse
	}
}
