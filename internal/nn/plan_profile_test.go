package nn

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/graft-ml/graft/internal/tensor"
)

// profiled has a step of each kind that a profile describes.
func profiled(t *testing.T) *Graph {
	t.Helper()
	b := newNet("profiled", 3)
	x := b.Input("x", tensor.Free, 3, 16, 16)
	x = b.Op("Relu", nil, b.conv(x, 3, 16, 3, 2, nil))
	y := b.relu6(b.conv(x, 16, 16, 3, 1, Attrs{"group": int64(16)}))
	y = b.conv(y, 16, 16, 1, 1, Attrs{"group": int64(2)})
	x = b.Op("Relu", nil, b.Op("Add", nil, y, x))
	x = b.Op("MaxPool", Attrs{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}}, x)
	x = b.Op("Gemm", nil, b.Op("Flatten", nil, b.Op("GlobalAveragePool", nil, x)), b.random(1, 16, 5), b.random(1, 5))
	b.Output("y", b.Op("Softmax", nil, x))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestProfileDescribesSteps(t *testing.T) {
	plan, err := NewPlan(profiled(t), PlanOptions{MaxBatch: 4})
	if err != nil {
		t.Fatal(err)
	}
	const n = 4
	src := [][]float32{randomInput(plan.base, n)}
	want, got := [][]float32{make([]float32, n*5)}, [][]float32{make([]float32, n*5)}
	if err := plan.Run(t.Context(), want, src, n); err != nil {
		t.Fatal(err)
	}
	steps, err := plan.Profile(t.Context(), got, src, n)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got[0], want[0]) {
		t.Error("a timed run gives other numbers")
	}
	if plan.frame.lap != nil {
		t.Error("later runs are timed too")
	}
	lines := []struct {
		op, geometry string
		macs, bytes  int64 // a picture; the bytes of weights are in none
	}{
		{"ToNHWC", "3x16x16", 0, 0},
		{"Conv+Relu", "3x3/2 3->16, 8x8", 64 * 16 * 27, 4 * (768 + 1024)},
		{"Conv+Clip", "3x3 depthwise 16, 8x8", 64 * 16 * 9, 4 * (1024 + 1024)},
		{"Conv+Add+Relu", "1x1 16->16 in 2 groups, 8x8", 64 * 16 * 8, 4 * (1024 + 1024 + 1024)},
		{"MaxPool", "2x2/2 16, 4x4", 0, 4 * (1024 + 256)},
		{"GlobalAveragePool", "16x1x1", 0, 4 * (256 + 16)},
		{"Gemm", "16->5", 16 * 5, 4 * (16 + 5)},
		{"Softmax", "5", 0, 4 * (5 + 5)},
	}
	if len(steps) != len(lines) {
		t.Fatalf("%d steps, want %d: %+v", len(steps), len(lines), steps)
	}
	for i, w := range lines {
		s := steps[i]
		if s.Op != w.op || s.Geometry != w.geometry || s.MACs != n*w.macs || s.Bytes < n*w.bytes || s.Time <= 0 {
			t.Errorf("step %d is %+v, want %+v for %d pictures", i, s, w, n)
		}
		if own := s.Node == ""; own != strings.HasPrefix(s.Op, "To") {
			t.Errorf("step %d, %s, is of node %q", i, s.Op, s.Node)
		}
	}
}

// A step may compute nodes that have none of their own: it then stands for them too.
func TestProfileOfSeveralNodes(t *testing.T) {
	plan, err := NewPlan(profiled(t), PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	prog, err := plan.program(1)
	if err != nil {
		t.Fatal(err)
	}
	infos, err := InferAt(plan.base, 1)
	if err != nil {
		t.Fatal(err)
	}
	apart := newDescriber(plan.fused, infos, prog.steps).all(1)
	joined := newDescriber(plan.fused, infos, slices.Delete(slices.Clone(prog.steps), 2, 3)).all(1) // without the depthwise convolution's
	got, first, second := joined[2], apart[2], apart[3]
	if got.Op != "Conv+Clip > Conv+Add+Relu" || got.Geometry != "3x3 depthwise 16, 8x8 > 1x1 16->16 in 2 groups, 8x8" || got.Node != second.Node {
		t.Errorf("described as %+v", got)
	}
	between := int64(4 * 1024) // the value that is not written and read any more
	if got.MACs != first.MACs+second.MACs || got.Bytes != first.Bytes+second.Bytes-2*between {
		t.Errorf("%d multiply-adds, %d bytes; apart %+v and %+v", got.MACs, got.Bytes, first, second)
	}
}

// The times of the steps are the time of the run: nothing is left out or counted twice. One of several attempts has
// to show it, as the machine may be busy with something else.
func TestProfileAddsUp(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	plan, err := NewPlan(profiled(t), PlanOptions{Pool: pool, MaxBatch: 8})
	if err != nil {
		t.Fatal(err)
	}
	const n = 64
	src, dst := [][]float32{randomInput(plan.base, n)}, [][]float32{make([]float32, n*5)}
	best := 0.0
	for range 50 {
		start := time.Now()
		steps, err := plan.Profile(t.Context(), dst, src, n)
		wall := time.Since(start)
		if err != nil {
			t.Fatal(err)
		}
		var sum time.Duration
		for _, s := range steps {
			sum += s.Time
		}
		if sum > wall {
			t.Fatalf("steps of %v in a run of %v", sum, wall)
		}
		if best = max(best, sum.Seconds()/wall.Seconds()); best > 0.8 {
			return
		}
	}
	t.Errorf("the steps are %.0f %% of a run at best", 100*best)
}

func TestProfileRefuses(t *testing.T) {
	plan, err := NewPlan(profiled(t), PlanOptions{MaxBatch: 4})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{-1, 0, 3, 6} {
		k := max(n, 0)
		_, err := plan.Profile(t.Context(), [][]float32{make([]float32, k*5)}, [][]float32{make([]float32, k*768)}, n)
		if err == nil || !strings.Contains(err.Error(), "profile of") {
			t.Errorf("%d pictures: %v", n, err)
		}
	}
	if _, err := plan.Profile(t.Context(), nil, nil, 4); err == nil {
		t.Error("no error without arguments")
	}
}
