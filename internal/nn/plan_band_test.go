package nn

import (
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// bandNets are chains of thin layers around large values.
var bandNets = map[string]func(b *netBuilder) string{
	"mobile": func(b *netBuilder) string {
		x := b.Input("x", tensor.Free, 3, 61, 58)
		x = b.relu6(b.conv(x, 3, 24, 3, 1, nil))
		x = b.conv(b.relu6(b.conv(x, 24, 24, 3, 1, Attrs{"group": int64(24)})), 24, 16, 1, 1, nil) // nothing expands
		for _, stride := range []int{1, 2} {
			y := b.relu6(b.conv(x, 16, 96, 1, 1, nil))
			y = b.conv(b.relu6(b.conv(y, 96, 96, 3, stride, Attrs{"group": int64(96)})), 96, 16, 1, 1, nil)
			if stride == 1 {
				y = b.Op("Add", nil, x, y)
			}
			x = y
		}
		return b.Op("GlobalMaxPool", nil, x)
	},
	"wide": func(b *netBuilder) string { // 5×5, dilated, padded unevenly, activations that are more than a clip
		x := b.Input("x", tensor.Free, 8, 50, 47)
		y := b.Op("HardSwish", nil, b.conv(x, 8, 72, 1, 1, nil))
		y = b.Op("HardSwish", nil, b.conv(y, 72, 72, 5, 1, Attrs{"group": int64(72), "dilations": []int64{2, 1}, "pads": []int64{3, 1, 0, 2}}))
		y = b.conv(y, 72, 9, 1, 1, nil)
		z := b.conv(y, 9, 80, 1, 1, nil)
		z = b.Op("Relu", nil, b.conv(z, 80, 80, 3, 1, Attrs{"group": int64(80)}))
		return b.Op("GlobalAveragePool", nil, b.Op("Relu", nil, b.conv(z, 80, 12, 1, 1, nil)))
	},
	"small": func(b *netBuilder) string { // pictures of which some channels fit a cache: computed in slices
		x := b.Input("x", tensor.Free, 24, 14, 13)
		y := b.relu6(b.conv(x, 24, 376, 1, 1, nil))
		y = b.relu6(b.conv(y, 376, 376, 5, 1, Attrs{"group": int64(376)}))
		x = b.Op("Add", nil, b.conv(y, 376, 24, 1, 1, nil), x)
		y = b.Op("HardSwish", nil, b.conv(x, 24, 100, 1, 1, nil)) // the last slice is narrower, the way on is not a product
		y = b.Op("HardSwish", nil, b.conv(y, 100, 100, 3, 2, Attrs{"group": int64(100), "pads": []int64{0, 1, 2, 0}}))
		y = b.Op("Mul", nil, y, b.Op("Sigmoid", nil, b.Op("GlobalAveragePool", nil, y)))
		y = b.Op("Conv", Attrs{"group": int64(30), "dilations": []int64{1, 2}}, b.conv(y, 100, 30, 1, 1, nil), b.random(1, 30, 1, 3, 2)) // no bias
		return b.Op("GlobalMaxPool", nil, b.conv(y, 30, 7, 1, 1, nil))
	},
	"shared": func(b *netBuilder) string { // what a band may not hide: a second reader, projections in a row
		x := b.Input("x", tensor.Free, 8, 50, 47)
		y := b.Op("Relu", nil, b.conv(x, 8, 72, 1, 1, nil))
		z := b.Op("Relu", nil, b.conv(y, 72, 72, 3, 1, Attrs{"group": int64(72)}))
		y = b.Op("Add", nil, b.conv(z, 72, 72, 1, 1, nil), y)
		z = b.conv(b.conv(y, 72, 72, 3, 1, Attrs{"group": int64(72)}), 72, 64, 1, 1, nil)
		z = b.conv(b.conv(z, 64, 64, 3, 1, Attrs{"group": int64(64)}), 64, 8, 1, 1, nil)
		return b.Op("GlobalAveragePool", nil, z)
	},
}

// Bands change no bit, for any number of threads and any batch.
func TestPlanBands(t *testing.T) {
	procs(t, 5)
	for name, net := range bandNets {
		t.Run(name, func(t *testing.T) {
			b := newNet(name, 1)
			b.Output("y", net(b))
			g, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			const n = 3
			x := randomInput(g, n)
			p, err := NewPlan(g, PlanOptions{})
			if err != nil {
				t.Fatal(err)
			}
			whole, _ := NewPlan(g, PlanOptions{direct: true})
			if a, b := len(p.programs[1].steps), len(whole.programs[1].steps); a >= b {
				t.Fatalf("%d steps, %d without bands", a, b)
			}
			want := runPlan(t, g, PlanOptions{direct: true}, x, n)
			for _, threads := range []int{1, 2, 5} {
				for _, batch := range []int{1, 3} {
					pool := NewPool(threads)
					got := runPlan(t, g, PlanOptions{Pool: pool, MaxBatch: batch}, x, n)
					pool.Close()
					if i := firstDifference(got, want); i >= 0 {
						t.Fatalf("%d threads, batch %d: output %d is %v, without bands %v", threads, batch, i, got[i], want[i])
					}
				}
			}
		})
	}
}
