package graft

import (
	"context"
	"fmt"
	"strings"

	"github.com/graft-ml/graft/dataset"
	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/feature"
	"github.com/graft-ml/graft/internal/loader"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/transform"
)

// extractor computes the features of pictures with a frozen base, through the cache.
type extractor struct {
	base    *backbone.Backbone
	plan    *nn.Plan
	store   *feature.Store // nil: no cache
	reading Reading
	shown   sight
}

// sight is how pictures are shown to a base. The zero value is as its Spec says.
type sight struct {
	draws *loader.Augmentation // a draw of each, to learn from
	view  *transform.View      // a fixed view of each, as at prediction
}

// decoders is the version of what is done to a picture before the base sees it. It goes up with every change
// that changes a pixel, so that features of other pixels are not taken from the cache.
const decoders = 1

// augmentations is the version of what is drawn for a seed. It goes up with every change that changes a draw.
const augmentations = 1

// newExtractor returns what runs base on pictures as they are shown.
func newExtractor(base *backbone.Backbone, how numerics, pool *nn.Pool, r Reading, shown sight) (*extractor, error) {
	plan, err := nn.NewPlan(base.Graph, how.options(pool))
	if err != nil {
		return nil, fmt.Errorf("backbone %s: %w", base.Name, err)
	}
	x := &extractor{base: base, plan: plan, reading: r, shown: shown}
	if r.NoCache {
		return x, nil
	}
	dir := r.Cache
	if dir == "" {
		if dir, err = feature.DefaultDir(); err != nil {
			return nil, err
		}
	}
	print := feature.Fingerprint{Weights: base.SHA256, Preprocess: preprocess(base, r) + shown.words(), Cut: base.Cut, Path: how.path(), Version: decoders}
	x.store, err = feature.OpenStore(dir, print, base.Width)
	return x, err
}

// preprocess is the cache's word for what is done to a picture before the base sees it.
func preprocess(base *backbone.Backbone, r Reading) string {
	text := fmt.Sprint(base.Spec, base.Normalise)
	if !r.ExactDecode {
		text += " reduced"
	}
	return text
}

// words are the cache's for how pictures are shown.
func (s sight) words() string {
	switch {
	case s.draws != nil:
		d := s.draws
		return fmt.Sprintf(" drawn by %v, seed %d, epoch %d, version %d", d.Random.Augment, d.Random.Seed, d.Epoch, augmentations)
	case s.view != nil && !s.view.Plain():
		return " seen as " + s.view.String()
	}
	return ""
}

// features are those of some samples of a dataset.
type features struct {
	matrix *feature.Matrix
	rows   map[int]int // from the number of a sample to its row
	stats  feature.Stats
}

// have reports whether sample i has features: it was asked for and could be decoded.
func (f *features) have(i int) bool {
	r, ok := f.rows[i]
	return ok && f.matrix.Have[r]
}

// row returns the features of sample i, [D].
func (f *features) row(i int) []float32 { return f.matrix.Row(f.rows[i]) }

// drop forgets the numbers of f, which may be nil, when nothing reads them any more.
func (f *features) drop() {
	if f != nil {
		f.matrix, f.rows = feature.NewMatrix(0, f.matrix.Width), nil
	}
}

// run returns the features of the samples of d that index names. Pictures that could not be decoded have none
// and are returned by name; more of them than allowed is an error that names them all.
func (x *extractor) run(ctx context.Context, d *dataset.Dataset, index []int, tell progress) (*features, []dataset.Skipped, error) {
	f := &features{rows: make(map[int]int, len(index))}
	keys := make([][32]byte, len(index))
	for row, i := range index {
		f.rows[i], keys[row] = row, d.Samples[i].SHA256
	}
	var bad []dataset.Skipped
	compute := func(ctx context.Context, missing []int, emit func(row int, f []float32) error) error {
		wanted := make([]int, len(missing))
		for m, row := range missing {
			wanted[m] = index[row]
		}
		failures, err := x.forward(ctx, d, wanted, func(i int, v []float32) error { return emit(f.rows[i], v) }, tell)
		bad = skippedOf(d, failures)
		return err
	}
	var err error
	if f.matrix, f.stats, err = feature.Extract(ctx, x.store, keys, x.base.Width, compute); err != nil {
		return nil, bad, err
	}
	return f, bad, checkBad(d, bad, len(index), x.reading.MaxBad)
}

// skippedOf names the pictures that could not be decoded.
func skippedOf(d *dataset.Dataset, failures []loader.Failure) []dataset.Skipped {
	var out []dataset.Skipped
	for _, f := range failures {
		s := &d.Samples[f.Index]
		out = append(out, dataset.Skipped{Path: s.Path, Class: labelText(d, s), Reason: f.Err.Error(), Bad: true})
	}
	return out
}

// labelText is the class of a sample, or its labels joined by "|".
func labelText(d *dataset.Dataset, s *dataset.Sample) string {
	names := make([]string, len(s.Labels))
	for i, k := range s.Labels {
		names[i] = d.Classes[k]
	}
	return strings.Join(names, "|")
}

// forward decodes the samples and runs the base over them.
func (x *extractor) forward(ctx context.Context, d *dataset.Dataset, index []int, emit func(int, []float32) error, tell progress) ([]loader.Failure, error) {
	done, width := 0, x.base.Width
	tell.step("features", done, len(index))
	var features []float32
	return x.load(ctx, d, index, func(b loader.Batch) error {
		n := len(b.Index)
		features = append(features[:0], make([]float32, n*width)...)
		if err := x.plan.Run(ctx, [][]float32{features}, [][]float32{b.Pixels}, n); err != nil {
			return err
		}
		for row, i := range b.Index {
			if err := emit(i, features[row*width:][:width]); err != nil {
				return err
			}
		}
		done += n + len(b.Failed)
		tell.step("features", done, len(index))
		return nil
	})
}

// load decodes the samples and prepares them for the base.
func (x *extractor) load(ctx context.Context, d *dataset.Dataset, index []int, each func(loader.Batch) error) ([]loader.Failure, error) {
	o := x.reading.loading(x.base.Spec)
	switch {
	case x.shown.draws != nil:
		return loader.RunTraining(ctx, trainingSamples{samples{d}}, index, o, *x.shown.draws, each)
	case x.shown.view != nil:
		return loader.RunView(ctx, samples{d}, index, o, *x.shown.view, each)
	}
	return loader.Run(ctx, samples{d}, index, o, each)
}

// checkBad is the error of a run in which too many of the pictures are bad: those that could not be decoded
// and those that reading the folder has already found to be damaged. It names them all.
func checkBad(d *dataset.Dataset, failed []dataset.Skipped, tried int, limit string) error {
	allowed, err := parseMaxBad(limit)
	if err != nil {
		return &OptionError{err}
	}
	var list strings.Builder
	bad, total := 0, tried
	for _, s := range append(d.Skipped[:len(d.Skipped):len(d.Skipped)], failed...) {
		if s.Bad {
			bad++
			fmt.Fprintf(&list, "\n  %s: %s", s.Path, s.Reason)
		}
	}
	total += bad - len(failed)
	if !allowed.Exceeded(bad, total) {
		return nil
	}
	return fmt.Errorf("%s: %d of %d pictures cannot be used, more than --max-bad allows (%v):%s", d.Name, bad, total, allowed, &list)
}

// samples makes a dataset a loader.Source.
type samples struct{ d *dataset.Dataset }

func (s samples) Name(i int) string          { return s.d.Samples[i].Path }
func (s samples) Read(i int) ([]byte, error) { return s.d.ReadFile(&s.d.Samples[i]) }
