package nn

import (
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// wideNet has pictures large enough for both gradients of a 1×1 convolution to be computed in one step.
func wideNet(b *netBuilder) string {
	clip := func(x string) string { return b.Op("Clip", nil, x, b.scalar(0), b.scalar(1)) }
	x := b.Op("Relu", nil, b.bn(b.conv(b.Input("x", tensor.Free, 3, 33, 32), 3, 12, 3, 1, nil), 12))
	y := clip(b.bn(b.conv(x, 12, 24, 1, 1, nil), 24))
	y = clip(b.bn(b.conv(y, 24, 24, 3, 1, Attrs{"group": int64(24)}), 24))
	x = b.Op("Add", nil, x, b.bn(b.conv(y, 24, 12, 1, 1, nil), 12))
	y = clip(b.bn(b.conv(x, 12, 20, 1, 1, nil), 20))
	y = clip(b.bn(b.conv(y, 20, 20, 3, 2, Attrs{"group": int64(20)}), 20))
	x = b.bn(b.conv(y, 20, 9, 1, 1, nil), 9)
	return b.linear(b.pooled(clip(b.bn(b.conv(x, 9, 30, 1, 1, nil), 30))), 30, 10)
}

// A normalisation that is applied where it is read, and gradients that are computed together, are those by definition,
// whatever the workers, and with segments that are computed again.
func TestTapeJoined(t *testing.T) {
	b := newNet("wide", 3)
	b.Output("y", wideNet(b))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, stats := range []bool{false, true} {
		t.Run(map[bool]string{false: "frozen", true: "batch"}[stats], func(t *testing.T) { tapeJoined(t, g, stats) })
	}
}

func tapeJoined(t *testing.T, g *Graph, stats bool) {
	o := TapeOptions{Params: weightsOf(g), BatchStats: stats}
	plain := o
	plain.byDefinition = true
	want := tapeOf(t, g, o, 5, 1)
	want.close(t, tapeOf(t, g, plain, 5, 1), 3e-4)
	for _, threads := range []int{2, 5} {
		pool := NewPool(threads)
		o.Pool = pool
		tapeOf(t, g, o, 5, 1).close(t, want, 0)
		pool.Close()
	}
	tape, err := NewTape(g, o)
	if err != nil {
		t.Fatal(err)
	}
	all, err := tape.Memory(5)
	if err != nil {
		t.Fatal(err)
	}
	o.Pool, o.Memory = nil, all*9/10
	tapeOf(t, g, o, 5, 1).close(t, want, 0)
}
