package train

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/random"
	"github.com/graft-ml/graft/internal/tensor"
)

// points is a set of n points in the plane, of three classes, seen through eight noisy numbers each.
func points(n int, seed uint64) Set {
	s := random.New(seed)
	var x []float32
	set := Set{}
	for i := range n {
		k := i % 3
		set.Labels = append(set.Labels, []int{k})
		for j := range 8 {
			x = append(x, float32(math.Sin(float64(k*8+j))+s.Between(-1, 1)))
		}
	}
	set.Load = func(ctx context.Context, epoch int, turns []Turn, n int, each func(x, targets []float32) error) error {
		for lo := 0; lo < len(turns); lo += n {
			var batch []float32
			for _, u := range turns[lo:min(len(turns), lo+n)] {
				r := u.Row
				for j, v := range x[8*r : 8*r+8] {
					noise := random.New(uint64(epoch), u.Key(uint64(r)), uint64(j))
					if epoch > 0 {
						v += float32(noise.Between(-.1, .1))
					}
					batch = append(batch, v)
				}
			}
			if err := each(batch, nil); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	return set
}

// perceptron is a network of two layers, whose second trains first.
func perceptron(t testing.TB) Network {
	t.Helper()
	b := nn.NewBuilder("perceptron")
	draw := func(seed uint64, shape ...int) *tensor.Tensor {
		s, x := random.New(seed), tensor.New(tensor.Float32, shape...)
		for i := range x.F {
			x.F[i] = float32(s.Between(-.5, .5))
		}
		return x
	}
	x := b.Op("Gemm", nil, b.Input("x", tensor.Free, 8), b.Const("w1", draw(1, 8, 6)), b.Const("b1", draw(2, 6)))
	b.Output("logits", b.Op("Gemm", nil, b.Op("Relu", nil, x), b.Const("w2", draw(3, 6, 3)), b.Const("b2", draw(4, 3))))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	all := Parameters(g)
	for i := range all[:2] {
		all[i].Scale = .5
	}
	return Network{Graph: g, Phases: []Phase{{"last", all[2:], 2}, {"all", all, 4}}}
}

func tuneOptions() TuneOptions {
	return TuneOptions{Classes: 3, LearningRate: .05, Batch: 8, Average: .9, ClipNorm: 1, Seed: 3, Patience: -1}
}

// values returns the parameters of a result, in order.
func (r *TuneResult) values() []float32 {
	var out []float32
	for _, name := range slices.Sorted(maps.Keys(r.Graph.Init)) {
		out = append(out, r.Graph.Init[name].F...)
	}
	return out
}

func TestTune(t *testing.T) {
	for _, optimizer := range []string{AdamW, Adam, SGD, LAMB} {
		t.Run(optimizer, func(t *testing.T) {
			o := tuneOptions()
			if o.Optimizer = optimizer; optimizer == SGD {
				o.Nesterov = true
			}
			net := perceptron(t)
			before := slices.Clone(net.Graph.Init["w1"].F)
			var outlooks []Outlook
			r, err := Tune(t.Context(), net, points(100, 1), points(30, 2), o, Hooks{Outlook: func(l Outlook) { outlooks = append(outlooks, l) }})
			if err != nil {
				t.Fatal(err)
			}
			if best := r.History[r.BestEpoch-1]; len(r.History) != 6 || best.ValAccuracy < .8 || best.ValLoss >= r.History[0].ValLoss {
				t.Errorf("best epoch %d of %+v", r.BestEpoch, r.History)
			}
			if len(outlooks) != 2 || outlooks[0].Params != 21 || outlooks[1].Params != 75 || outlooks[1].Steps != 13 {
				t.Errorf("outlooks %+v", outlooks)
			}
			if !slices.Equal(net.Graph.Init["w1"].F, before) {
				t.Error("the network that was given has changed")
			}
		})
	}
}

// A batch in parts is one batch, and neither threads nor checkpoints change anything.
func TestTuneIsTheSame(t *testing.T) {
	run := func(change func(*TuneOptions)) []float32 {
		o := tuneOptions()
		change(&o)
		defer o.Pool.Close()
		r, err := Tune(t.Context(), perceptron(t), points(53, 1), points(20, 2), o, Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		return r.values()
	}
	want := run(func(*TuneOptions) {})
	for name, change := range map[string]func(*TuneOptions){
		"1 worker":    func(o *TuneOptions) { o.Pool = nn.NewPool(1) },
		"2 workers":   func(o *TuneOptions) { o.Pool = nn.NewPool(2) },
		"5 workers":   func(o *TuneOptions) { o.Pool = nn.NewPool(5) },
		"checkpoints": func(o *TuneOptions) { o.Checkpoints = &Checkpoints{Dir: t.TempDir(), Every: 1} },
	} {
		if !slices.Equal(run(change), want) {
			t.Errorf("%s: other numbers", name)
		}
	}
	for i, v := range run(func(o *TuneOptions) { o.Micro = 3 }) {
		if math.Abs(float64(v-want[i])) > 1e-3 { // another order of sums, through 42 steps of Adam
			t.Fatalf("micro-batches: value %d is %v, want %v", i, v, want[i])
		}
	}
}

// errStop ends a training from within.
var errStop = errors.New("stop")

// Whichever checkpoint a training goes on from, the result is that of one that was never interrupted, also where inputs
// come again in an epoch, each time with other random numbers.
func TestResume(t *testing.T) {
	t.Run("each once", func(t *testing.T) { testResume(t, points(53, 1), tuneOptions()) })
	t.Run("rare ones again", func(t *testing.T) {
		o := tuneOptions()
		o.Sampling, o.Dropout = Balanced, .2
		testResume(t, part(points(75, 1), 3), o)
	})
}

func testResume(t *testing.T, train Set, o TuneOptions) {
	val := points(20, 2)
	whole, err := Tune(t.Context(), perceptron(t), train, val, o, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	o.Checkpoints = &Checkpoints{Dir: dir, Every: 1, Facts: map[string]string{"seed": "3"}, Resume: true, Warn: func(s string) { t.Error(s) }}
	for stop := 1; ; stop = stop*2 + 1 { // it ends after so many steps of this session
		steps, resumed := 0, 0
		ctx, cancel := context.WithCancel(t.Context())
		if stop%3 == 0 {
			o.Checkpoints.Every = 1e15 // only when it is told to end
		}
		r, err := Tune(ctx, perceptron(t), train, val, o, Hooks{
			Step: func(int, int) {
				if steps++; steps == stop {
					cancel()
				}
			},
			Resumed: func(_ string, done int) { resumed = done },
		})
		cancel()
		if stop > 1 && resumed == 0 {
			t.Fatal("it began anew")
		}
		if err == nil {
			if !slices.Equal(r.values(), whole.values()) || r.BestEpoch != whole.BestEpoch || len(r.History) != len(whole.History) {
				t.Errorf("another result: epoch %d, %+v, want %d, %+v", r.BestEpoch, r.History, whole.BestEpoch, whole.History)
			}
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) > 4 {
		t.Errorf("%d files are kept: %v", len(files), files)
	}
}

// Of damaged checkpoints the next older one is taken, down to none at all, and each is named.
func TestResumeFromDamaged(t *testing.T) {
	train, val, o := points(53, 1), points(20, 2), tuneOptions()
	whole, err := Tune(t.Context(), perceptron(t), train, val, o, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	for _, damage := range []string{"newest", "its best", "all", "leftovers"} {
		t.Run(damage, func(t *testing.T) {
			dir := t.TempDir()
			var warned []string
			o.Checkpoints = &Checkpoints{Dir: dir, Warn: func(s string) { warned = append(warned, s) }}
			epochs := 0
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := Tune(ctx, perceptron(t), train, val, o, Hooks{Saved: func() {
				if epochs++; epochs == 4 {
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			want := harm(t, dir, damage)
			o.Checkpoints.Resume = true
			r, err := Tune(t.Context(), perceptron(t), train, val, o, Hooks{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(r.values(), whole.values()) {
				t.Error("another result")
			}
			if len(warned) != want || want > 0 && !strings.Contains(warned[0], "damaged checkpoint") {
				t.Errorf("%d warnings, want %d: %v", len(warned), want, warned)
			}
		})
	}
}

// harm damages checkpoints and returns how many warnings that is worth.
func harm(t *testing.T, dir, damage string) int {
	t.Helper()
	steps, _ := filepath.Glob(filepath.Join(dir, "step-*"))
	best, _ := filepath.Glob(filepath.Join(dir, "best-*"))
	flip := func(path string) {
		b, err := os.ReadFile(path)
		if err == nil {
			b[len(b)/2] ^= 1
			err = os.WriteFile(path, b, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	switch damage {
	case "newest":
		flip(steps[len(steps)-1])
		return 1
	case "its best":
		if err := os.Remove(best[len(best)-1]); err != nil {
			t.Fatal(err)
		}
		return 1
	case "all":
		for _, path := range steps {
			flip(path)
		}
		return len(steps)
	}
	if err := os.WriteFile(filepath.Join(dir, ".graft-0.tmp"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "step-notes.txt"), []byte("a user's"), 0o666); err != nil {
		t.Fatal(err)
	}
	return 0
}

func TestResumeOfAnother(t *testing.T) {
	o := tuneOptions()
	o.Checkpoints = &Checkpoints{Dir: t.TempDir(), Facts: map[string]string{"seed": "3", "data": "photos"}}
	if _, err := Tune(t.Context(), perceptron(t), points(20, 1), Set{}, o, Hooks{}); err != nil {
		t.Fatal(err)
	}
	o.Checkpoints.Facts, o.Checkpoints.Resume = map[string]string{"seed": "4", "data": "photos"}, true
	_, err := Tune(t.Context(), perceptron(t), points(20, 1), Set{}, o, Hooks{})
	if err == nil || !strings.Contains(err.Error(), "another training: seed 3 there, 4 here") {
		t.Errorf("error %v", err)
	}
}

func TestTuneErrors(t *testing.T) {
	o := tuneOptions()
	o.Optimizer, o.Micro, o.Average, o.LabelSmoothing = "lbfgs", -1, 1, 2
	_, err := Tune(t.Context(), perceptron(t), points(20, 1), Set{}, o, Hooks{})
	for _, part := range []string{`optimizer "lbfgs" of a network`, "micro-batch -1", "average 1", "label smoothing 2"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v, want one with %q", err, part)
		}
	}
	net := perceptron(t)
	slices.Reverse(net.Phases)
	if _, err := Tune(t.Context(), net, points(20, 1), Set{}, tuneOptions(), Hooks{}); err == nil || !strings.Contains(err.Error(), "does not train all") {
		t.Errorf("phases that shrink: %v", err)
	}
	o = tuneOptions()
	o.LearningRate, o.ClipNorm, o.Optimizer = 1e30, 0, SGD
	if _, err := Tune(t.Context(), perceptron(t), points(20, 1), Set{}, o, Hooks{}); !errors.Is(err, errDiverged) {
		t.Errorf("a rate of 1e30: %v", err)
	}
	bad := points(20, 1)
	bad.Load = func(context.Context, int, []Turn, int, func(x, targets []float32) error) error { return errStop }
	if _, err := Tune(t.Context(), perceptron(t), bad, Set{}, tuneOptions(), Hooks{}); !errors.Is(err, errStop) {
		t.Errorf("inputs that cannot be loaded: %v", err)
	}
}

// A file that was cut or changed anywhere is damaged, whatever its bytes say.
func TestDamagedFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	state := tuneState{Sum: number(math.NaN()), Best: bestState{Loss: number(math.Inf(1))}, Facts: map[string]string{"a": "b"}}
	if _, err := writeArrays(path, &state, []array{{"x", []float32{1, 2, 3}}, {"empty", nil}}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var back tuneState
	arrays, _, err := readArrays(path, &back)
	if err != nil || !slices.Equal(arrays["x"], []float32{1, 2, 3}) || !math.IsNaN(float64(back.Sum)) || !math.IsInf(float64(back.Best.Loss), 1) {
		t.Fatalf("%v, %v, %+v", err, arrays, back)
	}
	check := func(name string, b []byte) {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		var damaged *DamagedError
		if _, _, err := readArrays(path, &back); !errors.As(err, &damaged) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for n := range whole {
		check(fmt.Sprintf("cut at %d", n), whole[:n])
		b := slices.Clone(whole)
		b[n] ^= 0x81
		check(fmt.Sprintf("byte %d changed", n), b)
	}
	check("longer", append(slices.Clone(whole), 0))
}
