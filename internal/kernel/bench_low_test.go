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

// BenchmarkDepthwiseInt8 reports GOP/s of one thread on a layer of MobileNetV2.
func BenchmarkDepthwiseInt8(b *testing.B) {
	v := newInt8Case(convCase{1, 56, 56, 144, 144, 3, 3, 1, 1, 1, 1, 144, 1, 0}, Act{Func: Clip, B: 6}, false)
	d := DepthwiseInt8{In: v.In, Out: v.Out, Depthwise: Depthwise{C: 144, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, N: 1, OutH: 56, OutW: 56,
		Src: v.Conv.Src, Dst: v.Conv.Dst, Act: v.Conv.Act}}
	packed, dst := d.Pack(v.w, v.scale, v.bias), make([]uint8, v.dst)
	for b.Loop() {
		d.Run(dst, v.src, packed, 0, 56)
	}
	b.ReportMetric(2*9*56*56*144*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
}

// BenchmarkQuantise reports elements a nanosecond of one thread.
func BenchmarkQuantise(b *testing.B) {
	const n = 56 * 56 * 64
	src, dst := random(rand.New(rand.NewPCG(1, 1)), n), make([]uint8, n)
	for b.Loop() {
		QuantiseRows(dst, src, Quant{0.02, 128}, Rows{N: 1, Width: n})
	}
	b.ReportMetric(n*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "elements/ns")
}

// BenchmarkMaxPoolInt8 reports microseconds of the pooling behind the stem of a ResNet.
func BenchmarkMaxPoolInt8(b *testing.B) {
	w := Window{C: 64, KH: 3, KW: 3, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, Top: 1, Left: 1, N: 1, InH: 112, InW: 112, OutH: 56, OutW: 56}
	var ns, nd int
	w.Src, ns = dense(1, 112, 112, 64, 0, 0)
	w.Dst, nd = dense(1, 56, 56, 64, 0, 0)
	src, dst := randomBytes(rand.New(rand.NewPCG(1, 1)), ns), make([]uint8, nd)
	for b.Loop() {
		w.MaxPoolInt8(dst, src, 0, 56)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "us")
}
