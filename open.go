package graft

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/graft-ml/graft/dataset"
	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/loader"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/transform"
)

// OptionError is the error of options that make no sense.
type OptionError struct{ Err error }

func (e *OptionError) Error() string { return e.Err.Error() }
func (e *OptionError) Unwrap() error { return e.Err }

// validate reports the fields of b that make no sense, together.
func (b *Backbone) validate() error {
	var errs []error
	if _, err := b.normalise(); err != nil {
		errs = append(errs, err)
	}
	if b.Resize != "" {
		if _, err := transform.ParseRule(b.Resize); err != nil {
			errs = append(errs, fmt.Errorf("resize: %w", err))
		}
	}
	if b.Filter != "" {
		if _, err := transform.ParseFilter(b.Filter); err != nil {
			errs = append(errs, fmt.Errorf("filter: %w", err))
		}
	}
	if b.Size < 0 || b.Size > maxSize {
		errs = append(errs, fmt.Errorf("size %d, want 1 to %d pixels", b.Size, maxSize))
	}
	if b.Short != 0 && (b.Resize != "crop" || b.Short < b.Size) {
		errs = append(errs, fmt.Errorf("short side %d: it goes with resize crop, and is at least the size", b.Short))
	}
	return errors.Join(errs...)
}

// maxSize is the largest input of a network that graft prepares: beyond it a picture takes gigabytes.
const maxSize = 4096

// normalise returns the scaling that the user names, or nil where the file's metadata is to say it.
func (b *Backbone) normalise() (*transform.Normalise, error) {
	numbers := b.Mean != nil || b.Std != nil
	switch {
	case b.InputMode != "" && numbers:
		return nil, errors.New("input mode and mean/std: want one of them")
	case b.InputMode != "":
		n, err := transform.ParseMode(b.InputMode)
		return &n, err
	case !numbers:
		return nil, nil
	case len(b.Mean) != 3 || len(b.Std) != 3:
		return nil, fmt.Errorf("mean of %d numbers and std of %d, want 3 each", len(b.Mean), len(b.Std))
	}
	for _, s := range b.Std {
		if !(s > 0) {
			return nil, fmt.Errorf("std %v, want numbers above 0", b.Std)
		}
	}
	return &transform.Normalise{Mean: [3]float32(b.Mean), Std: [3]float32(b.Std)}, nil
}

// load reads the network.
func (b *Backbone) load() (*backbone.Backbone, error) {
	norm, err := b.normalise()
	if err != nil {
		return nil, err
	}
	o := backbone.Options{Cut: b.Cut, Normalise: norm, Width: b.Size, Height: b.Size, Short: b.Short}
	if b.Resize != "" {
		rule, err := transform.ParseRule(b.Resize)
		if err != nil {
			return nil, err
		}
		o.Resize = &rule
	}
	if b.Filter != "" {
		filter, err := transform.ParseFilter(b.Filter)
		if err != nil {
			return nil, err
		}
		o.Filter = &filter
	}
	if b.File == "" {
		return backbone.Embedded(o)
	}
	data, err := onnx.ReadBytes(b.File)
	if err != nil {
		return nil, fmt.Errorf("backbone: %w", err)
	}
	name := filepath.Base(b.File)
	return backbone.FromONNX(data, name, o)
}

// validate reports the fields of r that make no sense, together.
func (r *Reading) validate() error {
	var errs []error
	if _, err := parseMaxBad(r.MaxBad); err != nil {
		errs = append(errs, err)
	}
	if r.MaxPixels < 0 {
		errs = append(errs, fmt.Errorf("max pixels %d, want at least 1", r.MaxPixels))
	}
	if r.Threads < 0 {
		errs = append(errs, fmt.Errorf("threads %d, want at least 1", r.Threads))
	}
	return errors.Join(errs...)
}

// openData finds the pictures at path and tells what was found.
func openData(ctx context.Context, path string, r Reading, tell progress) (*dataset.Dataset, error) {
	d, err := dataset.Open(ctx, path, dataset.Options{Exclude: r.Exclude, Threads: r.Threads})
	if err != nil {
		return nil, err
	}
	tell.note("%s: %s in %s", d.Name, count(len(d.Samples), "picture", "pictures"), count(len(d.Classes), "class", "classes"))
	for _, n := range d.Notes {
		tell.note("%s", n)
	}
	if hint := d.ConvertHint(); hint != "" {
		tell.warn("%s", hint)
	}
	if n := d.Ignored.Total(); n > 0 {
		tell.note("%d files are no pictures: %v", n, d.Ignored)
	}
	for _, s := range d.Skipped[:min(len(d.Skipped), shownSkipped)] {
		tell.warn("%s: %s", s.Path, s.Reason)
	}
	if more := len(d.Skipped) - shownSkipped; more > 0 {
		tell.warn("and %d more files that cannot be used", more)
	}
	return d, nil
}

// shownSkipped is how many of the skipped files are named as they are found; skipped.csv names all.
const shownSkipped = 10

// parseMaxBad reads Reading.MaxBad.
func parseMaxBad(text string) (loader.MaxBad, error) {
	if text == "" {
		return loader.MaxBad{}, nil
	}
	return loader.ParseMaxBad(text)
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
