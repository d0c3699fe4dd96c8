package graft_test

import (
	"path/filepath"
	"testing"

	"github.com/graft-ml/graft"
)

// TestRepeatsAreRuns checks that a repeat is the run of its seed, and that the model's own test is the first of them.
func TestRepeatsAreRuns(t *testing.T) {
	dir := paint()
	temporary = append(temporary, dir)
	o := graft.TrainOptions{Seed: 4, Repeats: 3, Test: 0.4, Head: graft.Head{Epochs: 2}, Reading: graft.Reading{Cache: filepath.Join(dir, "cache")}, Out: filepath.Join(dir, "repeats")}
	all, err := graft.Train(t.Context(), filepath.Join(dir, "photos"), o)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(all.OverSplits.Fits); n != 3 {
		t.Fatalf("%d fits, want 3", n)
	}
	hashes := map[string]bool{}
	for n, f := range all.OverSplits.Fits {
		hashes[f.Tested] = true
		one := o
		one.Seed, one.Repeats, one.Out = f.Seed, 0, filepath.Join(dir, f.Tested)
		run, err := graft.Train(t.Context(), filepath.Join(dir, "photos"), one)
		if err != nil {
			t.Fatal(err)
		}
		for s, want := range run.Report.Scores {
			if got := all.OverSplits.Scores[s].Values[n]; got != want.Value {
				t.Errorf("seed %d: %s is %v, want that of a run of its own, %v", f.Seed, want.Key, got, want.Value)
			}
			if n == 0 && all.Report.Scores[s].Value != want.Value {
				t.Errorf("the run's own %s is %v, want %v", want.Key, all.Report.Scores[s].Value, want.Value)
			}
		}
	}
	if len(hashes) != 3 {
		t.Errorf("%d different tests, want 3", len(hashes))
	}
}
