package train

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/nn"
)

// numbers returns n numbers between −1.4 and 1.4, others for each first.
func numbers(n, first int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32((i*7+first)%15)/5 - 1.4
	}
	return x
}

func TestTeacherGradients(t *testing.T) {
	z := numbers(15, 0)
	for name, multi := range map[string]bool{"softmax": false, "sigmoids": true} {
		l := &lesson{Teacher: &Teacher{Weight: .7, Temperature: 3}, multi: multi, k: 3, n: 6, logits: numbers(18, 4)}
		t.Run(name, func(t *testing.T) {
			check.GradCheck(t, check.Gradient{
				Vars:    [][]float32{z},
				Forward: func() []float32 { return []float32{float32(l.softened(make([]float32, len(z)), z, 1))} },
				Backward: func(dOut []float32) [][]float32 {
					dz := make([]float32, len(z))
					l.softened(dz, z, 1)
					for i := range dz {
						dz[i] *= dOut[0]
					}
					return [][]float32{dz}
				},
			})
		})
	}
	t.Run("features", func(t *testing.T) {
		l := &lesson{Teacher: &Teacher{Features: 2, Width: 5}, n: 4, features: numbers(20, 4)}
		check.GradCheck(t, check.Gradient{
			Vars:    [][]float32{z},
			Forward: func() []float32 { return []float32{float32(l.apart(make([]float32, len(z)), z, 1))} },
			Backward: func(dOut []float32) [][]float32 {
				dp := make([]float32, len(z))
				l.apart(dp, z, 1)
				for i := range dp {
					dp[i] *= dOut[0]
				}
				return [][]float32{dp}
			},
		})
	})
}

// The terms are those of the papers: worked out by hand.
func TestTeacherLoss(t *testing.T) {
	ln := math.Log
	soft := &lesson{Teacher: &Teacher{Weight: .5, Temperature: 2}, k: 2, n: 1, logits: []float32{float32(2 * ln(3)), 0}}
	// softmax(t/2) is 3/4, 1/4; of equal logits it is 1/2, 1/2.
	want := .5 * 4 * (.75*ln(1.5) + .25*ln(.5))
	if got := soft.softened(make([]float32, 2), []float32{0, 0}, 0); math.Abs(got-want) > 1e-6 {
		t.Errorf("softmax: %v, want %v", got, want)
	}
	if got := soft.softened(make([]float32, 2), []float32{float32(2*ln(3)) + 5, 5}, 0); math.Abs(got) > 1e-6 {
		t.Errorf("the teacher's own logits, shifted: %v, want 0", got)
	}
	soft.multi = true
	want = .5 * 4 * .5 * (.75*ln(1.5) + .25*ln(.5)) // the second label's logits are both 0
	if got := soft.softened(make([]float32, 2), []float32{0, 0}, 0); math.Abs(got-want) > 1e-6 {
		t.Errorf("sigmoids: %v, want %v", got, want)
	}
	features := &lesson{Teacher: &Teacher{Features: 3, Width: 2}, n: 2, features: []float32{1, 2, 0, 0}}
	if got := features.apart(make([]float32, 4), []float32{1, 0, 1, 1}, 0); math.Abs(got-3*6./4) > 1e-6 {
		t.Errorf("features: %v, want %v", got, 3*6./4)
	}
	far := &lesson{Teacher: &Teacher{Weight: 1, Temperature: 1}, k: 2, n: 1, logits: []float32{-1e4, 1e4}}
	if got := far.softened(make([]float32, 2), []float32{-1e4, 1e4}, 0); got != 0 {
		t.Errorf("logits far out: %v, want 0", got)
	}
}

// wise returns a teacher of the labels in set, with features that tell them too.
func wise(set Set, weight, features float64) *Teacher {
	t := &Teacher{Weight: weight, Temperature: 2, Features: features, Width: 2}
	t.Run = func(_ context.Context, _ int, turns []Turn, _ []float32) (logits, f []float32, err error) {
		for _, u := range turns {
			r := u.Row
			z := make([]float32, 3)
			z[set.Labels[r][0]] = 5
			logits, f = append(logits, z...), append(f, float32(set.Labels[r][0]-1), 1)
		}
		return logits, f, nil
	}
	return t
}

// taught is a network of two layers with what a teacher needs.
func taught(t testing.TB) Network {
	net := perceptron(t)
	net.Features = Droppable(net.Graph.Nodes)[0]
	return net
}

// The whole way, from parameters through the joined outputs, in two parts.
func TestTeacherThroughTheNetwork(t *testing.T) {
	set := points(6, 1)
	o := tuneOptions().withDefaults()
	o.Teacher = wise(set, .6, 2)
	tune, err := newTuning(taught(t), set, Set{}, o, Hooks{})
	if err == nil {
		err = tune.enter(tune.net.Phases[1])
	}
	if err != nil {
		t.Fatal(err)
	}
	check.Seeded(tune.tape.Param(tune.projection.weight), "weight", 1, 0)
	turns := Turns(6)
	err = set.Load(t.Context(), 0, turns, 6, func(x, _ []float32) error {
		run := func() *batch {
			b := tune.batch(x, nil, turns)
			lesson, err := tune.lesson(t.Context(), turns, x)
			b.lesson = lesson
			for lo := 0; lo < 6 && err == nil; lo += 4 {
				err = tune.part(b, lo, min(6, lo+4))
			}
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		var vars [][]float32
		for _, p := range tune.params {
			if p.name != "w1" && p.name != "b1" { // in front of the kinks of Relu
				vars = append(vars, p.w)
			}
		}
		check.GradCheck(t, check.Gradient{Vars: vars,
			Forward: func() []float32 { b := run(); return []float32{float32(b.sum / b.total)} },
			Backward: func(dOut []float32) (grads [][]float32) {
				run()
				for _, p := range tune.params {
					if p.name == "w1" || p.name == "b1" {
						continue
					}
					g := slices.Clone(tune.tape.Grad(p.name))
					for i := range g {
						g[i] *= dOut[0]
					}
					grads = append(grads, g)
				}
				return grads
			}})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A network learns what its teacher knows, from the logits against labels that are wrong, and from the features.
func TestTuneWithTeacher(t *testing.T) {
	right, val := points(100, 1), points(30, 2)
	wrong := right
	wrong.Labels = slices.Clone(right.Labels)
	for i := range wrong.Labels {
		wrong.Labels[i] = []int{i / 3 % 3}
	}
	o := tuneOptions()
	alone, err := Tune(t.Context(), taught(t), wrong, val, o, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	o.Teacher = wise(right, 1, 0)
	r, err := Tune(t.Context(), taught(t), wrong, val, o, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	best := func(r *TuneResult) float64 { return r.History[r.BestEpoch-1].ValAccuracy }
	if best(alone) > .6 || best(r) < .8 {
		t.Errorf("accuracy %.2f with wrong labels, %.2f with a teacher that is right", best(alone), best(r))
	}
	o.Teacher = wise(right, 0, 50)
	if r, err = Tune(t.Context(), taught(t), right, val, o, Hooks{}); err != nil {
		t.Fatal(err)
	}
	// At first the projection gives zeros, and the features are 5/6 from them in the mean of squares.
	if first, last := r.History[0].TrainLoss, r.History[len(r.History)-1].TrainLoss; first > 45 || last > 6 {
		t.Errorf("the loss with features falls from %.2f to %.2f", first, last)
	}
	if len(r.Graph.Outputs[0].Shape) != 2 || r.Graph.Outputs[0].Shape[1] != 3 || r.Graph.Init["teacher.weight"] != nil {
		t.Errorf("the projection is in the result: %v", r.Graph.Outputs)
	}
}

// With a teacher too, neither threads nor parts of a batch nor stops change anything.
func TestTuneWithTeacherIsTheSame(t *testing.T) {
	set, val := points(53, 1), points(20, 2)
	run := func(ctx context.Context, change func(*TuneOptions), h Hooks) ([]float32, error) {
		o := tuneOptions()
		o.Teacher = wise(set, .5, 1)
		change(&o)
		defer o.Pool.Close()
		r, err := Tune(ctx, taught(t), set, val, o, h)
		if err != nil {
			return nil, err
		}
		return r.values(), nil
	}
	want, err := run(t.Context(), func(*TuneOptions) {}, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{1, 2, 5} {
		if got, err := run(t.Context(), func(o *TuneOptions) { o.Pool = nn.NewPool(workers) }, Hooks{}); err != nil || !slices.Equal(got, want) {
			t.Errorf("%d workers: other numbers, error %v", workers, err)
		}
	}
	parts, err := run(t.Context(), func(o *TuneOptions) { o.Micro = 3 }, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range parts {
		if math.Abs(float64(v-want[i])) > 1e-3 { // another order of sums, through 42 steps of Adam
			t.Fatalf("micro-batches: value %d is %v, want %v", i, v, want[i])
		}
	}
	dir := t.TempDir()
	for session := 1; ; session++ {
		ctx, cancel := context.WithCancel(t.Context())
		steps := 0
		got, err := run(ctx, func(o *TuneOptions) { o.Checkpoints = &Checkpoints{Dir: dir, Resume: true} }, Hooks{Step: func(int, int) {
			if steps++; steps == 10 {
				cancel()
			}
		}})
		cancel()
		if err == nil {
			if session < 3 || !slices.Equal(got, want) {
				t.Errorf("other numbers after %d sessions", session)
			}
			return
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

func TestTeacherErrors(t *testing.T) {
	set := points(20, 1)
	for want, teacher := range map[string]*Teacher{
		"teacher's weight 2":           {Weight: 2, Temperature: 1},
		"temperature 0":                {Weight: 1},
		"weight 1 of the teacher's 0":  {Features: 1, Temperature: 1},
		"there is nothing to learn":    {Temperature: 1},
		"the teacher gives 1 logits":   {Weight: 1, Temperature: 1, Run: gives([]float32{1})},
		"the teacher gives NaN, want":  {Weight: 1, Temperature: 1, Run: gives(slices.Repeat([]float32{float32(math.NaN())}, 24))},
		`value "", whose features are`: {Features: 1, Width: 2, Temperature: 1},
	} {
		o := tuneOptions()
		o.Teacher = teacher
		if _, err := Tune(t.Context(), perceptron(t), set, Set{}, o, Hooks{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// gives returns what a teacher runs that always says the same.
func gives(logits []float32) func(context.Context, int, []Turn, []float32) ([]float32, []float32, error) {
	return func(context.Context, int, []Turn, []float32) ([]float32, []float32, error) { return logits, nil, nil }
}
