package train

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/random"
	"github.com/graft-ml/graft/internal/tensor"
)

// tower is a network of several convolutions on pictures of 2×16×16, whose values take much more than its weights, and a
// set of pictures for it.
func tower(t *testing.T) (Network, Set) {
	t.Helper()
	b := nn.NewBuilder("tower")
	draw := func(shape ...int) *tensor.Tensor {
		s, x := random.New(uint64(shape[0])), tensor.New(tensor.Float32, shape...)
		for i := range x.F {
			x.F[i] = float32(s.Between(-.3, .3))
		}
		return x
	}
	x, in := b.Input("x", tensor.Free, 2, 16, 16), 2
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		x = b.Op("Relu", nil, b.Op("Conv", nn.Attrs{"pads": []int64{1, 1, 1, 1}}, x, b.Const(name, draw(4, in, 3, 3))))
		in = 4
	}
	x = b.Op("Flatten", nil, b.Op("GlobalAveragePool", nil, x))
	b.Output("logits", b.Op("Gemm", nil, x, b.Const("w", draw(4, 2)), b.Const("bias", draw(2))))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	set, s := Set{}, random.New(9)
	pixels := make([]float32, 24*512)
	for i := range pixels {
		pixels[i] = float32(s.Between(-1, 1) + float64(i/512%2))
	}
	for i := range 24 {
		set.Labels = append(set.Labels, []int{i % 2})
	}
	set.Load = func(_ context.Context, _ int, turns []Turn, n int, each func(x, targets []float32) error) error {
		for batch := range slices.Chunk(turns, n) {
			var x []float32
			for _, u := range batch {
				x = append(x, pixels[u.Row*512:][:512]...)
			}
			if err := each(x, nil); err != nil {
				return err
			}
		}
		return nil
	}
	return Network{Graph: g, Phases: []Phase{{"all", Parameters(g), 2}}}, set
}

// With less and less memory values are computed twice, to the same numbers; then batches in parts, to nearly the same; and
// what is too little is an error. Threads change nothing.
func TestMemory(t *testing.T) {
	net, set := tower(t)
	run := func(memory int64, workers int) ([]float32, Outlook, error) {
		o := TuneOptions{Classes: 2, LearningRate: 1e-3, Batch: 12, Seed: 1, Memory: memory, Pool: nn.NewPool(workers)}
		defer o.Pool.Close()
		var plan Outlook
		r, err := Tune(t.Context(), net, set, Set{}, o, Hooks{Plan: func(l Outlook) { plan = l }})
		if err != nil {
			return nil, plan, err
		}
		return r.values(), plan, nil
	}
	want, whole, err := run(0, 1)
	if err != nil || whole.Recomputes || whole.Micro != 12 || whole.Batch != 12 || whole.Step != 0 || whole.Params != 72+5*144+10 {
		t.Fatalf("%+v, error %v", whole, err)
	}
	seen := map[string]bool{}
	for memory := whole.Memory; ; memory = memory * 9 / 10 {
		got, plan, err := run(memory, 1)
		if err != nil {
			if !strings.Contains(err.Error(), "one picture at a time, takes ") || !strings.Contains(err.Error(), "train fewer stages") {
				t.Fatal(err)
			}
			break
		}
		if plan.Memory > memory {
			t.Errorf("%d bytes of %d", plan.Memory, memory)
		}
		other, _, err := run(memory, 5)
		if err != nil || !slices.Equal(other, got) {
			t.Errorf("%d bytes: other numbers with 5 workers, error %v", memory, err)
		}
		switch same := slices.Equal(got, want); {
		case plan.Micro == 12 && !plan.Recomputes:
			seen["whole"] = true
		case plan.Micro == 12:
			seen["recomputed"] = true
			if !same {
				t.Errorf("%d bytes: other numbers where values are computed twice", memory)
			}
		default:
			seen["in parts"] = true
			if plan.Batch != 12 || plan.Micro < 1 {
				t.Errorf("%d bytes: %+v", memory, plan)
			}
		}
	}
	if len(seen) != 3 {
		t.Errorf("of whole batches, values computed twice, and parts there was %v", seen)
	}
}
