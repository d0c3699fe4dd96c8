package graft

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/feature"
	"github.com/graft-ml/graft/internal/strategy"
	"github.com/graft-ml/graft/internal/train"
)

// choice is what the strategy auto compared, and took.
type choice struct {
	Folds      int     `json:"folds"`
	Candidates []trial `json:"candidates"` // in the order in which they were tried
	Untried    int     `json:"untried"`    // candidates that there was no time for
	Seconds    float64 `json:"seconds"`
}

// trial is one candidate of the strategy auto: its accuracy in cross-validation, and how much less that is than the
// chosen one's on the same pictures, each with a 95 % interval.
type trial struct {
	Name     string     `json:"name"`
	Accuracy float64    `json:"accuracy"`
	Interval [2]float64 `json:"interval"`
	Behind   [3]float64 `json:"behind"` // by how much: mean, low, high
	Seconds  float64    `json:"seconds"`
	Chosen   bool       `json:"chosen"`
}

const (
	defaultBudget = 10 * time.Minute

	// folds are five, or with many pictures, where one more says little, three.
	folds, foldsOfMany, manyForFolds = 5, 3, 3000

	// chooseShare is the part of the budget that may have passed when the last candidate is begun: the head and the
	// test come after it.
	chooseShare = 0.8
)

// openDepths opens the backbone with the features of every depth, or of those that the options name.
func (j *job) openDepths(ctx context.Context) (err error) {
	whole := j.o.Backbone
	whole.Depths = nil
	if j.whole, err = whole.load(ctx, j.o.Progress); err != nil {
		return err
	}
	all, err := j.whole.Depths()
	if err != nil {
		return err
	}
	wanted := j.o.Backbone.Depths
	if len(wanted) == 1 && wanted[0] == backbone.AllDepths {
		wanted = nil
	}
	for _, d := range all {
		if wanted == nil || slices.Contains(wanted, d.Name) {
			j.names, j.widths = append(j.names, d.Name), append(j.widths, d.Width)
		}
	}
	if wanted != nil && !slices.Equal(j.names, wanted) {
		return fmt.Errorf("backbone %s: depths %v, want some of 1 to %d in rising order", j.whole.Name, wanted, len(all))
	}
	j.base, err = j.whole.At(j.names)
	return err
}

// decide compares depths and heads by cross-validation on the pictures for training and validation, and takes the
// best for what follows.
func (j *job) decide(ctx context.Context) error {
	start := time.Now()
	p, err := j.problem()
	if err != nil {
		return err
	}
	counts := make([]int, len(j.data.Classes))
	for _, labels := range p.Data.Labels {
		for _, k := range labels {
			counts[k]++
		}
	}
	budget := j.o.Budget
	if budget == 0 {
		budget = defaultBudget
	}
	o := strategy.SearchOptions{
		Head: j.headOptions(), Fixed: !reflect.DeepEqual(j.o.Head, Head{}), Fewest: slices.Min(counts),
		Deadline: j.began.Add(time.Duration(chooseShare * float64(budget))),
		Tried: func(s strategy.Score) {
			j.note("%s: %.1f %% (%.1f – %.1f) in %d folds, %.1f s", s.Candidate.Named(j.names), 100*s.Accuracy, 100*s.Low, 100*s.High, len(p.Folds), s.Seconds)
		},
	}
	scores, left, err := strategy.Search(ctx, p, o)
	if err != nil {
		return err
	}
	best := strategy.Choose(scores)
	j.choice = j.table(scores, best)
	j.choice.Folds, j.choice.Untried, j.choice.Seconds = len(p.Folds), left, time.Since(start).Seconds()
	if left > 0 {
		j.note("%d candidates were not tried: the budget of %v is for the head and the test now", left, budget)
	}
	j.note("auto: %s", scores[best].Candidate.Named(j.names))
	return j.take(scores[best].Candidate)
}

// problem is what the candidates are compared on.
func (j *job) problem() (*strategy.Problem, error) {
	index := append(slices.Clone(j.train), j.validation...)
	slices.Sort(index)
	k := folds
	if len(index) > manyForFolds {
		k = foldsOfMany
	}
	parts, err := j.data.Folds(index, k, j.o.Seed)
	if err != nil {
		return nil, err
	}
	rows := map[int]int{}
	for row, i := range index {
		rows[i] = row
	}
	for _, fold := range parts {
		for at, i := range fold {
			fold[at] = rows[i]
		}
	}
	return &strategy.Problem{Data: j.gather(index), Widths: j.widths, Folds: parts}, nil
}

// table lists the scores as metrics.json has them.
func (j *job) table(scores []strategy.Score, best int) *choice {
	t := &choice{}
	for i, s := range scores {
		mean, low, high := strategy.Difference(scores[best], s)
		t.Candidates = append(t.Candidates, trial{Name: s.Candidate.Named(j.names), Accuracy: s.Accuracy, Interval: [2]float64{s.Low, s.High},
			Behind: [3]float64{mean, low, high}, Seconds: s.Seconds, Chosen: i == best})
	}
	return t
}

// take makes a candidate what is trained: base and features are those of its depths, and the head is its head.
func (j *job) take(c strategy.Candidate) (err error) {
	names := make([]string, len(c.Depths))
	for i, d := range c.Depths {
		names[i] = j.names[d]
	}
	if j.base, err = j.whole.At(names); err != nil {
		return err
	}
	for _, f := range append([]*features{j.feats}, j.views...) {
		f.matrix = j.narrow(f.matrix, c.Depths)
	}
	j.o.Head = headOf(j.o.Head, c.Head)
	return nil
}

// narrow returns the features of m that are of some depths.
func (j *job) narrow(m *feature.Matrix, depths []int) *feature.Matrix {
	to := feature.NewMatrix(len(m.Have), j.base.Width)
	for row, have := range m.Have {
		if to.Have[row] = have; have {
			copy(to.Row(row), strategy.Columns(m.Row(row), j.widths, depths))
		}
	}
	return to
}

// headOf is h with what a candidate's head sets.
func headOf(h Head, c train.HeadOptions) Head {
	h.Kind, h.Hidden, h.Dropout, h.Optimizer, h.WeightDecay, h.Epochs, h.Schedule = c.Kind, c.Hidden, c.Dropout, c.Optimizer, c.WeightDecay, c.Epochs, c.Schedule
	return h
}

// fitChosen fits the head that cross-validation chose on the pictures for training and validation together, for as
// long as it was tried.
func (j *job) fitChosen(ctx context.Context, o train.HeadOptions) error {
	both := append(slices.Clone(j.train), j.validation...)
	slices.Sort(both)
	o.OnlyLast = true
	head, err := train.FitHead(ctx, j.gatherViews(both), train.Data{}, o, func(e train.Epoch) { j.history = append(j.history, ownEpoch(e, false)) })
	if err != nil {
		return err
	}
	j.note("the head: %d epochs on %d pictures, loss %.4f", head.BestEpoch, len(both), head.History[len(head.History)-1].TrainLoss)
	j.head, j.best, j.refit = head, head.BestEpoch, head.BestEpoch
	return nil
}
