package strategy

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/train"
)

// problem makes pictures of k classes with three depths of features: noise, the class with some noise, and the class
// with more. Every fold holds out a fifth.
func problem(n, k int, spread ...float64) *Problem {
	const width = 6
	p := &Problem{Folds: make([][]int, 5)}
	p.Data = train.Data{D: width * len(spread), X: make([]float32, n*width*len(spread))}
	noise := make([]float32, len(p.Data.X))
	check.Seeded(noise, "noise", 2, -1)
	centres := make([]float32, k*width)
	check.Seeded(centres, "centres", 2, -1)
	for i := range n {
		for depth, s := range spread {
			for j := range width {
				at := i*p.Data.D + depth*width + j
				p.Data.X[at] = float32(s * float64(noise[at]))
				if s < 100 {
					p.Data.X[at] += centres[i%k*width+j]
				}
			}
		}
		p.Data.Labels = append(p.Data.Labels, []int{i % k})
		p.Folds[i/k%5] = append(p.Folds[i/k%5], i)
	}
	for range spread {
		p.Widths = append(p.Widths, width)
	}
	return p
}

// TestSearch looks for the depth that tells the classes apart, which is not the last.
func TestSearch(t *testing.T) {
	p := problem(300, 4, 1000, 0.3, 2.5)
	var told int
	scores, left, err := Search(t.Context(), p, SearchOptions{Head: train.HeadOptions{Classes: 4}, Fewest: 75, Tried: func(Score) { told++ }})
	if err != nil {
		t.Fatal(err)
	}
	best := scores[Choose(scores)]
	if !slices.Equal(best.Candidate.Depths, []int{1}) || best.Accuracy < 0.95 {
		t.Errorf("took %v with accuracy %v, want the middle depth", best.Candidate, best.Accuracy)
	}
	if left != 0 || told != len(scores) {
		t.Errorf("%d candidates left, told of %d of %d", left, told, len(scores))
	}
	if !(best.Low < best.Accuracy && best.Accuracy <= best.High) {
		t.Errorf("accuracy %v outside of %v to %v", best.Accuracy, best.Low, best.High)
	}
	if _, low, _ := Difference(best, scores[0]); low <= 0 {
		t.Errorf("the last depth is not worse by more than the interval: from %v", low)
	}
}

// TestSearchKinds checks which heads are tried on what.
func TestSearchKinds(t *testing.T) {
	p := problem(60, 4, 1.2)
	few, _, err := Search(t.Context(), p, SearchOptions{Head: train.HeadOptions{Classes: 4}, Fewest: 9})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range few {
		names = append(names, s.Candidate.String())
	}
	want := []string{"depth 1, linear, L2 1e-03", "depth 1, nearest-mean", "depth 1, cosine", "depth 1, linear, L2 1e-02",
		"depth 1, linear, L2 1e-01", "depth 1, linear, L2 1e-04", "depth 1, hidden [256]"}
	if !slices.Equal(names, want) {
		t.Errorf("tried %q, want %q", names, want)
	}
	fixed, _, err := Search(t.Context(), p, SearchOptions{Head: train.HeadOptions{Classes: 4, Kind: train.CosineHead}, Fixed: true, Fewest: 9})
	if err != nil {
		t.Fatal(err)
	}
	if len(fixed) != 1 || fixed[0].Candidate.String() != "depth 1, cosine" {
		t.Errorf("with a fixed head %v", fixed)
	}
}

// TestRace drops a candidate that is clearly worse after one fold, and stops where nothing can be better.
func TestRace(t *testing.T) {
	p := problem(300, 4, 1000, 0.9)
	linear := train.HeadOptions{Classes: 4, Optimizer: train.LBFGS, WeightDecay: 1e-3}
	good, err := p.CrossValidate(t.Context(), Candidate{Depths: []int{1}, Head: linear}, nil)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := p.CrossValidate(t.Context(), Candidate{Depths: []int{0}, Head: linear}, &good)
	if err != nil {
		t.Fatal(err)
	}
	if good.Folds != 5 || bad.Folds != 1 || bad.High > good.Low {
		t.Errorf("%d folds and %d, the worse one up to %v, the better one from %v", good.Folds, bad.Folds, bad.High, good.Low)
	}
	scores, left, err := Search(t.Context(), problem(60, 3, 0.01, 0.01), SearchOptions{Head: train.HeadOptions{Classes: 3}, Fewest: 20})
	if err != nil || len(scores) != 1 || left != 0 || scores[0].Accuracy != 1 {
		t.Errorf("%d candidates on classes that lie far apart, %d left (%v), want one", len(scores), left, err)
	}
}

// TestViews learns from views that are told apart, where the pictures themselves are only judged.
func TestViews(t *testing.T) {
	p := problem(300, 4, 0.3)
	view := p.Data.X
	p.Data.X = make([]float32, len(view))
	check.Seeded(p.Data.X, "nothing", 2, -1)
	linear := Candidate{Depths: []int{0}, Head: train.HeadOptions{Classes: 4, Optimizer: train.LBFGS, WeightDecay: 1e-3}}
	without, err := p.CrossValidate(t.Context(), linear, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Data.X, p.Views = view, [][]float32{view}
	with, err := p.CrossValidate(t.Context(), linear, nil)
	if err != nil {
		t.Fatal(err)
	}
	if without.Accuracy > 0.5 || with.Accuracy < 0.9 {
		t.Errorf("accuracy %v of noise, %v with views", without.Accuracy, with.Accuracy)
	}
}

func TestSolvable(t *testing.T) {
	labels := func(all ...int) (d train.Data) {
		for _, l := range all {
			d.Labels = append(d.Labels, []int{l})
		}
		return d
	}
	for _, c := range []struct {
		name string
		p    Problem
		want bool
	}{
		{"two of each", Problem{Data: labels(0, 0, 1, 1), Folds: [][]int{{0, 2}, {1, 3}}}, true},
		{"one of each", Problem{Data: labels(0, 1), Folds: [][]int{{0}, {1}}}, false},
		{"one class left", Problem{Data: labels(0, 0, 1), Folds: [][]int{{0}, {1}, {2}}}, false},
		{"no folds", Problem{Data: labels(0, 1, 0, 1)}, false},
	} {
		if got := c.p.Solvable(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestDeadline(t *testing.T) {
	p := problem(60, 4, 1, 1)
	scores, left, err := Search(t.Context(), p, SearchOptions{Head: train.HeadOptions{Classes: 4}, Fewest: 15, Deadline: time.Now().Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if len(scores) != 1 || left == 0 {
		t.Errorf("%d candidates tried, %d left; want the first alone", len(scores), left)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Search(ctx, p, SearchOptions{Head: train.HeadOptions{Classes: 4}}); err == nil {
		t.Error("no error from a context that has ended")
	}
}

func TestChoose(t *testing.T) {
	score := func(accuracy float64, depths ...int) Score {
		return Score{Candidate: Candidate{Depths: depths}, Accuracy: accuracy}
	}
	for _, c := range []struct {
		name   string
		scores []Score
		want   int
	}{
		{"the best", []Score{score(0.8, 2), score(0.9, 1, 2), score(0.85, 1)}, 1},
		{"as good with fewer depths", []Score{score(0.8, 2), score(0.9, 1, 2), score(0.8995, 1)}, 2},
		{"as good and earlier", []Score{score(0.8995, 2), score(0.9, 1)}, 0},
		{"not as good", []Score{score(0.898, 2), score(0.9, 1, 2)}, 1},
		{"one", []Score{score(0)}, 0},
		{"not one that was given up", []Score{{Accuracy: 0.9, Folds: 1}, {Accuracy: 0.8, Folds: 5}}, 1},
	} {
		if got := Choose(c.scores); got != c.want {
			t.Errorf("%s: took %d, want %d", c.name, got, c.want)
		}
	}
}

// TestIntervals compares with values worked out by hand.
func TestIntervals(t *testing.T) {
	mean, low, high := interval([]float64{1, 1, 1, 1, 1, 1, 1, 1, 0, 0}) // Wilson's interval of 8 of 10
	if mean != 0.8 || math.Abs(low-0.4902) > 1e-4 || math.Abs(high-0.9433) > 1e-4 {
		t.Errorf("interval %v, %v – %v", mean, low, high)
	}
	a, b := Score{right: []float64{1, 1, 0, 1, 1}}, Score{right: []float64{1, 0, 0, 0, math.NaN()}}
	mean, low, high = Difference(a, b) // 0, 1, 0, 1: mean 1/2, deviation 1/2, of the mean 1/4
	if mean != 0.5 || math.Abs(low-(0.5-1.96/4)) > 1e-4 || math.Abs(high-(0.5+1.96/4)) > 1e-4 {
		t.Errorf("difference %v, %v – %v", mean, low, high)
	}
}

// TestJudge judges what was scored elsewhere, beside a score of the same rows.
func TestJudge(t *testing.T) {
	p := &Problem{Data: train.Data{Labels: [][]int{{0}, {1}, {1}, {0}}}, Folds: [][]int{{1, 3}, {0, 2}}}
	s := p.NewScore(Candidate{Name: "elsewhere"})
	s.Judge([]float32{0, 1, 0, 1}, p.Data.Labels, p.Folds[0], 2, false) // right for row 1, wrong for row 3
	if wrong, of := s.Wrong([]int{0, 1, 2, 3}); s.Accuracy != 0.5 || s.Folds != 1 || wrong != 1 || of != 2 || s.Candidate.String() != "elsewhere" {
		t.Errorf("%v: accuracy %v in %d folds, %v of %d wrong", s.Candidate, s.Accuracy, s.Folds, wrong, of)
	}
	other := Score{right: []float64{0, 1, 1, 1}}
	if mean, _, _ := Difference(other, s); mean != 0.5 {
		t.Errorf("difference %v, want that of the rows which both have", mean)
	}
}

func TestRight(t *testing.T) {
	for _, c := range []struct {
		z      []float32
		labels []int
		multi  bool
		want   float64
	}{
		{[]float32{1, 2, 0}, []int{1}, false, 1},
		{[]float32{1, 2, 0}, []int{0}, false, 0},
		{[]float32{2, 2}, []int{0}, false, 1}, // the first of equal ones counts
		{[]float32{2, 2}, []int{1}, false, 0},
		{[]float32{1, -1, 1}, []int{0, 1}, true, 0.5},
		{[]float32{-1, -1}, nil, true, 1},
		{[]float32{1, -1}, nil, true, 0},
	} {
		if got := right(c.z, c.labels, c.multi); got != c.want {
			t.Errorf("right(%v, %v, %v) = %v, want %v", c.z, c.labels, c.multi, got, c.want)
		}
	}
}

// TestFoldsAreHonest checks that a label that can only be learnt by heart is not known of pictures held out.
func TestFoldsAreHonest(t *testing.T) {
	p := problem(200, 2, 1000, 1000, 1000)
	s, err := p.CrossValidate(t.Context(), Candidate{Depths: []int{0, 1, 2}, Head: train.HeadOptions{Classes: 2, Hidden: []int{64}, Epochs: 20}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Accuracy > 0.65 || s.Accuracy < 0.35 {
		t.Errorf("accuracy %v on noise", s.Accuracy)
	}
}
