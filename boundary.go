package graft

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/cpu"
	"github.com/graft-ml/graft/internal/feature"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/train"
	"github.com/graft-ml/graft/internal/transform"
)

// boundary is where the frozen stages of a network end and the trained ones begin. What the frozen ones give for a
// picture never changes: it is computed once, as at prediction, and kept on disk as far as the budget reaches.
type boundary struct {
	j     *job
	plan  *nn.Plan // the frozen stages
	width int      // numbers a picture
	shape string
	cache *feature.Activations // nil: none
	bytes int64                // that plan takes, and what goes through it while the stages behind train
}

// memory returns the bytes that the frozen stages take while those behind them train; b may be nil.
func (b *boundary) memory() int64 {
	if b == nil {
		return 0
	}
	return b.bytes
}

// planBytes returns the bytes that running g takes, n pictures at a time. It looks at one thread's memory, and at nothing that
// depends on what has run before: what it returns decides how a batch is divided.
func planBytes(g *nn.Graph, n int) (int64, error) {
	plan, err := nn.NewPlan(g, nn.PlanOptions{})
	if err != nil {
		return 0, err
	}
	return plan.Memory(n)
}

// pixelBytes is what a picture takes that is ready for a network.
func pixelBytes(s transform.Spec) int64 { return 4 * 3 * int64(s.Width) * int64(s.Height) }

func (j *job) newBoundary(before *nn.Graph, s backbone.Stage) (*boundary, error) {
	plan, err := nn.NewPlan(before, nn.PlanOptions{Pool: j.pool})
	if err != nil {
		return nil, err
	}
	width, err := s.Shape.Elems()
	if err != nil {
		return nil, err
	}
	b := &boundary{j: j, plan: plan, width: width, shape: fmt.Sprintf("%q %v", s.Input, s.Shape[1:])}
	if b.bytes, err = planBytes(before, fillBatch); err != nil {
		return nil, err
	}
	pictures := len(j.train) + len(j.validation)
	if 4*int64(width)*int64(pictures) > int64(j.o.Tuning.CacheMB)*1e6 { // some run through them in every epoch
		b.bytes += 2 * fillBatch * pixelBytes(j.base.Spec)
	}
	if j.o.Tuning.CacheMB < 0 {
		return b, nil
	}
	dir := j.o.Reading.Cache
	switch {
	case j.o.Reading.NoCache && j.place == nil:
		return b, nil
	case j.o.Reading.NoCache:
		dir = j.place.scratch()
	case dir == "":
		if dir, err = feature.DefaultDir(); err != nil {
			return nil, err
		}
		fallthrough
	default:
		dir += activationsExt
	}
	print := feature.Fingerprint{Weights: j.base.SHA256, Preprocess: preprocess(j.base, j.o.Reading), Cut: "boundary " + b.shape, Path: cpu.Path(), Version: decoders}
	b.cache, err = feature.OpenActivations(dir, print, width, pictures, int64(j.o.Tuning.CacheMB)*1e6)
	return b, err
}

// activationsExt is what the cache of activations is called after the name of that of features, which lies beside it.
const activationsExt = "-activations"

// sets returns the training and the validation set as inputs of the stages that train. Before that it runs the
// frozen ones over every picture that is not in the cache yet, as far as there is room.
func (b *boundary) sets(ctx context.Context) (learn, judge train.Set, err error) {
	j := b.j
	if b.cache != nil {
		if err := b.fill(ctx); err != nil {
			return learn, judge, err
		}
	}
	return b.set(j.train), b.set(j.validation), nil
}

// fill computes what the cache lacks.
func (b *boundary) fill(ctx context.Context) error {
	j := b.j
	var missing []int
	all := append(append([]int(nil), j.train...), j.validation...)
	for _, i := range all {
		if !b.cache.Has(j.data.Samples[i].SHA256) {
			missing = append(missing, i)
		}
	}
	stored, done := len(all)-len(missing), 0
	err := b.compute(ctx, missing, fillBatch, func(index []int, x []float32) error {
		for k, i := range index {
			ok, err := b.cache.Put(j.data.Samples[i].SHA256, x[k*b.width:][:b.width])
			if err != nil {
				j.warn("%v: what the frozen stages give is computed again in each epoch", err)
				return errFull
			}
			if !ok {
				return errFull
			}
			stored++
		}
		done += len(index)
		progress(j.o.Progress).step("frozen", done, len(missing))
		return nil
	})
	if err != nil && err != errFull {
		return err
	}
	j.note("the frozen stages end at %s: %d of %d pictures are on disk there, %.0f MB; %d ran through them", b.shape, stored, len(all),
		float64(stored)*4*float64(b.width)/1e6, done)
	return nil
}

// fillBatch is how many pictures are loaded together to fill the cache.
const fillBatch = 32

// errFull ends a fill for which there is no more room.
var errFull = fmt.Errorf("the activation cache is full")

// compute runs the frozen stages over samples, n at a time and in order.
func (b *boundary) compute(ctx context.Context, index []int, n int, each func(index []int, x []float32) error) error {
	var x []float32
	done := 0
	return b.j.pictures(index).Load(ctx, 0, train.Turns(len(index)), n, func(pixels, _ []float32) error {
		batch := index[done:min(len(index), done+n)]
		if x = x[:cap(x)]; len(x) < len(batch)*b.width {
			x = make([]float32, len(batch)*b.width)
		}
		x = x[:len(batch)*b.width]
		if err := b.plan.Run(ctx, [][]float32{x}, [][]float32{pixels}, len(batch)); err != nil {
			return err
		}
		done += len(batch)
		return each(batch, x)
	})
}

// set is the set of some samples at the boundary.
func (b *boundary) set(index []int) train.Set {
	s := b.j.pictures(index)
	s.Load = func(ctx context.Context, _ int, turns []train.Turn, n int, each func(x, targets []float32) error) error {
		x := make([]float32, min(n, len(turns))*b.width)
		for part := range slices.Chunk(turns, n) {
			batch := make([]int, len(part))
			for k, u := range part {
				batch[k] = index[u.Row]
			}
			x := x[:len(batch)*b.width]
			if err := b.load(ctx, batch, x); err != nil {
				return err
			}
			if err := each(x, nil); err != nil {
				return err
			}
		}
		return nil
	}
	return s
}

// load gets what the frozen stages give for a batch: out of the cache, or else out of the pictures.
func (b *boundary) load(ctx context.Context, index []int, x []float32) error {
	have := make([]bool, len(index))
	if b.cache != nil {
		var wg sync.WaitGroup
		for k, i := range index {
			wg.Go(func() { have[k] = b.cache.Get(b.j.data.Samples[i].SHA256, x[k*b.width:][:b.width]) })
		}
		wg.Wait()
	}
	var missing, place []int
	for k, ok := range have {
		if !ok {
			missing, place = append(missing, index[k]), append(place, k)
		}
	}
	if missing == nil {
		return ctx.Err()
	}
	done := 0
	return b.compute(ctx, missing, fillBatch, func(index []int, y []float32) error {
		for k := range index {
			copy(x[place[done]*b.width:][:b.width], y[k*b.width:][:b.width])
			done++
		}
		return nil
	})
}
