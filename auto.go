package graft

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/feature"
	"github.com/graft-ml/graft/internal/strategy"
	"github.com/graft-ml/graft/internal/train"
)

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
	if !p.Solvable() {
		return j.fallBack(p)
	}
	o := strategy.SearchOptions{
		Head: j.headOptions(), Fixed: !reflect.DeepEqual(j.o.Head, Head{}), Fewest: fewest(p),
		Deadline: j.began.Add(time.Duration(chooseShare * float64(j.budget()))),
		Tried: func(s strategy.Score) {
			j.note("%s: %.1f %% (%.1f – %.1f) in %d of %d folds, %.1f s", s.Candidate.Named(j.names), 100*s.Accuracy, 100*s.Low, 100*s.High, s.Folds, len(p.Folds), s.Seconds)
		},
	}
	scores, left, err := strategy.Search(ctx, p, o)
	if err != nil {
		return err
	}
	best := strategy.Choose(scores)
	tuned, row, err := j.askTuning(ctx, p, &scores, &best)
	if err != nil {
		return err
	}
	j.choice = j.table(scores, best, row)
	j.choice.Pictures, j.choice.Folds, j.choice.Untried = p.Data.N(), len(p.Folds), left
	j.choice.Seconds = time.Since(start).Seconds()
	if left > 0 {
		j.note("%d candidates were not tried: the budget of %v is for the head and the test now", left, j.budget())
	}
	j.note("auto: %s", scores[best].Candidate.Named(j.names))
	if tuned {
		j.useLast(p)
		return nil
	}
	return j.take(scores[best].Candidate)
}

// askTuning adds the score of training the last stages, where that was tried, and makes it the best if it is better
// than the best head by more than the interval. Where it was not tried it returns the row that says why. Options that
// narrow the choice leave it out.
func (j *job) askTuning(ctx context.Context, p *strategy.Problem, scores *[]strategy.Score, best *int) (tuned bool, row *Trial, err error) {
	if !j.o.plain() || len(j.o.Backbone.Depths) > 0 {
		return false, nil, nil
	}
	score, trial, err := j.tryTuning(ctx, p, (*scores)[*best])
	if score == nil || err != nil {
		return false, &trial, err
	}
	mean, low, high := strategy.Difference(*score, (*scores)[*best])
	j.note("%s: %.1f %% on one fold, better than the best head there by %.1f points (%.1f – %.1f)", score.Candidate, 100*score.Accuracy, 100*mean, 100*low, 100*high)
	*scores = append(*scores, *score)
	if low > 0 {
		*best = len(*scores) - 1
	}
	return low > 0, nil, nil
}

// budget is the time that auto has.
func (j *job) budget() time.Duration { return cmp.Or(j.o.Budget, defaultBudget) }

// fewest returns the number of pictures of the rarest class.
func fewest(p *strategy.Problem) int {
	counts := map[int]int{}
	for _, labels := range p.Data.Labels {
		for _, k := range labels {
			counts[k]++
		}
	}
	return slices.Min(slices.Collect(maps.Values(counts)))
}

// fallBack takes what is tried first where there are too few pictures to compare anything by.
func (j *job) fallBack(p *strategy.Problem) error {
	c := strategy.First(p, strategy.SearchOptions{Head: j.headOptions(), Fixed: !reflect.DeepEqual(j.o.Head, Head{})})
	name := c.Named(j.names)
	reason := fmt.Sprintf("%d pictures are too few to hold some out and still learn two classes from the rest", p.Data.N())
	j.note("auto compares nothing: %s; it takes %s", reason, name)
	j.choice = &Choice{Pictures: p.Data.N(), Candidates: []Trial{{Name: name, Strategy: strategyFrozen, Reason: reason, Chosen: true}}}
	return j.take(c)
}

// problem is what the candidates are compared on. It has no folds where there are too few pictures.
func (j *job) problem() (*strategy.Problem, error) {
	index := append(slices.Clone(j.train), j.validation...)
	slices.Sort(index)
	rows, different := map[int]int{}, map[[32]byte]bool{}
	for row, i := range index {
		rows[i] = row
		different[j.data.Samples[i].SHA256] = true
	}
	p := &strategy.Problem{Data: j.gather(index), Widths: j.widths}
	for _, v := range j.views {
		var x []float32
		for _, i := range index {
			x = append(x, v.row(i)...)
		}
		p.Views = append(p.Views, x)
	}
	k := folds
	if len(index) > manyForFolds {
		k = foldsOfMany
	}
	if k = min(k, len(different)); k < 2 {
		return p, nil
	}
	var err error
	if p.Folds, err = j.data.Folds(index, k, j.o.Seed); err != nil {
		return nil, err
	}
	for _, fold := range p.Folds {
		for at, i := range fold {
			fold[at] = rows[i]
		}
	}
	return p, nil
}

// table lists the scores, and the row of what was not tried.
func (j *job) table(scores []strategy.Score, best int, untried *Trial) *Choice {
	t := &Choice{}
	for i, s := range scores {
		mean, low, high := strategy.Difference(scores[best], s)
		row := Trial{Name: s.Candidate.Named(j.names), Strategy: strategyFrozen, Accuracy: s.Accuracy, Interval: [2]float64{s.Low, s.High},
			Behind: [3]float64{mean, low, high}, Folds: s.Folds, Seconds: s.Seconds, Chosen: i == best}
		if s.Candidate.Name != "" {
			row.Strategy = strategyPartial
		}
		t.Candidates = append(t.Candidates, row)
	}
	if untried != nil {
		t.Candidates = append(t.Candidates, *untried)
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

// narrow returns the features of m, which has all depths, that are of some of them.
func (j *job) narrow(m *feature.Matrix, depths []int) *feature.Matrix {
	width := 0
	for _, d := range depths {
		width += j.widths[d]
	}
	to := feature.NewMatrix(len(m.Have), width)
	for row, have := range m.Have {
		if to.Have[row] = have; have {
			copy(to.Row(row), strategy.Columns(m.Row(row), j.widths, depths))
		}
	}
	return to
}

// headOf is h with what a candidate's head sets.
func headOf(h Head, c train.HeadOptions) Head {
	h.Kind, h.Hidden, h.Dropout, h.Optimizer, h.WeightDecay = c.Kind, c.Hidden, c.Dropout, c.Optimizer, c.WeightDecay
	h.Epochs, h.Schedule, h.Batch, h.LearningRate = c.Epochs, c.Schedule, c.Batch, c.LearningRate
	return h
}

// fitAuto fits what cross-validation chose: the head, or that and the last stages.
func (j *job) fitAuto(ctx context.Context) error {
	if err := j.fit(ctx); err != nil || !j.o.tunes() {
		return err
	}
	return j.tune(ctx)
}

// measureAuto tests what cross-validation chose.
func (j *job) measureAuto(ctx context.Context) error {
	if j.o.tunes() {
		return j.measureTuned(ctx)
	}
	return j.measure(ctx)
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
