package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// blobs returns n pictures of classes that lie around centres of their own, the features of very different
// sizes and offsets. What is drawn depends on seed, the centres do not.
func blobs(n, width, classes int, seed uint64) Data {
	centres := rand.New(rand.NewPCG(1, 1))
	mid := make([]float32, classes*width)
	for i := range mid {
		mid[i] = 2 * float32(centres.NormFloat64())
	}
	rng := rand.New(rand.NewPCG(2, seed))
	d := Data{D: width}
	for i := range n {
		c := i % classes
		for k := range width {
			v := mid[c*width+k] + float32(rng.NormFloat64())
			d.X = append(d.X, float32(1+k%5)*(v+float32(k%3)))
		}
		d.Labels = append(d.Labels, []int{c})
		d.Keys = append(d.Keys, rng.Uint64())
	}
	return d
}

// tags is blobs for multi-label: the label of a class is on where the sum of some features is positive.
func tags(n, width, classes int, seed uint64) Data {
	d := blobs(n, width, classes, seed)
	for i := range n {
		d.Labels[i] = nil
		for c := range classes {
			x := d.row(i)
			if x[c%width]/float32(1+c%width%5)+x[(c+1)%width]/float32(1+(c+1)%width%5) > float32(c%width%3+(c+1)%width%3) {
				d.Labels[i] = append(d.Labels[i], c)
			}
		}
	}
	return d
}

// Every kind of head learns what can be learnt.
func TestFitHead(t *testing.T) {
	single, multi := blobs(480, 8, 4, 1), tags(200, 6, 3, 1)
	singleVal, multiVal := blobs(60, 8, 4, 2), tags(60, 6, 3, 2)
	for _, c := range []struct {
		name  string
		o     HeadOptions
		least float64 // accuracy on validation
	}{
		{"defaults", HeadOptions{}, 0.9},
		{"adamw", HeadOptions{Optimizer: AdamW, WeightDecay: 0.01, LearningRate: 0.01}, 0.9},
		{"sgd nesterov cosine", HeadOptions{Optimizer: SGD, Momentum: 0.9, Nesterov: true, Schedule: Cosine, WarmupEpochs: 2}, 0.9},
		{"step", HeadOptions{LearningRate: 0.01, Schedule: Step}, 0.9},
		{"lbfgs", HeadOptions{Optimizer: LBFGS, WeightDecay: 0.01}, 0.9},
		{"hidden relu dropout", HeadOptions{Hidden: []int{16}, Dropout: 0.2, LearningRate: 0.01}, 0.9},
		{"hidden gelu", HeadOptions{Hidden: []int{16, 8}, Activation: GELU, LearningRate: 0.01}, 0.9},
		{"linear dropout", HeadOptions{Dropout: 0.3, LearningRate: 0.01}, 0.9},
		{"smoothing", HeadOptions{LabelSmoothing: 0.1, LearningRate: 0.01}, 0.9},
		{"balanced", HeadOptions{ClassWeights: Balanced, LearningRate: 0.01}, 0.9},
		{"as they are", HeadOptions{NoStandardise: true, LearningRate: 0.01}, 0.9},
		{"multi-label", HeadOptions{MultiLabel: true, LearningRate: 0.05}, 0.9},
		{"multi-label lbfgs", HeadOptions{MultiLabel: true, Optimizer: LBFGS, WeightDecay: 1e-3}, 0.9},
		{"multi-label hidden", HeadOptions{MultiLabel: true, Hidden: []int{16}, LabelSmoothing: 0.05, LearningRate: 0.01}, 0.9},
	} {
		t.Run(c.name, func(t *testing.T) {
			train, val := single, singleVal
			if c.o.Classes = 4; c.o.MultiLabel {
				train, val, c.o.Classes = multi, multiVal, 3
			}
			var told []Epoch
			r, err := FitHead(t.Context(), train, val, c.o, func(e Epoch) { told = append(told, e) })
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(told, r.History) {
				t.Error("the epochs told differ from the history")
			}
			best := r.History[r.BestEpoch-1]
			if best.ValAccuracy < c.least || best.TrainAccuracy < c.least {
				t.Errorf("accuracy %.3f, on validation %.3f, want %.2f", best.TrainAccuracy, best.ValAccuracy, c.least)
			}
			for _, e := range r.History {
				if e.ValLoss < best.ValLoss {
					t.Errorf("epoch %d has validation loss %v, the best one, %d, has %v", e.Epoch, e.ValLoss, r.BestEpoch, best.ValLoss)
				}
			}
			checkHead(t, r, val, c.o, best)
		})
	}
}

// checkHead checks that r.Head is that of the best epoch, has its interface, and is without dropout.
func checkHead(t *testing.T, r *Result, val Data, o HeadOptions, best Epoch) {
	t.Helper()
	in, out := r.Head.Inputs[0], r.Head.Outputs[0]
	if in.Name != Features || !in.Shape.Equal(tensor.Shape{tensor.Free, val.D}) || out.Name != Logits || !out.Shape.Equal(tensor.Shape{tensor.Free, o.Classes}) {
		t.Errorf("head from %v to %v", in, out)
	}
	for _, n := range r.Head.Nodes {
		if n.Op == "Dropout" {
			t.Error("the head that predicts has a dropout")
		}
	}
	if o.LabelSmoothing > 0 || o.MultiLabel {
		return
	}
	// The classes are of one size here, so the loss is the plain mean of −log p.
	z, err := nn.Eval(t.Context(), r.Head, map[string]*tensor.Tensor{Features: tensor.FromFloats(val.X, val.N(), val.D)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, y := range val.Labels {
		zi, norm := z[0].F[i*o.Classes:(i+1)*o.Classes], 0.0
		for _, v := range zi {
			norm += math.Exp(float64(v))
		}
		sum += math.Log(norm) - float64(zi[y[0]])
	}
	if got := sum / float64(val.N()); math.Abs(got-best.ValLoss) > 1e-5 {
		t.Errorf("the head's validation loss is %v, the best epoch's %v", got, best.ValLoss)
	}
}

// bytesOf lists everything that a fit led to, bit by bit, without its times.
func bytesOf(t *testing.T, r *Result) string {
	t.Helper()
	var b strings.Builder
	for _, e := range r.History {
		fmt.Fprintf(&b, "%d %x %x %x %x %x\n", e.Epoch, e.TrainLoss, e.TrainAccuracy, e.ValLoss, e.ValAccuracy, e.LearningRate)
	}
	for i := 0; r.Head.Init[weightName(i)] != nil; i++ {
		fmt.Fprintf(&b, "%x %x\n", r.Head.Init[weightName(i)].F, r.Head.Init[biasName(i)].F)
	}
	return b.String()
}

// The same options and seed give the same bits, again and for any number of threads; another seed does not.
func TestReproducible(t *testing.T) {
	// Large enough for several tasks in products, optimiser and measuring.
	train, val := blobs(600, 300, 40, 1), blobs(80, 300, 40, 2)
	for _, o := range []HeadOptions{
		{Dropout: 0.2, Batch: 100, Epochs: 2},
		{Hidden: []int{70}, Dropout: 0.2, Epochs: 1},
		{Optimizer: LBFGS, Epochs: 2},
	} {
		o.Classes, o.Seed = 40, 7
		want := ""
		for _, threads := range []int{1, 1, 2, 5} {
			o.Pool = nn.NewPool(threads)
			r, err := FitHead(t.Context(), train, val, o, nil)
			o.Pool.Close()
			if err != nil {
				t.Fatal(err)
			}
			got := bytesOf(t, r)
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s %v: %d threads give other bits", o.Optimizer, o.Hidden, threads)
			}
		}
		if o.Optimizer == LBFGS {
			continue // it has nothing random in it
		}
		o.Pool, o.Seed = nil, 8
		r, err := FitHead(t.Context(), train, val, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		if bytesOf(t, r) == want {
			t.Errorf("%s %v: another seed gives the same bits", o.Optimizer, o.Hidden)
		}
	}
}

func TestEarlyStopping(t *testing.T) {
	train, val := blobs(40, 8, 4, 1), blobs(40, 8, 4, 2)
	for i := range val.Labels { // the more is learnt, the worse: validation is best at the start
		val.Labels[i] = []int{(val.Labels[i][0] + 1) % 4}
	}
	o := HeadOptions{Classes: 4, LearningRate: 0.05, Epochs: 12, Patience: 3}
	r, err := FitHead(t.Context(), train, val, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.BestEpoch != 1 || len(r.History) != 4 {
		t.Errorf("best epoch %d of %d, want 1 of 4", r.BestEpoch, len(r.History))
	}
	o.Patience = -1
	all, err := FitHead(t.Context(), train, val, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if all.BestEpoch != 1 || len(all.History) != 12 {
		t.Errorf("without patience: best epoch %d of %d, want 1 of 12", all.BestEpoch, len(all.History))
	}
	check.Close(t, all.Head.Init[weightName(0)].F, r.Head.Init[weightName(0)].F, check.Tolerance{})
	none, err := FitHead(t.Context(), train, Data{}, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if e := none.History[11]; none.BestEpoch != 12 || !math.IsNaN(e.ValLoss) || !math.IsNaN(e.ValAccuracy) {
		t.Errorf("without validation: best epoch %d, last %+v", none.BestEpoch, e)
	}
}

// A refit with fewer epochs goes the way of the longer run, if the schedule is laid out for that.
func TestHorizon(t *testing.T) {
	d := blobs(40, 8, 4, 1)
	o := HeadOptions{Classes: 4, Schedule: Cosine, Epochs: 6}
	long, err := FitHead(t.Context(), d, Data{}, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Epochs, o.Horizon = 3, 6
	short, err := FitHead(t.Context(), d, Data{}, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := long.History[2], short.History[2]; a.TrainLoss != b.TrainLoss || a.LearningRate != b.LearningRate {
		t.Errorf("epoch 3 of 6: %+v, epoch 3 of 3: %+v", a, b)
	}
}

// The folded head does on features what the trained one does on standardised features. Both round each of 300
// terms; offsets a thousand times the deviation make it harder than real features do.
func TestFolding(t *testing.T) {
	d := blobs(50, 300, 4, 1)
	for i := range d.X {
		if i%d.D%7 == 0 {
			d.X[i] = d.X[i]/10 + 100
		}
	}
	f, err := newFit(d, Data{}, HeadOptions{Classes: 4}.withDefaults(), nil)
	if err != nil {
		t.Fatal(err)
	}
	f.gather(Turns(d.N()), nil)
	want, err := f.tape.Forward(d.N(), [][]float32{f.x}, nil)
	if err != nil {
		t.Fatal(err)
	}
	head, err := f.folded()
	if err != nil {
		t.Fatal(err)
	}
	got, err := nn.Eval(t.Context(), head, map[string]*tensor.Tensor{Features: tensor.FromFloats(d.X, d.N(), d.D)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	check.Close(t, got[0].F, want, check.Tolerance{MaxAbs: 1e-3, NMSE: 1e-8})
}

func TestCancel(t *testing.T) {
	d := blobs(64, 8, 4, 1)
	for _, optimizer := range []string{Adam, LBFGS} {
		ctx, cancel := context.WithCancel(t.Context())
		epochs := 0
		_, err := FitHead(ctx, d, d, HeadOptions{Classes: 4, Optimizer: optimizer}, func(Epoch) {
			if epochs++; epochs == 2 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || epochs != 2 {
			t.Errorf("%s: error %v after %d epochs, want cancelled after 2", optimizer, err, epochs)
		}
	}
}

func TestDivergence(t *testing.T) {
	d := blobs(64, 8, 4, 1)
	for _, o := range []HeadOptions{
		{Optimizer: SGD, Momentum: 0.9, LearningRate: 1e38},
		{Optimizer: SGD, Hidden: []int{8}, LearningRate: 1e20},
	} {
		o.Classes = 4
		_, err := FitHead(t.Context(), d, d, o, nil)
		if !errors.Is(err, errDiverged) || !strings.Contains(err.Error(), "try a rate of") {
			t.Errorf("error %v, want one about divergence", err)
		}
	}
}

func TestBadInput(t *testing.T) {
	good := func() (Data, Data, HeadOptions) {
		return blobs(8, 3, 4, 1), blobs(4, 3, 4, 2), HeadOptions{Classes: 4, Epochs: 1}
	}
	for _, c := range []struct {
		name string
		harm func(train, val *Data, o *HeadOptions)
		want string
	}{
		{"empty", func(d, _ *Data, _ *HeadOptions) { *d = Data{} }, "no training data"},
		{"nan", func(d, _ *Data, _ *HeadOptions) { d.X[7] = float32(math.NaN()) }, "training data: picture 2: feature 1 is NaN"},
		{"infinite in validation", func(_, d *Data, _ *HeadOptions) { d.X[0] = float32(math.Inf(1)) }, "validation data: picture 0: feature 0 is +Inf"},
		{"one class", func(d, _ *Data, _ *HeadOptions) {
			for i := range d.Labels {
				d.Labels[i] = []int{2}
			}
		}, "all pictures are of class 2"},
		{"class out of range", func(d, _ *Data, _ *HeadOptions) { d.Labels[1] = []int{4} }, "picture 1: class 4, want 0 to 3"},
		{"two labels", func(d, _ *Data, _ *HeadOptions) { d.Labels[1] = []int{0, 1} }, "picture 1 has 2 labels"},
		{"label twice", func(d, _ *Data, o *HeadOptions) { d.Labels[1], o.MultiLabel = []int{1, 1}, true }, "class 1 twice"},
		{"no labels at all", func(d, _ *Data, o *HeadOptions) { d.Labels, o.MultiLabel = make([][]int, 8), true }, "no picture has a label"},
		{"short", func(d, _ *Data, _ *HeadOptions) { d.X = d.X[:20] }, "20 numbers for 8 pictures of 3 features"},
		{"keys", func(d, _ *Data, _ *HeadOptions) { d.Keys = d.Keys[:2] }, "2 keys for 8 pictures"},
		{"no width", func(d, _ *Data, _ *HeadOptions) { d.D = 0 }, "0 features a picture"},
		{"widths differ", func(_, d *Data, _ *HeadOptions) { d.D = 2 }, "validation data: 2 features a picture, want 3"},
		{"huge layer", func(_, _ *Data, o *HeadOptions) { o.Hidden = []int{1 << 40} }, "at most"},
		{"options", func(_, _ *Data, o *HeadOptions) {
			*o = HeadOptions{Classes: 1, Dropout: 1, Optimizer: "adagrad", LearningRate: -1, Epochs: -2, Hidden: []int{0}, Nesterov: true}
		}, `1 classes, want at least 2; hidden layer 1 of width 0, want at least 1; dropout 1, want at least 0 and under 1; ` +
			`optimizer "adagrad", want one of adam, adamw, lamb, sgd, lbfgs; learning rate -1, want a positive number; nesterov without momentum; epochs -2`},
		{"lbfgs with hidden layers", func(_, _ *Data, o *HeadOptions) { o.Optimizer, o.Hidden = LBFGS, []int{3} }, "want a linear head"},
		{"nan rate", func(_, _ *Data, o *HeadOptions) { o.LearningRate = math.NaN() }, "learning rate NaN"},
	} {
		train, val, o := good()
		c.harm(&train, &val, &o)
		if _, err := FitHead(t.Context(), train, val, o, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// L-BFGS ends where the gradient of its objective is zero.
func TestLBFGSConverges(t *testing.T) {
	d := blobs(80, 6, 3, 1)
	o := HeadOptions{Classes: 3, Optimizer: LBFGS, WeightDecay: 0.01, Epochs: 200}.withDefaults()
	f, err := newFit(d, Data{}, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.minimise(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(f.result.History); n >= 200 {
		t.Errorf("no end after %d iterations", n)
	}
	m := newMinimiser(t.Context(), f)
	var x []float64
	for _, v := range append(slices.Clone(f.layers[0].w), f.layers[0].b...) {
		x = append(x, float64(v))
	}
	m.evaluate(x)
	for i, v := range m.slope {
		// The mean loss is about 0.1; it has settled to a millionth of itself.
		if math.Abs(v) > 1e-3 {
			t.Errorf("slope %d is %v", i, v)
		}
	}
}

// BenchmarkFitHead is the head of a hundred classes on MobileNetV2's features of Caltech-101, in size.
func BenchmarkFitHead(b *testing.B) {
	train, val := blobs(5594, 1280, 101, 1), blobs(621, 1280, 101, 2)
	pool := nn.NewPool(0)
	defer pool.Close()
	for b.Loop() {
		_, err := FitHead(b.Context(), train, val, HeadOptions{Classes: 101, Epochs: 5, Pool: pool}, nil)
		if err != nil {
			b.Fatal(err)
		}
	}
}

// Hidden weights fill the range that keeps the size of signals; those of the logits are zero.
func TestInitialWeights(t *testing.T) {
	layers, err := newLayers(50, HeadOptions{Classes: 3, Hidden: []int{40, 20}, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, in := range []int{50, 40, 20} {
		top, square := 0.0, 0.0
		for _, v := range layers[i].w {
			top, square = max(top, math.Abs(float64(v))), square+float64(v)*float64(v)
		}
		limit := math.Sqrt(6 / float64(in))
		if i == 2 {
			limit = 0
		}
		// The mean square of a flat distribution is a third of its limit's; 800 draws come within a tenth.
		if mean := square / float64(len(layers[i].w)); top > limit || math.Abs(mean-limit*limit/3) > limit*limit/30 {
			t.Errorf("layer %d: weights up to %v, mean square %v, limit %v", i, top, mean, limit)
		}
	}
}

// OnlyLast gives the head that the last epoch would give anyhow, and one row of history.
func TestOnlyLast(t *testing.T) {
	d := blobs(90, 5, 3, 1)
	for _, optimizer := range []string{Adam, LBFGS} {
		o := HeadOptions{Classes: 3, Optimizer: optimizer, Epochs: 6, WeightDecay: 1e-3}
		all, err := FitHead(t.Context(), d, Data{}, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		o.OnlyLast = true
		last, err := FitHead(t.Context(), d, Data{}, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(last.History) != 1 || last.BestEpoch != 6 || last.History[0].Epoch != 6 || last.History[0].TrainLoss != all.History[5].TrainLoss {
			t.Errorf("%s: history %v, best %d, want the last row of %v", optimizer, last.History, last.BestEpoch, all.History)
		}
		if !slices.Equal(last.Head.Init[weightName(0)].F, all.Head.Init[weightName(0)].F) {
			t.Errorf("%s: another head", optimizer)
		}
	}
}
