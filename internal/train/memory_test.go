package train

import (
	"context"
	"fmt"
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

// What a teacher takes, and what measuring does, is in the plan and in the limit, and the error says what would do.
func TestMemoryOfTeacher(t *testing.T) {
	net, set := tower(t)
	const teacher = 5_000_000
	run := func(memory int64, with bool, val Set) (plan Outlook, err error) {
		o := TuneOptions{Classes: 2, LearningRate: 1e-3, Batch: 12, Seed: 1, Memory: memory}
		if with {
			o.Teacher = wise(set, .5, 0)
			o.Teacher.Memory = teacher
			o.Teacher.Run = func(_ context.Context, _ int, turns []Turn, _ []float32) (logits, f []float32, err error) {
				return make([]float32, 2*len(turns)), nil, nil
			}
		}
		_, err = Tune(t.Context(), net, set, val, o, Hooks{Plan: func(l Outlook) { plan = l }})
		return plan, err
	}
	alone, err := run(0, false, Set{})
	if err != nil {
		t.Fatal(err)
	}
	taught, err := run(0, true, Set{})
	if err != nil || taught.Memory != alone.Memory+teacher {
		t.Errorf("%d bytes with the teacher, error %v, want %d and %d", taught.Memory, err, alone.Memory, teacher)
	}
	if judged, err := run(0, false, set); err != nil || judged.Memory <= alone.Memory {
		t.Errorf("%d bytes with validation, error %v, want more than %d", judged.Memory, err, alone.Memory)
	}
	if plan, err := run(alone.Memory, false, Set{}); err != nil || plan.Recomputes {
		t.Errorf("within what it takes: %+v, error %v", plan, err)
	}
	if plan, err := run(taught.Memory*99/100, true, Set{}); err != nil || plan.Memory > taught.Memory*99/100 || !plan.Recomputes && plan.Micro == 12 {
		t.Errorf("with a teacher in a hundredth less: %+v, error %v", plan, err)
	}
	_, err = run(teacher, true, Set{})
	if err == nil || !strings.Contains(err.Error(), "and 5 MB are allowed") || !strings.Contains(err.Error(), "or without the teacher, which takes 5 MB") {
		t.Fatalf("in the teacher's memory alone: error %v", err)
	}
	var phase string
	var enough int64
	if _, scanErr := fmt.Sscanf(err.Error(), "train: to train %s one picture at a time, takes %d MB", &phase, &enough); scanErr != nil {
		t.Fatal(scanErr, err)
	}
	if plan, err := run(enough*1e6, true, Set{}); err != nil {
		t.Errorf("in what the error names: %+v, error %v", plan, err)
	}
}

// With little memory fewer validation inputs are measured at a time, which changes no result.
func TestMeasuredInLessMemory(t *testing.T) {
	net, set := tower(t)
	run := func(overhead, memory int64) *TuneResult {
		o := TuneOptions{Classes: 2, LearningRate: 1e-3, Batch: 4, Seed: 1, Memory: memory, Overhead: overhead}
		r, err := Tune(t.Context(), net, set, set, o, Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	want := run(0, 0)
	tune, err := newTuning(net, set, set, TuneOptions{Classes: 2, Batch: 4, Memory: 1 << 18}.withDefaults(), Hooks{})
	if err != nil || tune.judged >= mostJudged || tune.judged < 1 {
		t.Fatalf("%d inputs are measured at a time, error %v", tune.judged, err)
	}
	got := run(0, 1<<18)
	if !slices.Equal(got.values(), want.values()) || got.History[0].ValLoss != want.History[0].ValLoss {
		t.Error("another result")
	}
}
