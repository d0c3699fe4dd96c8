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
