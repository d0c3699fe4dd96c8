package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/graft-ml/graft"
	"github.com/graft-ml/graft/internal/report"
)

func newTrain() *cobra.Command {
	var o graft.TrainOptions
	out := newOutput()
	cmd := &cobra.Command{
		Use:   "train DIR|ARCHIVE|CSV",
		Short: "Train a classifier on labelled pictures and evaluate it",
		Long: `Train a classifier on labelled pictures and evaluate it on pictures held out from training.

The argument is a folder with one folder of pictures per class, a .zip, .tar or .tar.gz archive of such
folders, a folder with train/ and test/ trees, or a CSV file with the columns path,label[,split].
Depths of the network and heads are compared by cross-validation on the pictures that are not for the
test, and the best are taken; flags for the head or for depths say it instead.
The result is a run folder with model.onnx, metrics.json, predictions.csv, history.csv, split.csv and skipped.csv.`,
		Example: `  graft train photos
  graft train photos.zip -o runs/first --epochs 10
  graft train photos --backbone resnet18.onnx --input-mode torch --resize crop
  graft train photos --strategy finetune --tune-epochs 6`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Progress = out.event
			if err := settleTraining(cmd, &o); err != nil {
				return err
			}
			run, err := graft.Train(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			return showRun(out, run)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "run folder (default: runs/NAME after the data)")
	addTraining(cmd, &o)
	out.addFlags(f)
	return cmd
}

// executable is what the system holds of graft's own code and embedded network in memory, of which Go's heap knows nothing.
const executable = 20e6

// limitMemory has garbage collected in time, so that what is no longer used does not exceed --memory.
func limitMemory(megabytes int) {
	if megabytes > 0 {
		debug.SetMemoryLimit(max(int64(megabytes)*1e6-executable, 1))
	}
}

// defaultTest is the share of the test, written out so that --help shows it.
const defaultTest = 0.2

// checkTest refuses a test of nothing, which the library would take for its default.
func checkTest(share float64) error {
	if share == 0 {
		return usageError{errors.New("--test 0: want a share above 0 and below 1, there is no honest figure without a test")}
	}
	return nil
}

// settleTraining makes of a training's flags what the library takes, and has the process keep to --memory.
func settleTraining(cmd *cobra.Command, o *graft.TrainOptions) error {
	if err := settleTest(cmd, &o.Test, o.TrainPerClass); err != nil {
		return err
	}
	if err := checkTuning(cmd, o.Strategy); err != nil {
		return err
	}
	o.NoValidation = o.Validation == 0
	limitMemory(o.Tuning.MemoryMB)
	return nil
}

// checkTuning refuses flags of how a network is trained where the strategy that is named trains a head alone: they
// would do nothing.
func checkTuning(cmd *cobra.Command, strategy string) error {
	if !slices.Contains([]string{"frozen", "early", "multi"}, strategy) {
		return nil
	}
	var all pflag.FlagSet
	addTuning(&all, new(graft.Tuning))
	var given []string
	all.VisitAll(func(f *pflag.Flag) {
		if f.Name != "memory" && cmd.Flags().Changed(f.Name) {
			given = append(given, "--"+f.Name)
		}
	})
	if given == nil {
		return nil
	}
	return usageError{fmt.Errorf("strategy %q trains a head alone, for which there is no %s: the strategies partial, finetune and scratch train the network",
		strategy, strings.Join(given, ", "))}
}

// settleTest is checkTest where a number of training pictures of each class may stand for the share of the test: then
// the default share does not count.
func settleTest(cmd *cobra.Command, share *float64, perClass int) error {
	if perClass != 0 && !cmd.Flags().Changed("test") {
		*share = 0
		return nil
	}
	return checkTest(*share)
}

// addTraining adds all flags of a training but where its results go.
func addTraining(cmd *cobra.Command, o *graft.TrainOptions) {
	f := cmd.Flags()
	f.StringVar(&o.Strategy, "strategy", "", "how much of the network is trained: auto, frozen, early, multi, partial, finetune or scratch (default auto; frozen where a flag says how the head is trained; with --depth early or multi)")
	f.BoolVar(&o.Resume, "resume", false, "go on with the run that was stopped, or begin it")
	f.DurationVar(&o.Budget, "budget", 0, "time that auto has: then it begins with no further candidate (default 10m)")
	f.StringVar(&o.Precision, "precision", "", "what a frozen network computes in: f32, bf16, int8, or auto, the fastest that keeps the accuracy (default f32)")
	f.BoolVar(&o.QDQ, "qdq", false, "with --precision int8 or auto: also write the model as model-qdq.onnx, quantised for other runtimes")
	f.Uint64Var(&o.Seed, "seed", 0, "of the split, the initial weights and the order of pictures")
	f.Float64Var(&o.Test, "test", defaultTest, "share of each class held out for the test")
	f.IntVar(&o.TrainPerClass, "train-per-class", 0, "train on so many pictures of each class, validation included, and test on all others (instead of --test)")
	f.Float64Var(&o.Validation, "val", 0.1, "share of the rest that chooses the number of epochs; 0: none, all epochs are run")
	f.IntVar(&o.Repeats, "repeats", 0, "also train on the splits of this many seeds from --seed on, for means whose intervals include the split")
	f.IntVar(&o.Folds, "folds", 0, "likewise on so many folds of a cross-validation, for each seed")
	f.BoolVar(&o.NoRefit, "no-refit", false, "keep the best epoch's head instead of fitting again with the validation pictures")
	f.StringVar(&o.Augment, "augment", "", "random augmentations of training pictures, as hflip,rotation=15, or light, standard or strong (see graft augment)")
	f.IntVar(&o.Views, "views", 0, "views of each training picture that a frozen base runs on (default 1; with --augment 4)")
	f.StringVar(&o.TTA, "tta", "", "fixed views that every prediction averages: hflip, vflip, crops, several, or 2, 5 or 10 of them (default: the picture alone)")
	f.BoolVar(&o.Fresh, "fresh", false, "draw the augmentations anew in every epoch of a head on a frozen base, which then runs in every epoch")
	addBackbone(f, &o.Backbone)
	addReading(f, &o.Reading)
	addHead(f, &o.Head)
	addTuning(f, &o.Tuning)
	addTeacher(f, &o.Teacher)
}

// runJSON is what `graft train --json` prints.
type runJSON struct {
	Dir    string        `json:"dir"`
	Model  string        `json:"model"`
	Test   any           `json:"test"`
	Best   int           `json:"best_epoch"`
	Stages []graft.Stage `json:"stages"`

	OverSplits *graft.Repeats `json:"over_splits,omitempty"`
	Balance    *graft.Balance `json:"balance,omitempty"`

	Precision graft.PrecisionInfo `json:"precision"`
	Choice    *graft.Choice       `json:"choice,omitempty"` // of the strategy auto
}

func showRun(out *output, run *graft.Run) error {
	out.endBar()
	if out.JSON {
		return out.object(runJSON{run.Dir, run.Model, run.Report, run.Best, run.Stages, run.OverSplits, run.Balance, run.Precision, run.Choice})
	}
	showChoice(out, run.Choice)
	if err := report.Text(out.out, run.Report, report.TextOptions{}); err != nil {
		return err
	}
	if err := showSplits(out, run.OverSplits); err != nil {
		return err
	}
	var times []string
	for _, s := range run.Stages {
		times = append(times, fmt.Sprintf("%s %.1f s", s.Name, s.Seconds))
	}
	out.printf("\n")
	if run.Balance != nil {
		out.printf("classes  %v\n", run.Balance)
	}
	out.printf("time     %s\n", strings.Join(times, ", "))
	out.printf("numbers  %s (%s)\n", run.Precision.Name, run.Precision.Path)
	out.printf("model    %s\n", run.Model)
	out.printf("predict  %s predict %s PICTURE…\n", self(), shellQuote(filepath.ToSlash(run.Model)))
	return nil
}

// showSplits shows the scores over several splits, if there are any.
func showSplits(out *output, r *graft.Repeats) error {
	if r == nil {
		return nil
	}
	first, last := r.Fits[0].Seed, r.Fits[len(r.Fits)-1].Seed
	seeds := fmt.Sprintf("seed %d", first)
	if first != last {
		seeds = fmt.Sprintf("seeds %d to %d", first, last)
	}
	if r.Folds > 0 {
		seeds = fmt.Sprintf("%d folds, %s", r.Folds, seeds)
	}
	out.printf("\n")
	return report.OverSplits(out.out, fmt.Sprintf("Over %d splits (%s)", len(r.Fits), seeds), r.Scores)
}
