package graft

import (
	"context"
	"fmt"

	"github.com/graft-ml/graft/dataset"
)

// SplitOptions says how Split divides the pictures.
type SplitOptions struct {
	Test     float64 // share of each class; 0: 0.2
	Seed     uint64
	Mode     string // "copy" (default), "hardlink" or "symlink"
	Exclude  []string
	Progress func(Event)
}

// Split writes train/ and test/ trees of the pictures at path to the new folder out: the test pictures are
// those that Train would hold out with the same seed and share. Nothing at path is changed.
func Split(ctx context.Context, path, out string, o SplitOptions) (*SplitInfo, error) {
	if err := checkOutput(path, out); err != nil {
		return nil, err
	}
	mode, ok := splitModes[o.Mode]
	if !ok {
		return nil, &OptionError{fmt.Errorf("mode %q, want copy, hardlink or symlink", o.Mode)}
	}
	if o.Test < 0 || o.Test >= 1 {
		return nil, &OptionError{fmt.Errorf("test share %v, want at least 0 and below 1", o.Test)}
	}
	tell := progress(o.Progress)
	d, err := openData(ctx, path, Reading{Exclude: o.Exclude}, tell)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	s, err := d.Split(dataset.SplitOptions{Seed: o.Seed, Test: o.Test, Validation: -1})
	if err != nil {
		return nil, err
	}
	for _, n := range s.Notes {
		tell.note("%s", n)
	}
	info := &SplitInfo{o.Seed, len(s.Train), len(s.Validation), len(s.Test)}
	return info, dataset.WriteTree(ctx, d, s, out, mode)
}

// splitModes are the ways in which Split puts a picture into a tree.
var splitModes = map[string]dataset.Mode{"": dataset.Copy, "copy": dataset.Copy, "hardlink": dataset.Hardlink, "symlink": dataset.Symlink}
