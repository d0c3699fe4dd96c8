package train

import (
	"math"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/random"
)

// Three steps as timm's Lamb does them (eps 1e-6, no limit of the gradient): a matrix that decays, and a bias.
func TestLAMB(t *testing.T) {
	op := &optimizer{rule: rule{kind: LAMB, decay: .1}}
	w := &param{w: []float32{1, -2, .5, .25}, g: make([]float32, 4), decay: true}
	b := &param{w: []float32{.1, -.3}, g: make([]float32, 2)}
	for i, want := range [][]float32{
		{.9869992, -2.0094552, .51122802, .23788553, .09000003, -.29000011},
		{.9739254, -2.0188467, .52246076, .22573224, .08024284, -.28024301},
		{.9608182, -2.0282371, .53370959, .21355420, .07108535, -.27108562},
	} {
		for k, g := range []float32{.1, .2, -.3, .4} {
			w.g[k] = g * float32(i+1)
		}
		for k, g := range []float32{.5, -.1} {
			b.g[k] = g * (1 - .3*float32(i))
		}
		op.step([]*param{w, b}, .01)
		check.Close(t, append(slices.Clone(w.w), b.w...), want, check.Tolerance{MaxAbs: 2e-6})
	}
}

// The numbers are those of torch's clip_grad_norm_: gradients of norm 13 brought to 6.5, and left alone below.
func TestClip(t *testing.T) {
	params := []*param{{g: []float32{3, 4}}, {g: []float32{12}}}
	op := &optimizer{}
	for _, most := range []float64{20, 6.5} {
		if got := op.clip(params, most); math.Abs(got-13) > 1e-9 {
			t.Errorf("norm %v, want 13", got)
		}
	}
	check.Close(t, append(slices.Clone(params[0].g), params[1].g...), []float32{1.4999999, 1.9999999, 5.9999995}, check.Tolerance{MaxAbs: 1e-6})
}

// Sums over a parameter of many chunks do not depend on the threads.
func TestOptimizerWorkers(t *testing.T) {
	run := func(pool *nn.Pool) []float32 {
		defer pool.Close()
		p := &param{name: "p", w: make([]float32, 3*chunk+17), g: make([]float32, 3*chunk+17), decay: true, scale: .5}
		op, avg := &optimizer{rule: rule{kind: LAMB, decay: .01}, pool: pool}, average{decay: .9}
		avg.include([]*param{p})
		for step := range 3 {
			s := random.New(uint64(step))
			for i := range p.g {
				p.g[i] = float32(s.Unit() - .5)
			}
			op.clip([]*param{p}, 1)
			op.step([]*param{p}, .1)
			avg.step(op, []*param{p})
		}
		return append(p.w, avg.of["p"]...)
	}
	want := run(nn.NewPool(1))
	for _, n := range []int{2, 5} {
		if !slices.Equal(run(nn.NewPool(n)), want) {
			t.Errorf("%d workers give other numbers than 1", n)
		}
	}
}

func TestAverage(t *testing.T) {
	p := &param{name: "p", w: []float32{0}}
	a := average{decay: .5}
	a.include([]*param{p})
	p.w[0] = 1
	a.include([]*param{p}) // known already
	want := 0.0
	for step := 1; step <= 10; step++ {
		a.step(&optimizer{}, []*param{p})
		keep := min(.5, float64(1+step)/float64(10+step))
		want = keep*want + 1 - keep
		check.Close(t, a.of["p"], []float32{float32(want)}, check.Tolerance{MaxAbs: 1e-6})
	}
	none := average{}
	none.include([]*param{p})
	if none.step(&optimizer{}, []*param{p}); none.of != nil {
		t.Error("an average is kept though none was asked for")
	}
}

// The rates of torch's OneCycleLR with max_lr 1 and 20 steps.
func TestOneCycle(t *testing.T) {
	want := []float64{.04, .131671843, .371671843, .668328157, .908328157, 1, .987464006, .950484632, .890916178, .811745654,
		.716943002, .611262022, .500002, .388741978, .283060998, .188258346, .109087822, .049519368, .012539994, 4e-06}
	s := schedule{kind: OneCycle, rate: 1, length: 20}
	for i, w := range want {
		if got := s.at(i); math.Abs(got-w) > 1e-6 {
			t.Errorf("step %d: rate %v, want %v", i, got, w)
		}
	}
	for length := range 5 { // schedules of hardly any steps have rates too
		for step := range 6 {
			if got := (schedule{kind: OneCycle, rate: 1, length: length}).at(step); !(got > 0 && got <= 1) {
				t.Errorf("step %d of %d: rate %v", step, length, got)
			}
		}
	}
}
