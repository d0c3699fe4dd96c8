package graft_test

import (
	"bytes"
	"image"
	"image/color"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/graft-ml/graft"
)

// noise is how much grey a pixel has at most beside that of the stripes.
const noise = 90

// paintStripes makes a folder photos of n noisy pictures a class, 12×12, that differ in the direction of faint stripes. Those
// that are there already stay.
func paintStripes(t *testing.T, dir string, n int) {
	t.Helper()
	for k, class := range []string{"across", "down", "falling", "rising"} {
		path := func(i int) string { return filepath.Join(dir, "photos", class, strconv.Itoa(i)+".png") }
		for i := n; os.Remove(path(i)) == nil; i++ {
		}
		for i := range n {
			if _, err := os.Stat(path(i)); err == nil {
				continue
			}
			r := rand.New(rand.NewPCG(uint64(k), uint64(i)))
			img, phase := image.NewGray(image.Rect(0, 0, 12, 12)), r.IntN(4)
			for y := range 12 {
				for x := range 12 {
					along := []int{y, x, x - y + 12, x + y}[k]
					img.SetGray(x, y, color.Gray{uint8(80 + 60*((along+phase)/2%2) + r.IntN(noise))})
				}
			}
			writePNG(path(i), img)
		}
	}
}

// tried trains on the stripes as auto decides, and returns the run and the row of the table about training the network.
func tried(t *testing.T, dir string, n int, change func(o *graft.TrainOptions)) (*graft.Run, graft.Trial) {
	t.Helper()
	paintStripes(t, dir, n)
	o := tinyOptions(dir, "")
	o.Out = filepath.Join(t.TempDir(), "run")
	o.Head, o.Tuning = graft.Head{}, graft.Tuning{Epochs: 8, Stages: 2, LearningRate: 2e-2, Batch: 16}
	change(&o)
	run, err := graft.Train(t.Context(), filepath.Join(dir, "photos"), o)
	if err != nil {
		t.Fatal(err)
	}
	row := run.Choice.Candidates[len(run.Choice.Candidates)-1]
	if row.Strategy != "partial" {
		t.Fatalf("the last row is %+v, want that of the strategy partial", row)
	}
	return run, row
}

// Where a network knows nothing of the pictures, and there are many, auto trains its last stages. The same seed gives
// the same model for any number of workers.
func TestAutoTrains(t *testing.T) {
	dir := t.TempDir()
	writeTiny(t, filepath.Join(dir, "tiny.onnx"))
	var model []byte
	for _, threads := range []int{1, 2, 5} {
		run, row := tried(t, dir, 400, func(o *graft.TrainOptions) { o.Reading.Threads = threads })
		if !row.Chosen || row.Accuracy < 0.95 || row.Folds != 1 || row.Name != "partial: 2 last stages, 3 epochs" {
			t.Errorf("%d threads: %+v, want it chosen", threads, row)
		}
		for _, c := range run.Choice.Candidates[:len(run.Choice.Candidates)-1] {
			if c.Behind[1] <= 0 || c.Chosen {
				t.Errorf("%s is worse by %v, want more than the interval", c.Name, c.Behind)
			}
		}
		if top1 := run.Report.Scores[0].Value; top1 < 0.95 {
			t.Errorf("%d threads: accuracy %v", threads, top1)
		}
		got := readFile(t, run.Model)
		if model == nil {
			model = got
		}
		if !bytes.Equal(got, model) {
			t.Errorf("another model with %d threads", threads)
		}
	}
}

// Where training the network is not worth it, or there is no time, a head is trained, and the table says why.
func TestAutoTrainsNot(t *testing.T) {
	dir := t.TempDir()
	writeTiny(t, filepath.Join(dir, "tiny.onnx"))
	for _, c := range []struct {
		name   string
		n      int
		change func(o *graft.TrainOptions)
		want   string
	}{
		{"few pictures", 20, func(*graft.TrainOptions) {}, "64 pictures of 4 classes are few: from 20 a class on"},
		{"little to gain", 60, func(o *graft.TrainOptions) { o.Budget = time.Hour }, "too few to show a gain (from 12 on)"},
		{"no time", 400, func(o *graft.TrainOptions) { o.Budget = time.Millisecond }, "0s of the budget of 1ms are left"},
		{"in eight bits", 60, func(o *graft.TrainOptions) { o.Precision = "int8" }, "the precision int8 is for networks that are frozen"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run, row := tried(t, dir, c.n, c.change)
			if row.Chosen || row.Folds != 0 || !strings.Contains(row.Reason, c.want) {
				t.Errorf("%+v, want %q", row, c.want)
			}
			if c.name == "no time" && row.Estimate <= 0 {
				t.Errorf("no estimate in %+v", row)
			}
			if !slices.ContainsFunc(run.Choice.Candidates, func(c graft.Trial) bool { return c.Chosen && c.Strategy == "frozen" }) {
				t.Errorf("no head was chosen of %+v", run.Choice.Candidates)
			}
		})
	}
}
