package kernel

import (
	"math/rand/v2"
	"testing"
)

// gradBench are layers of ResNet50 at 224×224, and its stem, with a batch of 4.
var gradBench = []convCase{
	{4, 56, 56, 64, 64, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{4, 56, 56, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1, 0},
	{4, 56, 56, 64, 256, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{4, 56, 56, 256, 64, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{4, 28, 28, 128, 128, 3, 3, 1, 1, 1, 1, 1, 1, 0},
	{4, 56, 56, 128, 128, 3, 3, 2, 2, 1, 1, 1, 1, 0},
	{4, 28, 28, 512, 128, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{4, 28, 28, 128, 512, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{4, 14, 14, 256, 256, 3, 3, 1, 1, 1, 1, 1, 1, 0},
	{4, 14, 14, 1024, 256, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{4, 14, 14, 256, 1024, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{4, 7, 7, 512, 512, 3, 3, 1, 1, 1, 1, 1, 1, 0},
	{4, 7, 7, 2048, 512, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{4, 7, 7, 512, 2048, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{4, 224, 224, 3, 64, 7, 7, 2, 2, 1, 1, 1, 3, 0},
}

// BenchmarkConvGradWeight reports GFLOP/s of one thread.
func BenchmarkConvGradWeight(b *testing.B) {
	for _, k := range gradBench {
		b.Run(k.String(), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			conv, ns, nd, _ := k.conv()
			c := ConvGradWeight{Conv: conv}
			src, dy, partial, scratch := random(r, ns), random(r, nd), make([]float32, c.PartialLen()), make([]float32, c.ScratchLen())
			for b.Loop() {
				for p := range c.Parts() {
					c.Run(partial, src, dy, scratch, p, 0, c.Blocks())
				}
			}
			flop := 2 * float64(c.N*c.OutH*c.OutW*c.OutC*c.taps())
			b.ReportMetric(flop*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

// BenchmarkDepthwiseGradWeight reports GFLOP/s of one thread on layers of MobileNetV2 and of EfficientNet.
func BenchmarkDepthwiseGradWeight(b *testing.B) {
	for _, k := range []convCase{
		{1, 56, 56, 144, 144, 3, 3, 1, 1, 1, 1, 144, 1, 0}, {1, 112, 112, 96, 96, 3, 3, 2, 2, 1, 1, 96, 1, 0},
		{4, 7, 7, 960, 960, 3, 3, 1, 1, 1, 1, 960, 1, 0}, {1, 28, 28, 240, 240, 5, 5, 1, 1, 1, 1, 240, 2, 0},
	} {
		b.Run(k.String(), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			c, ns, nd, _ := k.conv()
			d := DepthwiseGradWeight{Depthwise: Depthwise{C: k.inC, KH: k.kh, KW: k.kw, StrideH: k.sh, StrideW: k.sw, DilH: 1, DilW: 1, N: k.n, OutH: c.OutH, OutW: c.OutW, Src: c.Src, Dst: c.Dst}}
			src, dy, partial := random(r, ns), random(r, nd), make([]float32, d.PartialLen())
			for b.Loop() {
				for p := range d.Parts() {
					d.Run(partial, src, dy, nil, p, 0, d.C)
				}
			}
			flop := 2 * float64(d.N*d.OutH*d.OutW*d.C*d.KH*d.KW)
			b.ReportMetric(flop*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

// BenchmarkPoolGrad reports bytes a second and ns an element of the input, of one thread on ResNet's pooling.
func BenchmarkPoolGrad(b *testing.B) {
	const c, size = 64, 112
	in, out := Grid{Image: size * size * c, Row: size * c, Pixel: c}, Grid{Image: size / 2 * size / 2 * c, Row: size / 2 * c, Pixel: c}
	w := WindowGrad{Window: Window{C: c, KH: 3, KW: 3, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, Top: 1, Left: 1, N: 1, InH: size, InW: size,
		OutH: size / 2, OutW: size / 2, Src: in, Dst: out}, DX: in, DY: out}
	r := rand.New(rand.NewPCG(1, 2))
	x, dx, dy, y := random(r, in.Image), random(r, in.Image), random(r, out.Image), random(r, out.Image)
	w.Window.MaxPool(y, x, 0, w.OutH)
	b.Run("Max", func(b *testing.B) { perElement(b, len(x), 8, func() { w.MaxPool(dx, dy, x, y, 0, 0, c) }) })
	b.Run("Avg", func(b *testing.B) { perElement(b, len(x), 4, func() { w.AvgPool(dx, dy, 0, 0, c) }) })
}
