package graft_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graft-ml/graft"
)

// A head whose pictures are drawn anew in every epoch is the same for any number of threads, with and without the cache,
// and another one than without the draws. The cost is told before.
func TestFresh(t *testing.T) {
	dir := tinyFolder(t)
	photos := filepath.Join(dir, "photos")
	train := func(change func(*graft.TrainOptions)) (model []byte, cost string) {
		t.Helper()
		o := tinyOptions(dir, "frozen")
		o.Head, o.Validation, o.Out = graft.Head{Epochs: 3, Batch: 4}, 0.25, filepath.Join(t.TempDir(), "run")
		o.Progress = func(e graft.Event) {
			if strings.HasPrefix(e.Note, "drawn anew") {
				cost = e.Note
			}
		}
		change(&o)
		run, err := graft.Train(t.Context(), photos, o)
		if err != nil {
			t.Fatal(err)
		}
		checkReport(t, run, photos)
		return readFile(t, run.Model), cost
	}
	plain, cost := train(func(*graft.TrainOptions) {})
	if cost != "" {
		t.Errorf("without draws: %s", cost)
	}
	for _, augment := range []string{"hflip,rotation=20", "mixup,cutmix,hflip", ""} {
		var first []byte
		for _, threads := range []int{1, 2, 5} {
			model, cost := train(func(o *graft.TrainOptions) {
				o.Fresh, o.Augment, o.Reading.Threads, o.Reading.NoCache = true, augment, threads, threads == 5
			})
			if !strings.Contains(cost, "on 12 pictures in each of at most 3 epochs") {
				t.Errorf("%q: cost %q", augment, cost)
			}
			if first == nil {
				first = model
			}
			if !bytes.Equal(model, first) {
				t.Errorf("%q: another model with %d threads", augment, threads)
			}
		}
		if bytes.Equal(first, plain) {
			t.Errorf("%q changes nothing", augment)
		}
	}
}

func TestFreshRefuses(t *testing.T) {
	dir := tinyFolder(t)
	for want, change := range map[string]func(*graft.TrainOptions){
		`fresh with strategy "partial"`:                 func(o *graft.TrainOptions) { o.Strategy = "partial" },
		`fresh with strategy "auto"`:                    func(o *graft.TrainOptions) { o.Strategy = "auto" },
		"fresh with 3 views":                            func(o *graft.TrainOptions) { o.Views = 3 },
		"fresh with repeats":                            func(o *graft.TrainOptions) { o.Repeats = 2 },
		`fresh with head "cosine"`:                      func(o *graft.TrainOptions) { o.Head.Kind = "cosine" },
		`fresh with head "" and optimizer "lbfgs"`:      func(o *graft.TrainOptions) { o.Head.Optimizer = "lbfgs" },
		"want fresh draws in every epoch, or the strat": func(o *graft.TrainOptions) { o.Fresh, o.Augment = false, "mixup" },
	} {
		o := tinyOptions(dir, "frozen")
		o.Fresh = true
		change(&o)
		if _, err := graft.Train(t.Context(), filepath.Join(dir, "photos"), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// Where an epoch draws pictures of a rare class again and again, each time another way, the model is the same for any
// number of threads, with and without the cache.
func TestDrawnAgain(t *testing.T) {
	dir := tinyFolder(t)
	photos := filepath.Join(dir, "photos")
	blue, err := filepath.Glob(filepath.Join(photos, "blue", "*"))
	if err != nil || len(blue) < 4 {
		t.Fatalf("blue pictures: %v, %v", blue, err)
	}
	for _, path := range blue[4:] {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(*graft.TrainOptions){
		"fresh":        func(o *graft.TrainOptions) { o.Fresh, o.Augment = true, "hflip,rotation=20" },
		"fresh, mixed": func(o *graft.TrainOptions) { o.Fresh, o.Augment = true, "hflip,mixup" },
		"finetune":     func(o *graft.TrainOptions) { o.Strategy, o.Augment = "finetune", "rotation=20,cutmix" },
		"with a teacher": func(o *graft.TrainOptions) {
			o.Strategy, o.Augment, o.Teacher = "finetune", "rotation=20", graft.Teacher{Name: "graft_s"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var first []byte
			for _, threads := range []int{1, 2, 5} {
				o := tinyOptions(dir, "frozen")
				o.Head, o.Out = graft.Head{Epochs: 2, Batch: 4, Sampling: "balanced", Dropout: 0.2}, filepath.Join(t.TempDir(), "run")
				o.Reading.Threads, o.Reading.NoCache = threads, threads == 5
				change(&o)
				run, err := graft.Train(t.Context(), photos, o)
				if err != nil {
					t.Fatal(err)
				}
				model := readFile(t, run.Model)
				if first == nil {
					first = model
				}
				if !bytes.Equal(model, first) {
					t.Errorf("another model with %d threads", threads)
				}
			}
		})
	}
}
