package train

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/random"
)

// TestSampler counts what epochs draw: every class equally often but for one, and of a class every picture before one
// comes again.
func TestSampler(t *testing.T) {
	var labels [][]int
	for c, n := range []int{61, 3, 0, 14} {
		for range n {
			labels = append(labels, []int{c})
		}
	}
	o := HeadOptions{Classes: 4, Sampling: Balanced, Seed: 5}
	s, times := newSampler(labels, o), make([]int, len(labels))
	for epoch := 1; epoch <= 9; epoch++ {
		order := s.order(epoch)
		if len(order) != len(labels) {
			t.Fatalf("epoch %d has %d pictures, want %d", epoch, len(order), len(labels))
		}
		counts := make([]int, 4)
		for _, i := range order {
			counts[labels[i][0]]++
			times[i]++
		}
		if counts[0]+counts[1]+counts[3] != 78 || min(counts[0], counts[1], counts[3]) != 26 {
			t.Errorf("epoch %d draws %v of the classes, want 26 of each", epoch, counts)
		}
		for _, class := range [][]int{times[:61], times[61:64], times[64:]} {
			if least, most := slices.Min(class), slices.Max(class); most > least+1 {
				t.Errorf("epoch %d: pictures of a class were drawn %d to %d times", epoch, least, most)
			}
		}
		seen := make([]int, len(labels))
		for at, u := range s.turns(epoch) {
			if u.Row != order[at] || u.Again != seen[u.Row] {
				t.Fatalf("epoch %d: turn %d is %+v, want picture %d after %d times", epoch, at, u, order[at], seen[u.Row])
			}
			seen[u.Row]++
		}
		if !slices.Equal(order, newSampler(labels, o).order(epoch)) {
			t.Errorf("epoch %d is another when asked for again", epoch)
		}
	}
	if slices.Equal(s.order(1), s.order(2)) {
		t.Error("two epochs are alike")
	}
	for _, uneven := range []string{"", None} {
		order := newSampler(labels, HeadOptions{Classes: 4, Sampling: uneven, Seed: 5}).order(2)
		if !slices.Equal(order, shuffled(78, 5, 2)) {
			t.Errorf("sampling %q: %v, want every picture once", uneven, order)
		}
	}
}

func TestBalance(t *testing.T) {
	for _, c := range []struct {
		o      HeadOptions
		counts []int
		want   Balance
	}{
		{HeadOptions{}, []int{30, 10, 0}, Balance{Most: 30, Least: 10}},
		{HeadOptions{}, []int{31, 10, 0}, Balance{Most: 31, Least: 10, Weights: true}},
		{HeadOptions{Sampling: Auto}, []int{31, 10}, Balance{Most: 31, Least: 10, Sampling: true}},
		{HeadOptions{Sampling: Auto}, []int{30, 10}, Balance{Most: 30, Least: 10}},
		{HeadOptions{Sampling: Balanced, ClassWeights: Auto}, []int{100, 10}, Balance{Most: 100, Least: 10, Sampling: true}},
		{HeadOptions{Sampling: Auto, ClassWeights: Balanced}, []int{30, 10}, Balance{Most: 30, Least: 10, Weights: true}},
		{HeadOptions{ClassWeights: None}, []int{100, 10}, Balance{Most: 100, Least: 10}},
	} {
		if got := c.o.Balance(c.counts); got != c.want {
			t.Errorf("%+v of %v: %+v, want %+v", c.o, c.counts, got, c.want)
		}
	}
	for _, c := range []struct {
		o    HeadOptions
		want string
	}{
		{HeadOptions{Classes: 2, Sampling: "often"}, `sampling "often", want one of auto, none, balanced`},
		{HeadOptions{Classes: 2, Sampling: Balanced, MultiLabel: true}, "for several labels a picture"},
		{HeadOptions{Classes: 2, Sampling: Auto, Optimizer: LBFGS}, "not trained by steps"},
		{HeadOptions{Classes: 2, Sampling: Auto, Kind: CosineHead}, "not trained by steps"},
		{HeadOptions{Classes: 2, Sampling: Balanced, ClassWeights: Balanced}, "want one of the two"},
	} {
		if err := c.o.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.o, err, c.want)
		}
	}
}

// rare keeps one picture of 20 of the last class.
func rare(labels [][]int, classes int) []int {
	var rows []int
	seen := 0
	for i, l := range labels {
		if l[0] == classes-1 {
			if seen++; seen%20 != 1 {
				continue
			}
		}
		rows = append(rows, i)
	}
	return rows
}

// recallOf returns the share of pictures of the last class whose largest logit is theirs.
func recallOf(t *testing.T, g *nn.Graph, x []float32, labels [][]int, classes int) float64 {
	t.Helper()
	plan, err := nn.NewPlan(g, nn.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	z := make([]float32, len(labels)*classes)
	if err := plan.Run(t.Context(), [][]float32{z}, [][]float32{x}, len(labels)); err != nil {
		t.Fatal(err)
	}
	var s score
	for i, l := range labels {
		if l[0] == classes-1 {
			s.addOne(z[i*classes:(i+1)*classes], l[0])
		}
	}
	return s.share()
}

// TestRareClassOfHead checks that both ways of balancing find more of a class that is 20 times rarer than the others.
func TestRareClassOfHead(t *testing.T) {
	full, test := overlapping(3000, 1), overlapping(3000, 2)
	train := Data{D: full.D}
	for _, i := range rare(full.Labels, 3) {
		train.X, train.Labels = append(train.X, full.row(i)...), append(train.Labels, full.Labels[i])
	}
	recall := func(o HeadOptions) float64 {
		o.Classes, o.Epochs, o.LearningRate = 3, 10, 0.01
		r, err := FitHead(t.Context(), train, Data{}, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		return recallOf(t, r.Head, test.X, test.Labels, 3)
	}
	plain := recall(HeadOptions{ClassWeights: None})
	for name, o := range map[string]HeadOptions{"weights": {}, "sampling": {Sampling: Balanced}, "sampling above a ratio": {Sampling: Auto}} {
		if got := recall(o); got < plain+0.2 || got < 0.6 {
			t.Errorf("%s: recall %.2f of the rare class, %.2f without", name, got, plain)
		}
	}
}

// overlapping is n pictures of three classes whose clouds overlap.
func overlapping(n int, seed uint64) Data {
	s, d := random.New(seed), Data{D: 3}
	for i := range n {
		d.Labels = append(d.Labels, []int{i % 3})
		for k := range d.D {
			v := s.Between(-1, 1) + s.Between(-1, 1)
			if k == i%3 {
				v += 1.5
			}
			d.X = append(d.X, float32(v))
		}
	}
	return d
}

// part is a set of so many classes without most pictures of the last.
func part(full Set, classes int) Set {
	rows, set := rare(full.Labels, classes), Set{}
	for _, i := range rows {
		set.Labels = append(set.Labels, full.Labels[i])
	}
	set.Load = func(ctx context.Context, epoch int, turns []Turn, n int, each func(x, targets []float32) error) error {
		inner := make([]Turn, len(turns))
		for k, u := range turns {
			inner[k] = Turn{rows[u.Row], u.Again}
		}
		return full.Load(ctx, epoch, inner, n, each)
	}
	return set
}

// TestRareClassOfNetwork is TestRareClassOfHead for the training of a network.
func TestRareClassOfNetwork(t *testing.T) {
	test := points(300, 9)
	var x []float32
	if err := test.Load(t.Context(), 0, Turns(300), 300, func(batch, _ []float32) error { x = append(x, batch...); return nil }); err != nil {
		t.Fatal(err)
	}
	recall := func(o TuneOptions) float64 {
		set := part(points(600, 4), 3)
		o.Classes, o.Seed, o.LearningRate = 3, 3, 0.01
		r, err := Tune(t.Context(), perceptron(t), set, Set{}, o, Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		return recallOf(t, r.Graph, x, test.Labels, 3)
	}
	plain := recall(TuneOptions{ClassWeights: None})
	for name, o := range map[string]TuneOptions{"weights": {}, "sampling": {Sampling: Balanced}} {
		if got := recall(o); got < plain+0.2 {
			t.Errorf("%s: recall %.2f of the rare class, %.2f without", name, got, plain)
		}
	}
}
