package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// Elements in the first-level cache, and in a later one.
var benchSizes = []int{4 << 10, 256 << 10}

// BenchmarkAct reports bytes a second, read and written, and ns an element, of one thread.
func BenchmarkAct(b *testing.B) {
	for _, f := range []struct {
		name string
		act  Act
	}{{"Relu", Act{Func: Relu}}, {"HardSwish", Act{Func: HardSwish}}, {"Sigmoid", Act{Func: Sigmoid}}, {"SiLU", Act{Func: SiLU}},
		{"Tanh", Act{Func: Tanh}}, {"Erf", Act{Func: Erf}}, {"Gelu", Act{Func: Gelu}}, {"Exp", Act{Func: Exp}}} {
		for _, n := range benchSizes {
			b.Run(fmt.Sprintf("%s/%d", f.name, n), func(b *testing.B) {
				src, dst := random(rand.New(rand.NewPCG(1, 2)), n), make([]float32, n)
				perElement(b, n, 8, func() { f.act.Apply(dst, src) })
			})
		}
	}
}

// perElement measures f, which works on n elements and moves so many bytes for each.
func perElement(b *testing.B, n, bytes int, f func()) {
	b.SetBytes(int64(n * bytes))
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/element")
}

// BenchmarkBinary reports the same of sums, and of products with one value a channel.
func BenchmarkBinary(b *testing.B) {
	const c = 96
	for _, n := range benchSizes {
		n = n / c * c
		x, y, dst := make([]float32, n), make([]float32, n), make([]float32, n)
		b.Run(fmt.Sprintf("Add/%d", n), func(b *testing.B) {
			perElement(b, n, 12, func() { Binary(Add, dst, x, y) })
		})
		b.Run(fmt.Sprintf("Scale/%d", n), func(b *testing.B) {
			perElement(b, n, 8, func() { BinaryRows(Mul, dst, x, y, Rows{N: n / c, Width: c, To: c, From: c}) })
		})
	}
}

// BenchmarkPool reports the same of poolings of 64 channels, counting the input.
func BenchmarkPool(b *testing.B) {
	const c, size = 64, 56
	src, dst := random(rand.New(rand.NewPCG(1, 2)), size*size*c), make([]float32, size*size*c)
	for _, k := range []int{2, 3} {
		w := Window{C: c, KH: k, KW: k, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, Top: k - 2, Left: k - 2, N: 1, InH: size, InW: size, OutH: size / 2, OutW: size / 2,
			Src: Grid{Row: size * c, Pixel: c}, Dst: Grid{Row: size / 2 * c, Pixel: c}}
		b.Run(fmt.Sprintf("Max%d", k), func(b *testing.B) { perElement(b, len(src), 4, func() { w.MaxPool(dst, src, 0, w.OutH) }) })
		b.Run(fmt.Sprintf("Avg%d", k), func(b *testing.B) { perElement(b, len(src), 4, func() { w.AvgPool(dst, src, 0, w.OutH) }) })
	}
	g := Grid{Row: size * c, Pixel: c}
	b.Run("GlobalAvg", func(b *testing.B) {
		perElement(b, len(src), 4, func() { GlobalAvgPool(dst, src, g, 0, size, size, 0, c) })
	})
}

// BenchmarkNorm reports the same of rows of 384 elements.
func BenchmarkNorm(b *testing.B) {
	const n, c = 32, 384
	x, y, scale := random(rand.New(rand.NewPCG(1, 2)), n*c), make([]float32, n*c), make([]float32, c)
	r := Rows{N: n, Width: c, To: c, From: c}
	b.Run("LayerNorm", func(b *testing.B) { perElement(b, n*c, 8, func() { LayerNorm(y, x, scale, scale, 1e-5, r) }) })
	b.Run("Softmax", func(b *testing.B) { perElement(b, n*c, 8, func() { Softmax(y, x, r) }) })
}
