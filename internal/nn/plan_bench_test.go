package nn

import (
	"fmt"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// resnet50 builds the classic network at 224 (8.2 GFLOP a picture).
func resnet50(b *netBuilder) string {
	x := b.Input("x", tensor.Free, 3, 224, 224)
	x = b.Op("Relu", nil, b.bn(b.conv(x, 3, 64, 7, 2, nil), 64))
	x = b.Op("MaxPool", Attrs{"kernel_shape": []int64{3, 3}, "strides": []int64{2, 2}, "pads": []int64{1, 1, 1, 1}}, x)
	in := 64
	for stage, blocks := range []int{3, 4, 6, 3} {
		mid := 64 << stage
		for i := range blocks {
			stride, short := 1, x
			if i == 0 && stage > 0 {
				stride = 2
			}
			if i == 0 {
				short = b.bn(b.conv(x, in, 4*mid, 1, stride, nil), 4*mid)
			}
			y := b.Op("Relu", nil, b.bn(b.conv(x, in, mid, 1, 1, nil), mid))
			y = b.Op("Relu", nil, b.bn(b.conv(y, mid, mid, 3, stride, nil), mid))
			x = b.Op("Relu", nil, b.Op("Add", nil, b.bn(b.conv(y, mid, 4*mid, 1, 1, nil), 4*mid), short))
			in = 4 * mid
		}
	}
	return b.Op("Gemm", nil, b.Op("Flatten", nil, b.Op("GlobalAveragePool", nil, x)), b.random(0.02, 2048, 1000), b.random(1, 1000))
}

// mobilenetV2 builds the network of width 1.0 at 224 (0.6 GFLOP a picture).
func mobilenetV2(b *netBuilder) string {
	x := b.Input("x", tensor.Free, 3, 224, 224)
	x = b.relu6(b.bn(b.conv(x, 3, 32, 3, 2, nil), 32))
	in := 32
	for _, s := range []struct{ expand, out, blocks, stride int }{{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}} {
		for i := range s.blocks {
			stride, y, mid := 1, x, in*s.expand
			if i == 0 {
				stride = s.stride
			}
			if s.expand > 1 {
				y = b.relu6(b.bn(b.conv(x, in, mid, 1, 1, nil), mid))
			}
			y = b.relu6(b.bn(b.conv(y, mid, mid, 3, stride, Attrs{"group": int64(mid)}), mid))
			y = b.bn(b.conv(y, mid, s.out, 1, 1, nil), s.out)
			if stride == 1 && in == s.out {
				y = b.Op("Add", nil, x, y)
			}
			x, in = y, s.out
		}
	}
	x = b.relu6(b.bn(b.conv(x, in, 1280, 1, 1, nil), 1280))
	return b.Op("Gemm", nil, b.Op("Flatten", nil, b.Op("GlobalAveragePool", nil, x)), b.random(0.02, 1280, 1000), b.random(1, 1000))
}

// BenchmarkPlan reports pictures a second on all processors.
func BenchmarkPlan(b *testing.B) {
	for _, net := range []struct {
		name string
		make func(b *netBuilder) string
	}{{"resnet50", resnet50}, {"mobilenetv2", mobilenetV2}, {"mobilenetv3", mobileNetV3}, {"efficientnetb0", efficientNetB0},
		{"convnexttiny", convNextTiny}} {
		nb := newNet(net.name, 1)
		nb.Output("y", net.make(nb))
		g, err := nb.Build()
		if err != nil {
			b.Fatal(err)
		}
		for _, batch := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/%d", net.name, batch), func(b *testing.B) {
				pool := NewPool(0)
				defer pool.Close()
				p, err := NewPlan(g, PlanOptions{Pool: pool, MaxBatch: batch})
				if err != nil {
					b.Fatal(err)
				}
				x := randomInput(g, batch)
				y := make([]float32, batch*1000)
				for b.Loop() {
					if err := p.Run(b.Context(), [][]float32{y}, [][]float32{x}, batch); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "images/s")
			})
		}
	}
}
