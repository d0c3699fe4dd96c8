package train

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/nn"
)

func TestLossGradients(t *testing.T) {
	single, sets := [][]int{{0}, {2}, {1}, {2}, {0}}, [][]int{{0, 2}, {}, {1}, {0, 1, 2}, {2}}
	for _, multi := range []bool{false, true} {
		for _, smoothing := range []float64{0, 0.2} {
			for _, w := range [][]float64{{1, 1, 1}, {0.5, 2, 3}} {
				t.Run(fmt.Sprintf("multi-label %v/smoothing %v/weights %v", multi, smoothing, w), func(t *testing.T) {
					labels := single
					if multi {
						labels = sets
					}
					l := newLoss(HeadOptions{Classes: 3, MultiLabel: multi, LabelSmoothing: smoothing}, w)
					z := make([]float32, 15)
					for i := range z {
						z[i] = float32(i*7%15)/5 - 1.4
					}
					check.GradCheck(t, check.Gradient{
						Vars:    [][]float32{z},
						Forward: func() []float32 { return []float32{float32(l.sum(nil, z, labels, 0))} },
						Backward: func(dOut []float32) [][]float32 {
							dz := make([]float32, len(z))
							l.sum(dz, z, labels, float64(dOut[0]))
							return [][]float32{dz}
						},
					})
				})
			}
		}
	}
}

// Logits far out give the loss that they should, and no overflow.
func TestLossFarOut(t *testing.T) {
	dz := make([]float32, 2)
	soft := newLoss(HeadOptions{Classes: 2}, []float64{1, 1})
	if got := soft.mean(dz, []float32{-1e4, 1e4}, [][]int{{0}}); got != 2e4 || dz[0] != -1 || dz[1] != 1 {
		t.Errorf("softmax: %v, gradient %v", got, dz)
	}
	if got := soft.mean(dz, []float32{1e4, -1e4}, [][]int{{0}}); got != 0 || dz[0] != 0 || dz[1] != 0 {
		t.Errorf("softmax of the right answer: %v, gradient %v", got, dz)
	}
	sig := newLoss(HeadOptions{Classes: 2, MultiLabel: true}, []float64{1, 1})
	if got := sig.mean(dz, []float32{-1e4, 1e4}, [][]int{{0}}); got != 1e4 || dz[0] != -0.5 || dz[1] != 0.5 {
		t.Errorf("sigmoid: %v, gradient %v", got, dz)
	}
}

func testWeights(o HeadOptions, counts []int) []float64 {
	return classWeights(o, counts, o.Balance(counts).Weights)
}

func TestClassWeights(t *testing.T) {
	for _, c := range []struct {
		mode   string
		multi  bool
		counts []int
		want   []float64
	}{
		{Auto, false, []int{30, 10, 20}, []float64{1, 1, 1}}, // 3:1 is not above 3:1
		{Auto, false, []int{31, 10, 19}, []float64{60. / 93, 2, 60. / 57}},
		{None, false, []int{100, 1}, []float64{1, 1}},
		{Balanced, false, []int{20, 10}, []float64{0.75, 1.5}},
		{Balanced, false, []int{20, 0, 10}, []float64{0.75, 1, 1.5}},
		{Auto, true, []int{40, 10, 0}, []float64{1, 4, 1}},
		{Auto, true, []int{30, 10}, []float64{1, 1}},
		{Balanced, true, []int{30, 10}, []float64{1, 3}},
	} {
		got := testWeights(HeadOptions{ClassWeights: c.mode, MultiLabel: c.multi}, c.counts)
		for i, w := range c.want {
			if math.Abs(got[i]-w) > 1e-12 {
				t.Errorf("%s, multi-label %v, %v: %v, want %v", c.mode, c.multi, c.counts, got, c.want)
				break
			}
		}
	}
}

func TestScore(t *testing.T) {
	var one score
	for _, c := range []struct {
		z     []float32
		class int
	}{{[]float32{1, 2, 0}, 1}, {[]float32{1, 2, 0}, 0}, {[]float32{2, 2, 0}, 0}, {[]float32{2, 2, 0}, 1}} {
		one.addOne(c.z, c.class)
	}
	if got := one.share(); got != 0.5 {
		t.Errorf("accuracy %v, want 0.5: of equal logits the first counts", got)
	}
	var set score
	set.addSet([]float32{1, 0, -1}, []int{0, 2}) // one right, one wrong, one missed
	if got := set.share(); got != 0.5 {
		t.Errorf("micro F1 %v, want 0.5", got)
	}
	if got := (&score{}).share(); got != 1 {
		t.Errorf("nothing to say: %v, want 1", got)
	}
}

func TestSchedule(t *testing.T) {
	rates := func(o HeadOptions, epochs, steps int) (r []float64) {
		o.Epochs, o.LearningRate = epochs, 1
		s := newSchedule(o.withDefaults(), steps)
		for i := range epochs * steps {
			r = append(r, math.Round(1e4*s.at(i))/1e4)
		}
		return r
	}
	for _, c := range []struct {
		name          string
		o             HeadOptions
		epochs, steps int
		want          []float64
	}{
		{"constant", HeadOptions{}, 3, 1, []float64{1, 1, 1}},
		{"warm-up", HeadOptions{WarmupEpochs: 2}, 3, 2, []float64{0.25, 0.5, 0.75, 1, 1, 1}},
		{"step", HeadOptions{Schedule: Step}, 6, 1, []float64{1, 1, 0.1, 0.1, 0.01, 0.01}},
		{"step of one epoch", HeadOptions{Schedule: Step, StepEpochs: 1, StepFactor: 0.5}, 3, 2, []float64{1, 1, 0.5, 0.5, 0.25, 0.25}},
		{"cosine", HeadOptions{Schedule: Cosine}, 4, 1, []float64{1, 0.8536, 0.5, 0.1464}},
		{"cosine after warm-up", HeadOptions{Schedule: Cosine, WarmupEpochs: 1}, 3, 1, []float64{1, 1, 0.5}},
		{"cosine, all warm-up", HeadOptions{Schedule: Cosine, WarmupEpochs: 2}, 2, 1, []float64{0.5, 1}},
	} {
		if got := rates(c.o, c.epochs, c.steps); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestScaler(t *testing.T) {
	d := Data{D: 4, Labels: make([][]int, 4), X: []float32{
		1, 5, 1000000, 0,
		3, 5, 1000000.0625, 0,
		1, 5, 1000000, 0,
		3, 5, 1000000, 0,
	}}
	s := newScaler(d)
	out := make([]float32, 4)
	s.apply(out, d.row(1))
	// The second feature is constant, the third but for rounding, the fourth is zero.
	check.Close(t, out, []float32{1, 0, 0, 0}, check.Tolerance{})
	s.apply(out, []float32{4, 6, 0, 1})
	check.Close(t, out, []float32{2, 0, 0, 0}, check.Tolerance{})
	w, b := s.fold([]float32{1, 2, 3, 4, 5, 6, 7, 8}, []float32{10, 20})
	check.Close(t, w, []float32{1, 2, 0, 0, 0, 0, 0, 0}, check.Tolerance{})
	check.Close(t, b, []float32{8, 16}, check.Tolerance{})
}

// Soft labels that say one class each are those classes, and the loss of a blend is the blend of the losses.
func TestSoftLabels(t *testing.T) {
	for _, multi := range []bool{false, true} {
		l := newLoss(HeadOptions{Classes: 3, MultiLabel: multi, LabelSmoothing: .1}, []float64{1, 2, .5})
		z := []float32{.3, -1, 2, 0, 1, -2}
		hard, soft := make([]float32, 6), make([]float32, 6)
		labels, y := [][]int{{2}, {1}}, []float32{0, 0, 1, 0, 1, 0}
		if a, b := l.sum(hard, z, labels, .5), l.softSum(soft, z, y, .5); math.Abs(a-b) > 1e-12 {
			t.Errorf("multi %v: loss %v of soft labels, want %v", multi, b, a)
		}
		check.Close(t, soft, hard, check.Tolerance{MaxAbs: 1e-7})
		if a, b := l.total(labels), l.softTotal(y); math.Abs(a-b) > 1e-12 {
			t.Errorf("multi %v: total %v, want %v", multi, b, a)
		}
		one, two := l.softSum(nil, z[:3], []float32{0, 1, 0}, 0), l.softSum(nil, z[:3], []float32{0, 0, 1}, 0)
		if got, want := l.softSum(nil, z[:3], []float32{0, .25, .75}, 0), .25*one+.75*two; math.Abs(got-want) > 1e-6 {
			t.Errorf("multi %v: loss %v of a blend, want %v", multi, got, want)
		}
	}
}

// TestParallelSum compares with the sum of one task, for numbers of pictures around the size of a part, and finds the
// same bits for any number of workers.
func TestParallelSum(t *testing.T) {
	const classes = 3
	for _, n := range []int{1, lossRows - 1, lossRows, lossRows + 1, 5*lossRows + 7} {
		z := make([]float32, n*classes)
		check.Seeded(z, "logits", 4, -2)
		var labels [][]int
		for i := range n {
			labels = append(labels, []int{i % classes})
		}
		l := newLoss(HeadOptions{Classes: classes}, []float64{1, 2, 3})
		wantDz := make([]float32, len(z))
		want := l.sum(wantDz, z, labels, 0.5)
		var first float64
		for _, workers := range []int{1, 2, 5} {
			pool := nn.NewPool(workers)
			dz := make([]float32, len(z))
			got := l.parallelSum(pool, dz, z, labels, 0.5)
			pool.Close()
			if first == 0 {
				first = got
			}
			if got != first || math.Abs(got-want) > 1e-9*want || !slices.Equal(dz, wantDz) {
				t.Errorf("%d pictures, %d workers: %v, want %v, with one worker %v", n, workers, got, want, first)
			}
		}
	}
}
