package graft

import (
	"context"
	"errors"
	"fmt"

	"github.com/graft-ml/graft/dataset"
	"github.com/graft-ml/graft/internal/loader"
)

// OptionError is the error of options that make no sense.
type OptionError struct{ Err error }

func (e *OptionError) Error() string { return e.Err.Error() }
func (e *OptionError) Unwrap() error { return e.Err }

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
	tellFound(d, tell)
	return d, nil
}

// openUnlabelled is openData for pictures that need no labels.
func openUnlabelled(ctx context.Context, path string, r Reading, tell progress) (*dataset.Dataset, error) {
	d, err := dataset.Open(ctx, path, dataset.Options{Unlabelled: true, Threads: r.Threads})
	if err != nil {
		return nil, err
	}
	tell.note("%s: %s", d.Name, count(len(d.Samples), "picture", "pictures"))
	tellFound(d, tell)
	return d, nil
}

// tellFound tells what was found besides pictures to use.
func tellFound(d *dataset.Dataset, tell progress) {
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

// plural is the noun for a number.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// count is a number with its noun.
func count(n int, one, many string) string {
	return fmt.Sprintf("%d %s", n, plural(n, one, many))
}
