package graft

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/graft-ml/graft/dataset"
	"github.com/graft-ml/graft/metric"
)

// Repeats is how the same training did on several splits of the pictures.
type Repeats struct {
	Repeats int   `json:"repeats"`         // seeds
	Folds   int   `json:"folds,omitempty"` // of each seed's cross-validation; 0: one split for each seed
	Fits    []Fit `json:"fits"`

	TestPerTrain float64        `json:"test_per_train"` // test pictures for each one learnt from, which widens the intervals
	Scores       metric.Spreads `json:"scores"`         // in the order of a metric.Report, with a value for each fit
}

// Fit is a training on one split.
type Fit struct {
	Seed       uint64 `json:"seed"`
	Fold       int    `json:"fold,omitempty"` // from 1
	Train      int    `json:"train"`
	Validation int    `json:"validation"`
	Test       int    `json:"test"`
	Tested     string `json:"tested"` // a hash of the test pictures: fits with the same one can be compared
}

// Limits of Repeats and Folds, beyond which a typing error is likelier than a wish.
const (
	maxRepeats = 1000
	maxFolds   = 1000
)

// repeats reports whether the training is to be done on more splits than its own.
func (o *TrainOptions) repeats() bool { return o.Repeats > 1 || o.Folds > 0 }

// fits is the number of these.
func (o *TrainOptions) fits() int { return max(1, o.Repeats) * max(1, o.Folds) }

// validateRepeats reports what makes no sense about repeats and folds.
func (o *TrainOptions) validateRepeats() []error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(o.Repeats >= 0 && o.Repeats <= maxRepeats, "%d repeats, want 2 to %d", o.Repeats, maxRepeats)
	bad(o.Folds == 0 || o.Folds >= 2 && o.Folds <= maxFolds, "%d folds, want 2 to %d", o.Folds, maxFolds)
	bad(o.Folds == 0 || o.TrainPerClass == 0, "%d folds, each picture tested once, with %d training pictures of each class: take repeats", o.Folds, o.TrainPerClass)
	if o.repeats() {
		bad(!o.tunes(), "repeats and folds train heads on cached features; strategy %q would train the network anew for each of %d splits, for as many times the time of one run: "+
			"take frozen, early or multi, or start runs with other seeds", o.Strategy, o.fits())
		bad(o.Strategy != strategyAuto, "repeats and folds with strategy %q, which would choose anew for each of %d splits: take frozen, early or multi as it chose", o.Strategy, o.fits())
	}
	return errs
}

// checkRepeats refuses data in which there is one split only.
func (j *job) checkRepeats() error {
	if !j.o.repeats() {
		return nil
	}
	for i := range j.data.Samples {
		if s := j.data.Samples[i].Split; s == dataset.Test || s == dataset.Validation {
			return fmt.Errorf("%s: the data has a split of its own, and repeats and folds want others: leave them out, or put all pictures of a class into one folder", j.path)
		}
	}
	return nil
}

// planned is a split that is to be trained on.
type planned struct {
	split
	seed uint64
	fold int
}

// plannedSplits are the splits of repeats and folds, in order. Without folds the first is the job's own.
func (j *job) plannedSplits() ([]planned, error) {
	var all []planned
	for r := range max(1, j.o.Repeats) {
		o := j.splitOptions()
		o.Seed += uint64(r)
		var splits []*dataset.Split
		var err error
		if j.o.Folds > 0 {
			o.Test = 0
			splits, err = j.data.FoldSplits(j.o.Folds, o)
		} else {
			var one *dataset.Split
			one, err = j.data.Split(o)
			splits = []*dataset.Split{one}
		}
		if err != nil {
			return nil, err
		}
		for f, s := range splits {
			p := planned{split: split{s.Train, s.Validation, s.Test}.keep(j.feats.have), seed: o.Seed}
			if j.o.Folds > 0 {
				p.fold = f + 1
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// repeat trains and tests the head on the other splits, as it was done on the job's own.
func (j *job) repeat(ctx context.Context) error {
	all, err := j.plannedSplits()
	if err != nil {
		return err
	}
	j.repeats = &Repeats{Repeats: max(1, j.o.Repeats), Folds: j.o.Folds}
	var reports []*metric.Report
	for n, p := range all {
		r, start := j.report, time.Now()
		if n > 0 || p.fold > 0 {
			if r, err = j.on(ctx, p); err != nil {
				return fmt.Errorf("%v: %w", p, err)
			}
		}
		reports = append(reports, &metric.Report{N: r.N, Scores: r.Scores}) // confusion matrices of many splits would be large
		j.repeats.Fits = append(j.repeats.Fits, j.fitOf(p))
		j.note("%v (%d of %d): %s %.1f %%", p, n+1, len(all), r.Scores[0].Title, 100*r.Scores[0].Value)
		if left := len(all) - n - 1; n == 1 && left > 0 {
			j.note("the other %d take about %v", left, (time.Since(start) * time.Duration(left)).Round(time.Second))
		}
	}
	j.summarise(reports)
	return nil
}

// summarise puts the scores of all fits together.
func (j *job) summarise(reports []*metric.Report) {
	tested, learnt := 0, 0
	for _, f := range j.repeats.Fits {
		tested, learnt = tested+f.Test, learnt+f.Train
		if !j.o.NoRefit {
			learnt += f.Validation
		}
	}
	j.repeats.TestPerTrain = float64(tested) / float64(learnt)
	j.repeats.Scores = metric.AcrossSplits(reports, j.repeats.TestPerTrain)
}

// String names a split.
func (p planned) String() string {
	if p.fold == 0 {
		return fmt.Sprintf("split of seed %d", p.seed)
	}
	return fmt.Sprintf("fold %d of seed %d", p.fold, p.seed)
}

// on trains the head on another split and returns its report. The job itself stays as it is.
func (j *job) on(ctx context.Context, p planned) (*metric.Report, error) {
	r := *j
	r.split, r.o.Seed, r.o.Progress = p.split, p.seed, nil
	r.head, r.history, r.thresholds, r.refit, r.best = nil, nil, nil, 0, 0
	if err := r.fit(ctx); err != nil {
		return nil, err
	}
	err := r.measure(ctx)
	return r.report, err
}

// fitOf describes the training on a split.
func (j *job) fitOf(p planned) Fit {
	f := Fit{Seed: p.seed, Fold: p.fold, Train: len(p.train), Validation: len(p.validation), Test: len(p.test)}
	f.Tested = digest(func(add func(string)) {
		for _, i := range p.test {
			add(fmt.Sprint(j.data.Samples[i].SHA256, j.data.Samples[i].Labels))
		}
	})
	return f
}

// fitsFile is the table of a run's fits on other splits; behind these columns it has one for each score.
const fitsFile = "splits.csv"

var fitsHeader = []string{"seed", "fold", "train", "validation", "test", "tested"}

// writeFits writes a line for each split.
func (j *job) writeFits(w io.Writer) error {
	out := csv.NewWriter(w)
	header := slices.Clone(fitsHeader)
	for _, s := range j.repeats.Scores {
		header = append(header, s.Key)
	}
	out.Write(header)
	for n, f := range j.repeats.Fits {
		row := []string{strconv.FormatUint(f.Seed, 10), strconv.Itoa(f.Fold), strconv.Itoa(f.Train), strconv.Itoa(f.Validation), strconv.Itoa(f.Test), f.Tested}
		for _, s := range j.repeats.Scores {
			row = append(row, strconv.FormatFloat(s.Values[n], 'g', -1, 64))
		}
		out.Write(row)
	}
	out.Flush()
	return out.Error()
}
