package graft

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/graft-ml/graft/dataset"
	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/train"
	"github.com/graft-ml/graft/metric"
)

// Train trains a classifier on the labelled pictures at path, evaluates it on the pictures it held out, and
// writes a run folder. path is a folder with one folder per class, a .zip, .tar or .tar.gz archive of such
// folders, a folder with train/ and test/ trees, or a CSV or TSV file. Nothing at path is changed.
//
// Pictures that cannot be read are listed in the run's skipped.csv and left out; more of them than
// Reading.MaxBad allows, fewer than two classes, or a class that loses all its pictures is an error. Options
// that make no sense give an *OptionError, before any work is done.
func Train(ctx context.Context, path string, o TrainOptions) (*Run, error) {
	if err := o.validate(); err != nil {
		return nil, &OptionError{err}
	}
	o = o.withDefaults()
	j := &job{path: path, o: o, pool: nn.NewPool(o.Reading.Threads), began: time.Now()}
	defer j.close()
	for _, stage := range j.plan() {
		start := time.Now()
		if err := stage.run(ctx); err != nil {
			return nil, j.stopped(ctx, err)
		}
		j.stages = append(j.stages, Stage{stage.name, time.Since(start).Seconds()})
	}
	return j.result(), nil
}

// warn tells the caller of something that may be wrong.
func (j *job) warn(format string, args ...any) { progress(j.o.Progress).warn(format, args...) }

// step is one stage of a run.
type step struct {
	name string
	run  func(context.Context) error
}

// plan returns the stages of a run with the strategy that the options name.
func (j *job) plan() []step {
	var learn []step
	if j.o.Teacher.Name != "" {
		learn = []step{{"teacher", j.teach}}
	}
	learn = append(learn, step{"tune", j.tune}, step{"test", j.measureTuned}, step{"write", j.writeTuned})
	switch j.o.Strategy {
	case strategyFinetune, strategyPartial:
		return append([]step{{"read", j.read}, {"features", j.extract}, {"head", j.fit}}, learn...)
	case strategyAuto:
		return []step{{"read", j.read}, {"features", j.extract}, {"choose", j.decide}, {"head", j.fitAuto}, {"test", j.measureAuto}, {"write", j.write}}
	case strategyScratch:
		return append([]step{{"read", j.read}, {"check", j.scan}}, learn...)
	}
	steps := []step{{"read", j.read}, {"features", j.extract}, {"head", j.fit}, {"test", j.measure}}
	if j.o.repeats() {
		steps = append(steps, step{"splits", j.repeat})
	}
	return append(steps, step{"write", j.write})
}

// job is one run of Train. Its fields are filled stage by stage, in the order in which they stand here.
type job struct {
	path  string
	began time.Time
	o     TrainOptions
	pool  *nn.Pool

	unwritten bool // the run leaves no folder

	// read
	data *dataset.Dataset
	base *backbone.Backbone
	split

	// features
	feats    *features
	numerics numerics          // what they were computed in, and what the model is
	views    []*features       // further ones of the pictures that are learnt from, drawn at random
	first    *features         // where every epoch draws anew, of the first one's draws
	told     bool              // what that costs
	bad      []dataset.Skipped // in the order in which they were found, split's own first

	// decide, with the strategy auto
	whole  *backbone.Backbone // of which base is some depths
	widths []int              // of each depth
	names  []string           // of the depths
	choice *Choice

	// head
	head       *train.Result
	history    []Epoch
	refit      int       // epochs of the fit on training and validation together; 0: none
	thresholds []float32 // multi-label
	best       int       // the epoch whose weights, or whose number, were kept

	// tune
	place   *unfinished
	teacher *teacher  // nil: none
	frozen  *boundary // partial: the frozen stages
	tuned   *nn.Graph // from pictures to logits

	// test
	model  *nn.Graph
	report *metric.Report
	probs  []float32 // [N,K] of the pictures held out

	// splits
	repeats *Repeats // nil: the job's own split alone

	// write
	out string // the run folder

	stages []Stage
}

// split is which sample is used for what, as indices into the data's samples.
type split struct{ train, validation, test []int }

// all returns the samples of every side.
func (s split) all() []int {
	out := make([]int, 0, len(s.train)+len(s.validation)+len(s.test))
	return append(append(append(out, s.train...), s.validation...), s.test...)
}

// keep returns the split with those samples alone that have what is needed.
func (s split) keep(have func(i int) bool) split {
	keep := func(index []int) []int {
		var out []int
		for _, i := range index {
			if have(i) {
				out = append(out, i)
			}
		}
		return out
	}
	return split{keep(s.train), keep(s.validation), keep(s.test)}
}

func (j *job) close() {
	j.place.close()
	j.pool.Close()
	if j.data != nil {
		j.data.Close()
	}
}

// note tells the caller something that it should know.
func (j *job) note(format string, args ...any) { progress(j.o.Progress).note(format, args...) }

// read opens the data and the backbone and decides who is tested on.
func (j *job) read(ctx context.Context) (err error) {
	if err := j.openPlace(); err != nil {
		return err
	}
	if err := j.open(ctx); err != nil {
		return err
	}
	j.note("backbone %s: %s", j.base.Name, j.base.Cut)
	if err := j.tellTTA(); err != nil {
		return err
	}
	if j.data, err = openData(ctx, j.path, j.o.Reading, j.o.Progress); err != nil {
		return err
	}
	if err := j.checkRepeats(); err != nil {
		return err
	}
	s, err := j.data.Split(j.splitOptions())
	if err != nil {
		return err
	}
	j.split = split{s.Train, s.Validation, s.Test}
	j.bad = append(j.bad, s.Skipped...)
	for _, n := range s.Notes {
		j.note("%s", n)
	}
	if len(s.Test) == 0 {
		return fmt.Errorf("%s: no picture is left for the test", j.path)
	}
	j.note("%d pictures for training, %d for validation, %d for the test", len(s.Train), len(s.Validation), len(s.Test))
	if b := j.balance(); b != nil {
		j.note("%v", b)
	}
	return j.openTeacher(ctx)
}

// openPlace checks where the run's results are to go, and opens the folder that a long run is kept in until then.
func (j *job) openPlace() (err error) {
	if j.unwritten {
		return nil
	}
	if !j.o.tunes() {
		return checkOutput(j.path, j.o.Out)
	}
	if err := checkOutside(j.path, cmp.Or(j.o.Out, "runs")); err != nil {
		return err
	}
	if j.place, err = openUnfinished(j.path, j.o.Out, j.o.Resume); err != nil {
		return err
	}
	return checkOutput(j.path, j.o.Out)
}

// splitOptions are the shares that the options ask for.
func (j *job) splitOptions() dataset.SplitOptions {
	o := dataset.SplitOptions{Seed: j.o.Seed, Test: j.o.Test, Validation: j.o.Validation, TrainPerClass: j.o.TrainPerClass}
	if j.o.NoValidation {
		o.Validation = -1
	}
	return o
}

// extract runs the frozen base on every picture whose features are not in the cache yet.
func (j *job) extract(ctx context.Context) error {
	e, err := j.choose(ctx)
	if err != nil {
		return err
	}
	j.feats, j.numerics, j.bad = e.feats, e.numerics, append(j.bad, e.bad...)
	j.note("features: %d pictures through the base, %d from the cache", e.feats.stats.Computed, e.feats.stats.Cached)
	if err := j.dropFailed(e.feats.have); err != nil {
		return err
	}
	return j.extractViews(ctx)
}

// dropFailed takes the pictures that could not be decoded out of the split.
func (j *job) dropFailed(have func(i int) bool) error {
	before := j.classCounts()
	j.split = j.split.keep(have)
	var lost []string
	for k, n := range j.classCounts() {
		if n == 0 && before[k] > 0 {
			lost = append(lost, j.data.Classes[k])
		}
	}
	if lost != nil {
		return fmt.Errorf("%s: no picture could be read of %s; leave it out with --exclude or mend the files",
			j.path, strings.Join(lost, ", "))
	}
	return nil
}

// classCounts returns the pictures of each class on any side.
func (j *job) classCounts() []int {
	counts := make([]int, len(j.data.Classes))
	for _, i := range j.split.all() {
		for _, k := range j.data.Samples[i].Labels {
			counts[k]++
		}
	}
	return counts
}

// result is what the caller is told.
func (j *job) result() *Run {
	r := &Run{Dir: j.out, Model: filepath.Join(j.out, "model.onnx"), Report: j.report, History: j.history, Best: j.best, Stages: j.stages,
		OverSplits: j.repeats, Balance: j.balance(), Precision: j.numerics.info(), Choice: j.choice}
	for _, i := range j.test {
		r.TestPaths = append(r.TestPaths, j.data.Samples[i].Path)
	}
	return r
}
