package graft

import (
	"context"
	"fmt"

	"github.com/graft-ml/graft/dataset"
)

// SplitOptions says how Split divides the pictures.
type SplitOptions struct {
	Test     float64 // share of each class; 0: 0.2
	PerClass int     // above 0: so many pictures of each class are in train/, all others in test/; Test is 0 then
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
	if err := checkShares(o.Test, o.PerClass); err != nil {
		return nil, &OptionError{err}
	}
	tell := progress(o.Progress)
	d, err := openData(ctx, path, Reading{Exclude: o.Exclude}, tell)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	s, err := d.Split(dataset.SplitOptions{Seed: o.Seed, Test: o.Test, Validation: -1, TrainPerClass: o.PerClass})
	if err != nil {
		return nil, err
	}
	for _, n := range s.Notes {
		tell.note("%s", n)
	}
	info := &SplitInfo{Seed: o.Seed, Train: len(s.Train), Validation: len(s.Validation), Test: len(s.Test), PerClass: o.PerClass}
	return info, dataset.WriteTree(ctx, d, s, out, mode)
}

// checkShares returns what is wrong with the share of the test, or the number of pictures of each class that stands for it.
func checkShares(test float64, perClass int) error {
	switch {
	case !(test >= 0 && test < 1):
		return fmt.Errorf("test share %v, want at least 0 and below 1", test)
	case perClass < 0:
		return fmt.Errorf("%d training pictures of each class, want at least 1", perClass)
	case perClass > 0 && test > 0:
		return fmt.Errorf("%d training pictures of each class and a test share %v, want one of the two", perClass, test)
	}
	return nil
}

// splitModes are the ways in which Split puts a picture into a tree.
var splitModes = map[string]dataset.Mode{"": dataset.Copy, "copy": dataset.Copy, "hardlink": dataset.Hardlink, "symlink": dataset.Symlink}
