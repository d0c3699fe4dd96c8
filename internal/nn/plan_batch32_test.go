package nn

import (
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// batchNets have the geometries whose tasks are cut differently for one picture and for many: both tiles of Winograd's
// algorithm, bands, depthwise windows, squeezes, pictures of few pixels and many channels.
var batchNets = map[string]func(b *netBuilder) string{
	"resnet": func(b *netBuilder) string {
		x := b.Input("x", tensor.Free, 3, 37, 35)
		x = b.Op("Relu", nil, b.conv(x, 3, 16, 7, 2, nil))
		x = b.Op("MaxPool", Attrs{"kernel_shape": []int64{3, 3}, "strides": []int64{1, 1}, "pads": []int64{1, 1, 1, 1}}, x)
		y := b.Op("Relu", nil, b.conv(x, 16, 16, 1, 1, nil))
		y = b.Op("Relu", nil, b.conv(y, 16, 16, 3, 1, nil)) // a tile of 4
		x = b.Op("Relu", nil, b.Op("Add", nil, b.conv(y, 16, 64, 1, 1, nil), b.conv(x, 16, 64, 1, 1, nil)))
		x = b.Op("Relu", nil, b.conv(x, 64, 256, 3, 4, nil))
		x = b.Op("Relu", nil, b.conv(x, 256, 256, 3, 1, nil)) // a tile of 2
		return b.linear(b.pooled(x), 256, 10)
	},
	"mobilenet": func(b *netBuilder) string {
		x := b.relu6(b.conv(b.Input("x", tensor.Free, 3, 61, 58), 3, 16, 3, 1, nil))
		for _, kernel := range []int{3, 5} {
			y := b.relu6(b.conv(x, 16, 96, 1, 1, nil))
			y = b.relu6(b.conv(y, 96, 96, kernel, 1, Attrs{"group": int64(96)}))
			x = b.Op("Add", nil, x, b.conv(y, 96, 16, 1, 1, nil))
		}
		y := b.relu6(b.conv(b.relu6(b.conv(x, 16, 96, 1, 1, nil)), 96, 96, 3, 2, Attrs{"group": int64(96)}))
		x = b.relu6(b.conv(b.conv(y, 96, 24, 1, 1, nil), 24, 160, 3, 4, nil))
		return b.linear(b.pooled(b.conv(x, 160, 160, 5, 1, Attrs{"group": int64(160)})), 160, 10)
	},
	"efficientnet": func(b *netBuilder) string {
		x := b.silu(b.conv(b.Input("x", tensor.Free, 3, 30, 33), 3, 16, 3, 2, nil))
		for _, stride := range []int{1, 2} {
			y := b.silu(b.conv(x, 16, 96, 1, 1, nil))
			y = b.silu(b.conv(y, 96, 96, 5, stride, Attrs{"group": int64(96)}))
			x = b.conv(b.excite(y, 96, 4, b.silu, b.sigmoid), 96, 16, 1, 1, nil)
		}
		return b.linear(b.pooled(b.silu(b.conv(x, 16, 64, 1, 1, nil))), 64, 10)
	},
}

// A picture has the same bits alone and in a batch of 32, whose tasks are cut in other ways, for any number of threads.
func TestPlanBatch32(t *testing.T) {
	procs(t, 5)
	for name, network := range batchNets {
		t.Run(name, func(t *testing.T) {
			const n = 32
			b := newNet(name, 4)
			b.Output("y", network(b))
			g, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			x := randomInput(g, n)
			want := runPlan(t, g, PlanOptions{MaxBatch: 1}, x, n)
			for _, threads := range []int{1, 2, 5} {
				pool := NewPool(threads)
				got := runPlan(t, g, PlanOptions{Pool: pool, MaxBatch: n}, x, n)
				pool.Close()
				if i := firstDifference(got, want); i >= 0 {
					t.Errorf("%d threads: output %d is %v in a batch of %d, alone %v", threads, i, got[i], n, want[i])
				}
			}
		})
	}
}
