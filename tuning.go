package graft

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/train"
)

// Tuning says how the network itself is trained, for the strategies that do so. The zero value of a field means
// its default.
type Tuning struct {
	Epochs int // in all; 0: 10, of "scratch" 30

	// Stages is how many of the last stages train: with "partial" throughout, with "finetune" for the first third of
	// the epochs. 0: 1. A stage is what lies between two halvings of the pictures' size.
	Stages int

	// LayerDecay is what each stage further from the head multiplies the learning rate by, in (0,1]. 0: 0.7; of
	// "scratch" 1.
	LayerDecay float64

	Optimizer    string  // "adamw" (default), "adam", "lamb" or "sgd"
	LearningRate float64 // 0: 2e-4, for sgd 1e-2; of "scratch" 1e-3 and 0.1
	Momentum     float64 // of sgd; 0: 0.9
	Nesterov     bool
	WeightDecay  float64 // of weights, not of biases and normalisations; 0: 0.01, for sgd and adam 1e-4; below 0: none
	Schedule     string  // of each phase: "cosine" (default), "one-cycle", "step" or "constant"
	Warmup       int     // epochs of each phase through which the rate rises; 0: a tenth of its steps; below 0: none
	ClipNorm     float64 // largest norm of the gradient; 0: none
	Average      float64 // decay of a moving average of the weights, which is measured and kept; 0: none

	Batch      int // pictures a step; 0: 32
	MicroBatch int // pictures computed at a time, for less memory; 0: Batch
	Patience   int // epochs without a better validation loss that end a phase; 0: 5; below 0: never

	// BatchNorm is "frozen" (default): batch normalisations use the statistics that came with the network, as at
	// prediction; or "batch" (default of "scratch"): those of each batch, or part of a batch, which the network's follow.
	BatchNorm string

	// Precision is what the products of the convolutions that train are computed in, forward and backward: "f32"
	// (default), or "bf16", numbers of half the length. Weights, their gradients, sums and all else are float32. It says
	// nothing of the model, which runs in float32. Where the processor has no instruction for bf16, it is slower than f32.
	Precision string

	// MemoryMB is how many megabytes the training may take: values and gradients, weights, the optimiser's state, two
	// batches of pictures, what a Teacher takes and what measuring does, and something for the rest of the program. Where a
	// batch does not fit, a part of the values is computed twice; where that is not enough, fewer pictures are computed at a
	// time, as with MicroBatch; where one does not fit, it is an error. 0: no limit.
	MemoryMB int

	// CacheMB is how many megabytes the disk may give to "partial" for what the frozen stages give for each picture;
	// beyond it they run again in each epoch. 0: 20 000; below 0: none.
	CacheMB int

	CheckpointEvery time.Duration // between checkpoints within an epoch; 0: ten minutes
}

// Values of Tuning.BatchNorm.
const (
	normFrozen = "frozen"
	normBatch  = "batch"
)

// defaultTuneEpochs are those of strategies that begin with trained weights.
const defaultTuneEpochs = 10

// defaultTuneBatch is how many pictures a step has.
const defaultTuneBatch = 32

// withDefaults fills in what depends on the strategy.
func (t Tuning) withDefaults(strategy string) Tuning {
	epochs, decay, norm := defaultTuneEpochs, 0.7, normFrozen
	if strategy == strategyScratch {
		epochs, decay, norm = 30, 1, normBatch
		if t.LearningRate == 0 {
			t.LearningRate = 1e-3
			if t.Optimizer == train.SGD {
				t.LearningRate = 0.1
			}
		}
	}
	if t.Epochs == 0 {
		t.Epochs = epochs
	}
	if t.LayerDecay == 0 {
		t.LayerDecay = decay
	}
	if t.BatchNorm == "" {
		t.BatchNorm = norm
	}
	if t.Precision == "" {
		t.Precision = nn.F32.String()
	}
	if t.Stages == 0 {
		t.Stages = 1
	}
	if t.CacheMB == 0 {
		t.CacheMB = 20_000
	}
	return t
}

// overhead is about what graft takes beside what it trains: its code, the pictures being decoded, and what has not been
// collected yet. Measured with MobileNetV2 at 224 pixels.
const overhead = 64e6

// options is t as package train takes it.
func (t Tuning) options() train.TuneOptions {
	p, _ := parsePrecision(t.Precision) // validate has looked at it
	return train.TuneOptions{
		Optimizer: t.Optimizer, LearningRate: t.LearningRate, Momentum: t.Momentum, Nesterov: t.Nesterov, WeightDecay: t.WeightDecay,
		Schedule: t.Schedule, Warmup: t.Warmup, ClipNorm: t.ClipNorm, Average: t.Average,
		Batch: t.Batch, Micro: t.MicroBatch, Memory: int64(t.MemoryMB) * 1e6, Overhead: overhead, Patience: t.Patience, BatchStats: t.BatchNorm == normBatch,
		Precision: p,
	}
}

// validate reports the fields of t that make no sense, together, before there are any classes.
func (t Tuning) validate() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(t.Epochs >= 0, "epochs of tuning %d, want at least 1", t.Epochs)
	bad(t.Stages >= 0, "stages %d, want at least 1", t.Stages)
	bad(t.LayerDecay >= 0 && t.LayerDecay <= 1 && !math.IsNaN(t.LayerDecay), "layer decay %v, want above 0 and at most 1", t.LayerDecay)
	bad(t.BatchNorm == "" || t.BatchNorm == normFrozen || t.BatchNorm == normBatch, "batch norm %q, want frozen or batch", t.BatchNorm)
	bad(slices.Contains([]string{"", nn.F32.String(), nn.BF16.String()}, t.Precision), "precision of tuning %q, want f32 or bf16", t.Precision)
	bad(t.MemoryMB >= 0, "memory of %d megabytes, want at least 1", t.MemoryMB)
	bad(t.CheckpointEvery >= 0, "time between checkpoints %v, want a positive one", t.CheckpointEvery)
	o := t.options()
	o.Classes, o.Memory, o.Precision = 2, 0, nn.F32 // the latter two have been looked at
	return errors.Join(append(errs, o.Validate())...)
}
