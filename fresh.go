package graft

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/graft-ml/graft/internal/feature"
	"github.com/graft-ml/graft/internal/loader"
	"github.com/graft-ml/graft/internal/nn"
)

// freshProbe is how many pictures are drawn to tell what an epoch will take.
const freshProbe = 32

// freshFeatures computes the features of all pictures where those to learn from are drawn anew in every epoch: theirs
// are of the first epoch's draws, which standardise the features and are what the head is measured on.
func (j *job) freshFeatures(ctx context.Context, e *extracted) (err error) {
	if err := j.tellFresh(ctx, e.numerics); err != nil {
		return err
	}
	if e.feats, e.bad, err = j.runViews(ctx, e.numerics, append(slices.Clone(j.validation), j.test...)); err != nil {
		return err
	}
	x, err := j.drawing(e.numerics, 1)
	if err != nil {
		return err
	}
	first, bad, err := x.run(ctx, j.data, j.train, j.o.Progress)
	if err != nil {
		return err
	}
	j.first = first
	e.feats, e.bad = e.feats.with(first), append(e.bad, bad...)
	return nil
}

// with returns the features of f and those of g, which are of other samples.
func (f *features) with(g *features) *features {
	all := &features{rows: maps.Clone(f.rows), stats: f.stats}
	n := len(f.matrix.Have)
	all.matrix = feature.NewMatrix(n+len(g.matrix.Have), f.matrix.Width)
	copy(all.matrix.Data, f.matrix.Data)
	copy(all.matrix.Data[len(f.matrix.Data):], g.matrix.Data)
	copy(all.matrix.Have, f.matrix.Have)
	copy(all.matrix.Have[n:], g.matrix.Have)
	for i, row := range g.rows {
		all.rows[i] = n + row
	}
	all.stats.Computed += g.stats.Computed
	all.stats.Cached += g.stats.Cached
	return all
}

// tellFresh says, once, what it costs to draw the pictures of every epoch anew.
func (j *job) tellFresh(ctx context.Context, n numerics) error {
	if j.told {
		return nil
	}
	j.told = true
	some := j.train[:min(len(j.train), freshProbe)]
	x, err := j.drawing(n, 1)
	if err != nil {
		return err
	}
	start := time.Now()
	if _, err := x.forward(ctx, j.data, some, func(int, []float32) error { return nil }, nil); err != nil {
		return err
	}
	rate := float64(len(some)) / time.Since(start).Seconds()
	epochs := horizon(j.headOptions())
	again := ""
	if len(j.validation) > 0 && !j.o.NoRefit {
		again = ", and more for the second fit"
	}
	seconds := math.Round(float64(epochs*len(j.train)) / rate)
	j.note("drawn anew by %v: the base runs on %d pictures in each of at most %d epochs; at %.3g pictures/s that is %v%s; --views K would run it on each as it is and on K-1 draws, once",
		j.o.augment(), len(j.train), epochs, rate, time.Duration(seconds)*time.Second, again)
	return nil
}

// fresh gives the features of some samples to learn from as they are drawn in an epoch, for train.Data.
func (j *job) fresh(index []int) func(ctx context.Context, epoch int, rows []int, n int, each func(x, targets []float32) error) error {
	return func(ctx context.Context, epoch int, rows []int, n int, each func(x, targets []float32) error) error {
		if !j.o.augment().Mixes() {
			return j.keptDraws(ctx, epoch, index, rows, n, each)
		}
		wanted := make([]int, len(rows))
		for k, r := range rows {
			wanted[k] = index[r]
		}
		return j.drawn(ctx, epoch, wanted, n, each)
	}
}

// keptDraws is fresh for draws that depend on nothing but the picture and the epoch: they are computed through the cache,
// so that the second fit, and a run with another head, finds them there.
func (j *job) keptDraws(ctx context.Context, epoch int, index, rows []int, n int, each func(x, targets []float32) error) error {
	f := j.first
	if epoch > 1 || slices.ContainsFunc(index, func(i int) bool { _, ok := f.rows[i]; return !ok }) {
		var err error
		if f, err = j.drawnFeatures(ctx, epoch, index); err != nil {
			return err
		}
	}
	var batch []float32
	for part := range slices.Chunk(rows, n) {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch = batch[:0]
		for _, r := range part {
			batch = append(batch, f.row(index[r])...)
		}
		if err := each(batch, nil); err != nil {
			return err
		}
	}
	return nil
}

// drawn runs the base on samples as they are drawn in an epoch, n at a time and in their order, and blends those of a
// batch where that is asked for.
func (j *job) drawn(ctx context.Context, epoch int, wanted []int, n int, each func(x, targets []float32) error) error {
	o, random, width := j.o.Reading.loading(j.base.Spec), j.random(), j.base.Width
	o.Batch = n
	plan, err := nn.NewPlan(j.base.Graph, j.numerics.options(j.pool))
	if err != nil {
		return err
	}
	done := 0
	x := make([]float32, n*width)
	_, err = loader.RunTraining(ctx, trainingSamples{samples{j.data}}, wanted, o, loader.Augmentation{Random: random, Epoch: epoch}, func(b loader.Batch) error {
		if len(b.Failed) > 0 {
			return errChanged(b.Failed[0])
		}
		targets, err := j.mix(random, epoch, b)
		if err != nil {
			return err
		}
		k := len(b.Index)
		if err := plan.Run(ctx, [][]float32{x[:k*width]}, [][]float32{b.Pixels}, k); err != nil {
			return err
		}
		done += k
		progress(j.o.Progress).step("features", done, len(wanted))
		return each(x[:k*width], targets)
	})
	return err
}
