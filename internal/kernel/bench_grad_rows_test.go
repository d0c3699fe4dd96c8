package kernel

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkBatchNorm reports bytes a second, read and written, of one thread.
func BenchmarkBatchNorm(b *testing.B) {
	const c, n, h, w = 256, 1, 28, 28
	r := rand.New(rand.NewPCG(1, 2))
	g := Grid{Image: h * w * c, Row: w * c, Pixel: c}
	k := BatchNorm{C: c, N: n, H: h, W: w, X: g, Y: g, Res: g, DY: g, DX: g, Eps: 1e-5, Act: Act{Func: Relu}}
	size := n * h * w * c
	x, y, dy, res, v := random(r, size), random(r, size), random(r, size), random(r, size), random(r, c)
	partial := make([]float32, k.PartialLen())
	parts := func(f func(p int)) func() {
		return func() {
			for p := range k.Parts() {
				f(p)
			}
		}
	}
	for _, f := range []struct {
		name  string
		bytes int
		run   func()
	}{
		{"Moments", 4, parts(func(p int) { k.Moments(partial, x, p) })},
		{"Normalize", 12, func() { k.Normalize(y, x, res, v, v, v, 0, n*h) }},
		{"GradSums", 16, parts(func(p int) { k.GradSums(partial, dy, x, y, v, p) })},
		{"GradInput", 12, func() { k.GradInput(y, dy, x, v, BatchNormGrad{v, v, v}, 0, n*h) }},
	} {
		b.Run(f.name, func(b *testing.B) { perElement(b, size, f.bytes, f.run) })
	}
	for _, a := range gradActs[1:] {
		b.Run("Act", func(b *testing.B) {
			perElement(b, size, 12, func() { a.GradRows(y, dy, x, Rows{N: 1, Width: size}) })
		})
	}
}
