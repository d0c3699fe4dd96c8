package kernel

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkConv reports GFLOP/s of one thread on layers of ResNet50 and the stem.
func BenchmarkConv(b *testing.B) {
	for _, k := range []convCase{
		{1, 56, 56, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1, 0},
		{1, 14, 14, 256, 256, 3, 3, 1, 1, 1, 1, 1, 1, 0},
		{1, 56, 56, 64, 256, 1, 1, 1, 1, 1, 1, 1, 0, 0},
		{1, 7, 7, 2048, 512, 1, 1, 1, 1, 1, 1, 1, 0, 0},
		{1, 224, 224, 3, 64, 7, 7, 2, 2, 1, 1, 1, 3, 0},
		{1, 28, 28, 128, 128, 3, 3, 1, 1, 1, 1, 32, 1, 0},
	} {
		b.Run(k.String(), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			c, ns, nd, _ := k.conv()
			c.Act = Act{Func: Relu}
			src, dst, packed := random(r, ns), make([]float32, nd), random(r, c.PackedLen())
			for b.Loop() {
				c.Run(dst, src, nil, packed, 0, c.N*c.OutH*c.OutW, 0, c.Blocks())
			}
			flop := 2 * float64(c.N*c.OutH*c.OutW*c.OutC*c.taps())
			b.ReportMetric(flop*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

// BenchmarkDepthwise reports GFLOP/s of one thread on a layer of MobileNetV2.
func BenchmarkDepthwise(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	d := Depthwise{C: 144, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, N: 1, OutH: 56, OutW: 56, Act: Act{Func: Clip, B: 6}}
	var ns, nd int
	d.Src, ns = dense(1, 56, 56, d.C, 1, 0)
	d.Src.Start = 0
	d.Dst, nd = dense(1, 56, 56, d.C, 0, 0)
	src, dst, packed := random(r, ns), make([]float32, nd), random(r, d.PackedLen())
	for b.Loop() {
		d.Run(dst, src, nil, packed, 0, d.OutH)
	}
	b.ReportMetric(2*9*56*56*144*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
