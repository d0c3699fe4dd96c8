package graft_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graft-ml/graft"
	"github.com/graft-ml/graft/internal/atomicfile"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/random"
	"github.com/graft-ml/graft/internal/tensor"
)

// writeTiny writes a network of three stages for pictures of 12×12, with batch normalisations and a residual
// block, that trains in milliseconds.
func writeTiny(tb testing.TB, path string) {
	tb.Helper()
	b := nn.NewBuilder("tiny")
	init := func(name string, from, to float64, shape ...int) string {
		s, x := random.New(uint64(len(name)), uint64(shape[0])), tensor.New(tensor.Float32, shape...)
		for i := range x.F {
			x.F[i] = float32(s.Between(from, to))
		}
		return b.Const(name, x)
	}
	layer := func(x, name string, in, out, stride int) string {
		x = b.Op("Conv", nn.Attrs{"strides": []int64{int64(stride), int64(stride)}, "pads": []int64{1, 1, 1, 1}}, x, init(name+".weight", -.4, .4, out, in, 3, 3))
		return b.Op("BatchNormalization", nil, x, init(name+".scale", .8, 1.2, out), init(name+".shift", -.1, .1, out),
			init(name+".mean", -.1, .1, out), init(name+".var", .8, 1.2, out))
	}
	x := b.Op("Relu", nil, layer(b.Input("input", tensor.Free, 3, 12, 12), "stem", 3, 4, 2))
	x = b.Op("Relu", nil, b.Op("Add", nil, layer(x, "block", 4, 4, 1), x))
	x = b.Op("Relu", nil, layer(x, "top", 4, 6, 2))
	x = b.Op("Flatten", nil, b.Op("GlobalAveragePool", nil, x))
	b.Output("logits", b.Op("Gemm", nil, x, init("fc.weight", -1, 1, 6, 5), init("fc.bias", 0, 1, 5)))
	g, err := b.Build()
	if err != nil {
		tb.Fatal(err)
	}
	data, err := onnx.Encode(&onnx.Model{Graph: g})
	if err == nil {
		err = os.WriteFile(path, data, 0o666)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// tinyOptions trains the tiny network with a strategy. Everything lies in dir, which has the pictures too.
func tinyOptions(dir, strategy string) graft.TrainOptions {
	return graft.TrainOptions{
		Backbone: graft.Backbone{Name: filepath.Join(dir, "tiny.onnx"), InputMode: "tf"},
		Reading:  graft.Reading{Cache: filepath.Join(dir, "cache")},
		Head:     graft.Head{Epochs: 2}, Strategy: strategy, Seed: 5, Out: filepath.Join(dir, "run"),
		Tuning: graft.Tuning{Epochs: 3, Batch: 4, LearningRate: 5e-3, Average: 0.9},
	}
}

// tinyFolder makes a folder with red and blue pictures and the tiny network.
func tinyFolder(tb testing.TB) string {
	tb.Helper()
	dir := paint()
	tb.Cleanup(func() { os.RemoveAll(dir) })
	writeTiny(tb, filepath.Join(dir, "tiny.onnx"))
	return dir
}

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Each strategy gives a model that opens and is as good as its report says, the same bytes for any number of threads.
func TestStrategies(t *testing.T) {
	dir := tinyFolder(t)
	photos := filepath.Join(dir, "photos")
	for _, strategy := range []string{"finetune", "partial", "scratch"} {
		t.Run(strategy, func(t *testing.T) {
			var first []byte
			for _, threads := range []int{1, 2, 5} {
				o := tinyOptions(dir, strategy)
				o.Reading.Threads, o.Out = threads, filepath.Join(t.TempDir(), "run")
				run, err := graft.Train(t.Context(), photos, o)
				if err != nil {
					t.Fatal(err)
				}
				if len(run.History) != 3 || run.History[0].Phase == "" {
					t.Errorf("history %+v", run.History)
				}
				if left, _ := filepath.Glob(run.Dir + ".partial*"); left != nil {
					t.Errorf("left over: %v", left)
				}
				model := readFile(t, run.Model)
				if first == nil {
					first = model
					checkReport(t, run, photos)
				}
				if !bytes.Equal(model, first) {
					t.Errorf("%d threads: another model", threads)
				}
			}
		})
	}
}

// What the frozen stages give is computed once, kept within the budget, and never changes a result.
func TestPartialCache(t *testing.T) {
	dir := tinyFolder(t)
	o := tinyOptions(dir, "partial")
	ran := ""
	train := func(change func(*graft.TrainOptions)) []byte {
		t.Helper()
		own := o
		change(&own)
		own.Out = filepath.Join(t.TempDir(), "run")
		own.Progress = func(e graft.Event) {
			if strings.HasPrefix(e.Note, "the frozen stages end") {
				ran = e.Note
			}
		}
		run, err := graft.Train(t.Context(), filepath.Join(dir, "photos"), own)
		if err != nil {
			t.Fatal(err)
		}
		if left, _ := filepath.Glob(own.Out + ".partial*"); left != nil {
			t.Errorf("left over: %v", left)
		}
		return readFile(t, run.Model)
	}
	want := train(func(*graft.TrainOptions) {})
	if !strings.Contains(ran, "[4 6 6]: 16 of 16 pictures") || !strings.HasSuffix(ran, "16 ran through them") {
		t.Errorf("the first run: %s", ran)
	}
	for name, change := range map[string]func(*graft.TrainOptions){
		"0 ran through them":  func(*graft.TrainOptions) {},
		"no budget":           func(o *graft.TrainOptions) { o.Tuning.CacheMB = -1 },
		"16 ran through them": func(o *graft.TrainOptions) { o.Reading.NoCache = true },
	} {
		if ran = ""; !bytes.Equal(train(change), want) {
			t.Errorf("%s: another model", name)
		}
		if strings.HasSuffix(name, "them") != strings.HasSuffix(ran, name) {
			t.Errorf("%s: %q", name, ran)
		}
	}
}

// Augmented runs are the same for any number of threads and after a stop, and not those without augmentation.
func TestAugmentedRuns(t *testing.T) {
	dir := tinyFolder(t)
	photos := filepath.Join(dir, "photos")
	train := func(strategy, augment string, threads, stopAfter int) []byte {
		t.Helper()
		o := tinyOptions(dir, strategy)
		o.Augment = augment
		model, _ := trainFile(t, photos, o, threads, stopAfter)
		return model
	}
	plain := map[string][]byte{"finetune": train("finetune", "", 1, 0), "partial": train("partial", "", 1, 0)}
	for _, k := range [][2]string{{"finetune", "hflip,rotation=20"}, {"finetune", "mixup,cutmix,hflip"}, {"partial", "mixup,rotation=20"}} {
		strategy, augment := k[0], k[1]
		want := train(strategy, augment, 1, 0)
		if bytes.Equal(want, plain[strategy]) {
			t.Errorf("%s: %s changes nothing", strategy, augment)
		}
		if !bytes.Equal(train(strategy, augment, 5, 6), want) {
			t.Errorf("%s, %s: another model with 5 threads, after a stop", strategy, augment)
		}
	}
}

// checkReport compares a run's report with what its model, opened again, scores on the same pictures.
func checkReport(t *testing.T, run *graft.Run, photos string) {
	t.Helper()
	m, err := graft.Open(run.Model, graft.ModelOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e, err := graft.Evaluate(t.Context(), m, photos, graft.EvalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(e.Test.Scores), fmt.Sprint(run.Report.Scores); got != want {
		t.Errorf("the model scores %v, its report says %v", got, want)
	}
}

// A run that is stopped again and again ends with the bytes of one that was not.
func TestResumeRun(t *testing.T) {
	dir := tinyFolder(t)
	photos := filepath.Join(dir, "photos")
	for _, strategy := range []string{"finetune", "partial", "scratch"} {
		t.Run(strategy, func(t *testing.T) {
			o := tinyOptions(dir, strategy)
			o.Out = filepath.Join(t.TempDir(), "whole")
			whole, err := graft.Train(t.Context(), photos, o)
			if err != nil {
				t.Fatal(err)
			}
			o.Out, o.Resume = filepath.Join(t.TempDir(), "run"), true
			for session := 1; ; session++ {
				ctx, cancel := context.WithCancel(t.Context())
				steps, hint := 0, false
				o.Reading.Threads = 1 + session%3
				o.Progress = func(e graft.Event) {
					if e.Step != nil && e.Step.Name == "tune" {
						if steps++; steps == 3 {
							cancel()
						}
					}
					hint = hint || strings.Contains(e.Note, "--resume goes on")
				}
				run, err := graft.Train(ctx, photos, o)
				cancel()
				if err == nil {
					if !bytes.Equal(readFile(t, run.Model), readFile(t, whole.Model)) {
						t.Errorf("another model after %d sessions", session)
					}
					if session < 3 {
						t.Errorf("only %d sessions", session)
					}
					return
				}
				if !errors.Is(err, context.Canceled) || !hint {
					t.Fatalf("session %d: %v, told how to go on: %v", session, err, hint)
				}
			}
		})
	}
}

func TestUnfinishedRuns(t *testing.T) {
	dir := tinyFolder(t)
	o := tinyOptions(dir, "finetune")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Progress = func(e graft.Event) {
		if e.Epoch != nil && e.Epoch.Phase != "" {
			cancel()
		}
	}
	if _, err := graft.Train(ctx, filepath.Join(dir, "photos"), o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	o.Progress = nil
	for want, change := range map[string]func(o *graft.TrainOptions){
		"holds an unfinished run":                     func(*graft.TrainOptions) {},
		"tuning LearningRate 0.005 there, 0.001 here": func(o *graft.TrainOptions) { o.Resume, o.Tuning.LearningRate = true, 1e-3 },
		"tuning Precision f32 there, bf16 here":       func(o *graft.TrainOptions) { o.Resume, o.Tuning.Precision = true, "bf16" },
		"strategy finetune there, partial here":       func(o *graft.TrainOptions) { o.Resume, o.Strategy = true, "partial" },
		"seed 5 there, 6 here":                        func(o *graft.TrainOptions) { o.Resume, o.Seed = true, 6 },
	} {
		again := o
		change(&again)
		if _, err := graft.Train(t.Context(), filepath.Join(dir, "photos"), again); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	lock, err := os.OpenFile(filepath.Join(o.Out+".partial", ".graft-lock"), os.O_RDWR, 0)
	if err == nil {
		err = atomicfile.TryLock(lock)
	}
	if err != nil {
		t.Fatal(err)
	}
	again := o
	again.Resume = true
	if _, err := graft.Train(t.Context(), filepath.Join(dir, "photos"), again); err == nil || !strings.Contains(err.Error(), "another process is at work") {
		t.Errorf("while another process has it: %v", err)
	}
	lock.Close()
	// What the user keeps there stays.
	notes := filepath.Join(o.Out+".partial", "notes.txt")
	if err := os.WriteFile(notes, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	o.Resume = true
	if _, err := graft.Train(t.Context(), filepath.Join(dir, "photos"), o); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(o.Out+".partial", "*")); len(left) != 1 || left[0] != notes {
		t.Errorf("left: %v", left)
	}
}

// A sweep finds a rate for each strategy, draws it, and leaves nothing else.
func TestFindRate(t *testing.T) {
	dir := tinyFolder(t)
	for _, strategy := range []string{"frozen", "partial", "finetune", "scratch"} {
		t.Run(strategy, func(t *testing.T) {
			o := tinyOptions(dir, strategy)
			o.Tuning.LearningRate = 0
			plot := filepath.Join(t.TempDir(), "rates.svg")
			curve, err := graft.FindRate(t.Context(), filepath.Join(dir, "photos"), o, graft.RateSweep{Steps: 40, Plot: plot})
			if err != nil {
				t.Fatal(err)
			}
			if len(curve.Points) < 10 || curve.Suggested < 1e-6 || curve.Suggested > 1 || curve.Reason == "" {
				t.Errorf("%+v", curve)
			}
			if !bytes.HasPrefix(readFile(t, plot), []byte("<?xml")) {
				t.Error("the plot is no SVG")
			}
			if left, _ := filepath.Glob(o.Out + "*"); left != nil {
				t.Errorf("left over: %v", left)
			}
		})
	}
	if _, err := graft.FindRate(t.Context(), filepath.Join(dir, "photos"), tinyOptions(dir, "finetune"), graft.RateSweep{From: 2, To: 1}); err == nil {
		t.Error("a sweep from 2 to 1 is taken")
	}
}
