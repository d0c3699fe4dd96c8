package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestNormKernels(t *testing.T) {
	for _, k := range append(NormKernels(false), NormKernels(true)...) {
		t.Run(k.FuncName(), func(t *testing.T) {
			f := Norm(k)
			for n := 1; n <= 2*NormPartials+1; n++ {
				if err := runNorm(f, k, n); err != nil {
					t.Fatalf("%d elements: %v", n, err)
				}
			}
		})
	}
}

// runNorm interprets rows of n elements, one of them with a NaN, and returns an error if a bit of the output, or of
// what surrounds it, is wrong.
func runNorm(f *Func, k NormKernel, n int) error {
	const rows, gap, a, b = 4, 3, 7.5, 0.25
	r := rand.New(rand.NewPCG(4, uint64(n)))
	src := [3][]byte{make([]byte, 4*(rows*(n+1)-1)), make([]byte, 4*n), make([]byte, 4*n)}
	for _, s := range src {
		fill(r, s)
	}
	set := func(row, i int, x float32) { binary.LittleEndian.PutUint32(src[0][4*(row*(n+1)+i):], bits(x)) }
	set(2, n/2, float32(math.NaN()))
	for i := range n {
		set(3, i, -200*float32(i)-5) // exponentials that vanish, and no number near 0
	}
	dst := bytes.Repeat([]byte{0xa5}, 4*(rows*(n+gap)-gap))
	m := Machine{Mem: &Memory{}}
	args := bytes.Repeat([]byte{0x55}, RowsSize)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(args[off:], v) }
	for i := range k.Sources() {
		put(RowsSrc+8*i, m.Mem.Map(fmt.Sprint("source", i), src[i], false))
		put(RowsStep+8*i, 0)
	}
	put(RowsStep, uint64(4*(n+1)))
	put(RowsDst, m.Mem.Map("destination", dst, true))
	put(RowsTo, uint64(4*(n+gap)))
	put(RowsRows, rows)
	put(RowsBlocks, uint64(n/NormPartials))
	put(RowsTail, uint64(n%NormPartials))
	put(RowsTable, m.Mem.Map("table", constantTable(ConvTile{AVX512: k.AVX512}.Lanes()), false))
	mask, tail := make([]byte, 4*NormPartials), n%NormPartials
	if tail == 0 { // what may not count then would be noticed
		tail = NormPartials
	}
	for i := range tail {
		binary.LittleEndian.PutUint32(mask[4*i:], 1<<32-1)
	}
	put(RowsMask, m.Mem.Map("mask", mask, false))
	put(RowsLanes, 1<<tail-1)
	binary.LittleEndian.PutUint32(args[RowsA:], bits(a))
	binary.LittleEndian.PutUint32(args[RowsB:], bits(b))
	if err := m.Run(f, m.Mem.Map("args", args, false)); err != nil {
		return err
	}
	for row := range rows {
		x := floats(src[0][4*row*(n+1):], n)
		want := softmaxTwin(x)
		if k.Name == "LayerNorm" {
			want = layerNormTwin(x, floats(src[1], n), floats(src[2], n), a, b)
		}
		for i, got := range floats(dst[4*row*(n+gap):], n) {
			if bits(got) != bits(want[i]) && (got == got || want[i] == want[i]) {
				return fmt.Errorf("row %d, element %d: %v, want %v", row, i, got, want[i])
			}
		}
		if end := 4 * (row*(n+gap) + n); row < rows-1 && !bytes.Equal(dst[end:end+4*gap], bytes.Repeat([]byte{0xa5}, 4*gap)) {
			return fmt.Errorf("something behind row %d was written", row)
		}
	}
	return nil
}

func floats(b []byte, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

// joinHalves joins partial results as the kernels do.
func joinHalves(p [NormPartials]float32, join func(x, y float32) float32) float32 {
	for half := NormPartials / 2; half > 0; half /= 2 {
		for i := range half {
			p[i] = join(p[i], p[i+half])
		}
	}
	return p[0]
}

func plus(x, y float32) float32 { return x + y }

func layerNormTwin(x, scale, shift []float32, a, b float32) []float32 {
	var sum, square [NormPartials]float32
	for i, v := range x {
		sum[i%NormPartials] += v
	}
	mean := joinHalves(sum, plus) / a
	for i, v := range x {
		square[i%NormPartials] = FMA(v-mean, v-mean, square[i%NormPartials])
	}
	inverse := 1 / float32(math.Sqrt(float64(joinHalves(square, plus)/a+b)))
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = FMA((v-mean)*inverse, scale[i], shift[i])
	}
	return out
}

func softmaxTwin(x []float32) []float32 {
	var most, sum [NormPartials]float32
	for i := range most {
		most[i] = -inf
	}
	for i, v := range x {
		most[i%NormPartials] = vmax(v, most[i%NormPartials])
	}
	top := joinHalves(most, func(x, y float32) float32 { return vmax(y, x) })
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = expTwin(vmax(v-top, val(kExpMin)))
		sum[i%NormPartials] += out[i]
	}
	total := joinHalves(sum, plus)
	for i := range out {
		out[i] /= total
	}
	return out
}
