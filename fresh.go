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
	"github.com/graft-ml/graft/internal/train"
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
func (j *job) fresh(index []int) func(ctx context.Context, epoch int, turns []train.Turn, n int, each func(x, targets []float32) error) error {
	return func(ctx context.Context, epoch int, turns []train.Turn, n int, each func(x, targets []float32) error) error {
		d := draw{spec: j.base.Spec, epoch: epoch, index: index, turns: turns, batch: n}
		if !j.o.augment().Mixes() {
			return j.keptDraws(ctx, d, each)
		}
		return j.drawn(ctx, d, each)
	}
}

// keptDraws is fresh for draws that depend on nothing but the picture and the epoch: they are computed through the cache,
// so that the second fit, and a run with another head, finds them there. Those of pictures that come again in the epoch
// are not kept.
func (j *job) keptDraws(ctx context.Context, d draw, each func(x, targets []float32) error) error {
	f := j.first
	if d.epoch > 1 || slices.ContainsFunc(d.index, func(i int) bool { _, ok := f.rows[i]; return !ok }) {
		var err error
		if f, err = j.drawnFeatures(ctx, d.epoch, d.index); err != nil {
			return err
		}
	}
	again, err := j.repeated(ctx, d)
	if err != nil {
		return err
	}
	var batch []float32
	for part := range slices.Chunk(d.turns, d.batch) {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch = batch[:0]
		for _, u := range part {
			if x, ok := again[u]; ok {
				batch = append(batch, x...)
			} else {
				batch = append(batch, f.row(d.index[u.Row])...)
			}
		}
		if err := each(batch, nil); err != nil {
			return err
		}
	}
	return nil
}

// repeated returns the features of pictures that an epoch has had before.
func (j *job) repeated(ctx context.Context, d draw) (map[train.Turn][]float32, error) {
	some := d
	some.turns, some.batch = nil, freshProbe
	for _, u := range d.turns {
		if u.Again > 0 {
			some.turns = append(some.turns, u)
		}
	}
	rows, width := make(map[train.Turn][]float32, len(some.turns)), j.base.Width
	err := j.drawn(ctx, some, func(x, _ []float32) error {
		for lo := 0; lo < len(x); lo += width {
			rows[some.turns[len(rows)]] = slices.Clone(x[lo : lo+width])
		}
		return nil
	})
	return rows, err
}

// drawn runs the base on pictures as they are drawn in an epoch.
func (j *job) drawn(ctx context.Context, d draw, each func(x, targets []float32) error) error {
	if len(d.turns) == 0 {
		return nil
	}
	width := j.base.Width
	plan, err := nn.NewPlan(j.base.Graph, j.numerics.options(j.pool))
	if err != nil {
		return err
	}
	done := 0
	x := make([]float32, d.batch*width)
	return j.eachDrawn(ctx, d, func(b loader.Batch, targets []float32) error {
		k := len(b.Index)
		if err := plan.Run(ctx, [][]float32{x[:k*width]}, [][]float32{b.Pixels}, k); err != nil {
			return err
		}
		done += k
		progress(j.o.Progress).step("features", done, len(d.turns))
		return each(x[:k*width], targets)
	})
}
