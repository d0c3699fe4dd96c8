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
