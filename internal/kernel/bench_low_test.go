package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// resnet50Shapes are the convolutions of ResNet50 behind the stem.
var resnet50Shapes = []convCase{
	{1, 56, 56, 64, 64, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{1, 56, 56, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1, 0},
	{1, 56, 56, 64, 256, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{1, 56, 56, 256, 64, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{1, 56, 56, 256, 128, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{1, 56, 56, 128, 128, 3, 3, 2, 2, 1, 1, 1, 1, 0},
	{1, 28, 28, 128, 128, 3, 3, 1, 1, 1, 1, 1, 1, 0},
	{1, 28, 28, 128, 512, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{1, 28, 28, 512, 128, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{1, 14, 14, 256, 256, 3, 3, 1, 1, 1, 1, 1, 1, 0},
	{1, 14, 14, 256, 1024, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{1, 14, 14, 1024, 256, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{1, 7, 7, 512, 512, 3, 3, 1, 1, 1, 1, 1, 1, 0},
	{1, 7, 7, 512, 2048, 1, 1, 1, 1, 1, 1, 1, 0, 0},
	{1, 7, 7, 2048, 512, 1, 1, 1, 1, 1, 1, 1, 0, 0},
}

// networkWeights returns weights as quantised ones of a network are: normally distributed, the largest of each
// channel MaxWeight.
func networkWeights(r *rand.Rand, channels, taps int) []int8 {
	var w []int8
	for range channels {
		f := random(r, taps)
		most := 0.0
		for _, x := range f {
			most = max(most, math.Abs(float64(x)))
		}
		for _, x := range f {
			w = append(w, int8(math.Round(MaxWeight*float64(x)/most)))
		}
	}
	return w
}

// BenchmarkConvInt8 reports GOP/s of one thread on the layers of ResNet50, with bytes that fill 0…255.
func BenchmarkConvInt8(b *testing.B) {
	for _, k := range resnet50Shapes {
		b.Run(k.String(), func(b *testing.B) {
			v := newInt8Case(k, Act{Func: Relu}, false)
			v.w = networkWeights(rand.New(rand.NewPCG(2, 2)), k.outC, v.Conv.taps())
			packed, dst := v.Pack(v.w, v.scale, v.bias), make([]uint8, v.dst)
			for b.Loop() {
				v.Run(dst, v.src, nil, packed, 0, v.pixels(), 0, v.Blocks())
			}
			ops := 2 * float64(v.pixels()*k.outC*v.Conv.taps())
			b.ReportMetric(ops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
		})
	}
}
