package graft

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/graft-ml/graft/internal/atomicfile"
	"github.com/graft-ml/graft/internal/feature"
	"github.com/graft-ml/graft/internal/nn"
)

// EmbedOptions says how Embed works.
type EmbedOptions struct {
	Backbone Backbone
	Reading  Reading
	Out      string // the Parquet file; "": NAME.parquet after the data
	Progress func(Event)
}

// EmbedResult says what Embed wrote.
type EmbedResult struct {
	Path     string `json:"path"`
	Pictures int    `json:"pictures"`
	Width    int    `json:"width"` // numbers a picture
	Computed int    `json:"computed"`
	Cached   int    `json:"cached"`
	Skipped  int    `json:"skipped"`
}

// Embed writes the features of the pictures at path, in the forms that Train takes, as a Parquet file with
// the columns path, label, sha256 and embedding. An existing file is not overwritten.
func Embed(ctx context.Context, path string, o EmbedOptions) (*EmbedResult, error) {
	if err := errors.Join(o.Backbone.validate(), o.Reading.validate()); err != nil {
		return nil, &OptionError{err}
	}
	out := o.Out
	if out == "" {
		out = dataName(path) + ".parquet"
	}
	if err := checkOutput(path, out); err != nil {
		return nil, err
	}
	tell := progress(o.Progress)
	base, err := o.Backbone.load(ctx, tell)
	if err != nil {
		return nil, err
	}
	pool := nn.NewPool(o.Reading.Threads)
	defer pool.Close()
	x, err := newExtractor(base, numerics{}, pool, o.Reading, sight{})
	if err != nil {
		return nil, err
	}
	d, err := openData(ctx, path, o.Reading, tell)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	f, bad, err := x.run(ctx, d, indices(len(d.Samples)), tell)
	if err != nil {
		return nil, err
	}
	r := &EmbedResult{Path: out, Width: base.Width, Computed: f.stats.Computed, Cached: f.stats.Cached, Skipped: len(d.Skipped) + len(bad)}
	var rows []feature.Embedding
	for i := range d.Samples {
		if s := &d.Samples[i]; f.have(i) {
			rows = append(rows, feature.Embedding{Path: s.Path, Label: labelText(d, s), SHA256: s.SHA256, Features: f.row(i)})
		}
	}
	r.Pictures = len(rows)
	return r, atomicfile.WriteNew(out, func(w io.Writer) error { return feature.WriteEmbeddings(w, slices.Values(rows)) })
}
