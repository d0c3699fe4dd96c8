// Package loader reads, decodes and transforms pictures on many cores and hands them out in batches.
//
// In: a [Source] of picture files and the positions wanted of it. Out: batches of float32 [n,3,H,W], RGB
// 0–255, in the order of the positions, whatever the number of workers. A picture that can't be read is left
// out and reported; it never stops the run. Memory is bounded by [Options], and nothing is left running when
// [Run] returns.
package loader

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/graft-ml/graft/internal/decode"
	"github.com/graft-ml/graft/internal/transform"
)

// Source is a list of picture files. Its methods are called from several goroutines at once.
type Source interface {
	// Read returns the bytes of file i, which the loader does not change.
	Read(i int) ([]byte, error)
	// Name is what reports call file i.
	Name(i int) string
}

// Options says what to make of each picture and what that may cost.
type Options struct {
	Spec     transform.Spec // the size and shape of the output
	Decode   decode.Options // limits of a picture; its Budget, if set, replaces MaxBytes
	Batch    int            // most pictures in a batch; 0 is 32
	Threads  int            // workers; 0 is GOMAXPROCS
	MaxBytes int64          // most memory for pictures being decoded, over all workers; 0 is 1 GiB

	// ExactDecode decodes large JPEGs whole, as small ones are, where the output needs only a fraction.
	ExactDecode bool
}

const (
	defaultBatch    = 32
	defaultMaxBytes = 1 << 30
)

func (o Options) withDefaults() (Options, error) {
	var errs []error
	if err := o.Spec.Validate(); err != nil {
		errs = append(errs, err)
	}
	for _, f := range []struct {
		name  string
		value int64
	}{{"batch", int64(o.Batch)}, {"threads", int64(o.Threads)}, {"max bytes", o.MaxBytes}} {
		if f.value < 0 {
			errs = append(errs, fmt.Errorf("loader: %s is %d, want 1 or more, or 0 for the default", f.name, f.value))
		}
	}
	if o.Batch == 0 {
		o.Batch = defaultBatch
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.Decode.Budget == nil {
		o.Decode.Budget = decode.NewBudget(o.MaxBytes)
	}
	return o, errors.Join(errs...)
}

// Batch is some pictures, and those that were left out on the way to them. Its slices are used again once
// the function that got it returns.
type Batch struct {
	Index  []int     // the source's numbers of the pictures; none in a last batch of failures alone
	Pixels []float32 // [len(Index),3,H,W]
	Failed []Failure // those since the last batch, in the order of the positions too
}

// Failure is a picture that was left out.
type Failure struct {
	Index int // the source's number
	Name  string
	Err   error
}

func (f Failure) Error() string { return f.Name + ": " + f.Err.Error() }

// Unwrap returns the reason.
func (f Failure) Unwrap() error { return f.Err }

// Run loads the pictures that index names, which may repeat, and calls each with one batch after the other,
// on the caller's goroutine. All batches but the last are full. Meanwhile workers go on with the next
// pictures, at most a batch and one for each worker ahead. The failures come in the order of index, those up
// to the end of the run where it ends early. An error is each's, ctx's, or invalid options.
func Run(ctx context.Context, src Source, index []int, o Options, each func(Batch) error) ([]Failure, error) {
	return run(ctx, src, index, o, func(int) preparation { return o.Spec }, each)
}

// RunView is [Run] with each picture as v shows it. The Spec of o is then what v gives.
func RunView(ctx context.Context, src Source, index []int, o Options, v transform.View, each func(Batch) error) ([]Failure, error) {
	o.Spec = v.Whole
	o.Spec.Width, o.Spec.Height = v.Width, v.Height
	return run(ctx, src, index, o, func(int) preparation { return v }, each)
}

// preparation brings one picture to the network's input. It is a transform.Spec, a transform.View or a transform.Draw.
type preparation interface {
	Reduction(w, h int) transform.Reduction
	Apply(dst []float32, pix []uint8, w, h int) error
	ApplyPlanes(dst []float32, planes []transform.Plane, w, h int) error
}

// run is Run, with the picture at each position prepared as of says.
func run(ctx context.Context, src Source, index []int, o Options, of func(position int) preparation, each func(Batch) error) ([]Failure, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	workers := min(o.Threads, len(index))
	ahead := min(o.Batch+workers, len(index))
	l := &line{src: src, index: index, o: o, of: of, free: make(chan []float32, ahead), done: make(chan result, ahead)}
	for range ahead {
		l.free <- nil // allocated when first used
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range workers {
		wg.Go(func() { l.work(ctx) })
	}
	return l.collect(ctx, each)
}

// line is one run. A worker takes a free tensor first and a position after it. So every position taken
// has its tensor, the first one not yet delivered too, and the line can't stall.
type line struct {
	src   Source
	index []int
	o     Options
	of    func(position int) preparation

	free chan []float32 // tensors [3,H,W]; as many as may be ahead of the caller
	done chan result    // has room for all tensors, so that no worker waits to deliver

	mu   sync.Mutex
	next int // first position not taken
}

type result struct {
	position int
	pixels   []float32
	err      error
}

// take returns the next position, false if there is none.
func (l *line) take() (int, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next == len(l.index) {
		return 0, false
	}
	l.next++
	return l.next - 1, true
}

func (l *line) work(ctx context.Context) {
	for {
		var pixels []float32
		select {
		case <-ctx.Done():
			return
		case pixels = <-l.free:
		}
		position, ok := l.take()
		if !ok {
			return
		}
		if pixels == nil {
			pixels = make([]float32, 3*l.o.Spec.Height*l.o.Spec.Width)
		}
		err := l.load(ctx, pixels, position)
		l.done <- result{position, pixels, err}
	}
}

func (l *line) load(ctx context.Context, dst []float32, position int) error {
	data, err := l.src.Read(l.index[position])
	if err != nil {
		return err
	}
	how, o := l.of(position), l.o.Decode
	if !l.o.ExactDecode {
		o.Reduce = func(w, h int) decode.Reduction { return decode.Reduction(how.Reduction(w, h)) }
	}
	m, err := decode.Decode(ctx, data, o)
	if err != nil {
		return err
	}
	defer m.Release()
	if m.Planes != nil {
		planes := make([]transform.Plane, len(m.Planes))
		for i, p := range m.Planes {
			planes[i] = transform.Plane(p)
		}
		return how.ApplyPlanes(dst, planes, m.W, m.H)
	}
	return how.Apply(dst, m.Pix, m.W, m.H)
}

// collect puts results back in order and into batches.
func (l *line) collect(ctx context.Context, each func(Batch) error) (failures []Failure, err error) {
	size := 3 * l.o.Spec.Height * l.o.Spec.Width
	batch := Batch{Pixels: make([]float32, 0, min(l.o.Batch, len(l.index))*size)}
	early := map[int]result{} // finished before their turn
	for next := range l.index {
		r, ok := early[next]
		for !ok {
			select {
			case <-ctx.Done():
				return failures, ctx.Err()
			case r = <-l.done:
				early[r.position] = r
				r, ok = early[next]
			}
		}
		delete(early, next)
		if err := ctx.Err(); err != nil {
			return failures, err
		}
		i := l.index[next]
		if r.err != nil {
			failures = append(failures, Failure{i, l.src.Name(i), r.err})
			batch.Failed = append(batch.Failed, failures[len(failures)-1])
		} else {
			batch.Index = append(batch.Index, i)
			batch.Pixels = append(batch.Pixels, r.pixels...)
		}
		l.free <- r.pixels
		if len(batch.Index) == l.o.Batch || next == len(l.index)-1 && len(batch.Index)+len(batch.Failed) > 0 {
			if err := each(batch); err != nil {
				return failures, err
			}
			batch.Index, batch.Pixels, batch.Failed = batch.Index[:0], batch.Pixels[:0], batch.Failed[:0]
		}
	}
	return failures, nil
}
