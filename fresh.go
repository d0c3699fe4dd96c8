package graft

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/graft-ml/graft/internal/loader"
	"github.com/graft-ml/graft/internal/nn"
)

// freshProbe is how many pictures are drawn to tell what an epoch will take.
const freshProbe = 32

// tellFresh says what it costs to draw the pictures of every epoch anew.
func (j *job) tellFresh(ctx context.Context) error {
	if !j.o.Fresh {
		return nil
	}
	some := j.train[:min(len(j.train), freshProbe)]
	start := time.Now()
	if err := j.drawn(ctx, 1, some, freshProbe, func(_, _ []float32) error { return nil }); err != nil {
		return err
	}
	rate := float64(len(some)) / time.Since(start).Seconds()
	epochs := horizon(j.headOptions())
	again := ""
	if len(j.validation) > 0 && !j.o.NoRefit {
		again = ", and more for the second fit"
	}
	seconds := math.Round(float64(epochs*len(j.train)) / rate)
	j.note("drawn anew by %v: the base runs on %d pictures in each of at most %d epochs; at %.3g pictures/s that is %v%s; --views K would run it on K-1 draws of each, once",
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
	f, err := j.drawnFeatures(ctx, epoch, index)
	if err != nil {
		return err
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
