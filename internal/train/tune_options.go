package train

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/graft-ml/graft/internal/nn"
)

// TuneOptions says how a network is trained. The zero value of a field means its default.
type TuneOptions struct {
	Classes    int
	MultiLabel bool

	Optimizer    string  // AdamW (default), Adam, LAMB or SGD
	LearningRate float64 // default 2e-4, for SGD 1e-2
	Momentum     float64 // of SGD, in [0,1); default 0.9
	Nesterov     bool
	// WeightDecay shrinks weights, never biases or the parameters of normalisations; see HeadOptions.
	// Default 0.01, for SGD and Adam 1e-4; negative: none.
	WeightDecay float64

	// Schedule of the learning rate, laid out for each phase: Cosine (default), OneCycle, Constant or Step (by a
	// tenth after each third).
	Schedule string
	// Warmup is the epochs of each phase through which the rate rises; default a tenth of the phase's steps, and none
	// for OneCycle. Negative: none.
	Warmup int

	ClipNorm float64 // the gradient is scaled down to this norm; 0: never
	Average  float64 // decay of the moving average that is measured and kept in place of the weights; 0: none

	Batch int // pictures a step; default 32
	Micro int // pictures computed at a time, where a batch does not fit; default Batch
	// Memory bounds the bytes that training takes: values, gradients and weights, the optimiser's state, two batches of
	// inputs, what measuring takes and what the Teacher does; 0: not at all. Besides, Overhead bytes of it are for whatever
	// else there is. Where a batch does not fit, some values are computed a second time; where that is not enough, fewer than
	// Micro inputs are computed at a time; where one does not fit, it is an error.
	Memory, Overhead int64

	// Precision BF16 computes the products of convolutions that train in bfloat16: see nn.TapeOptions. Default F32.
	Precision nn.Precision

	Patience int // epochs without a better validation loss before a phase ends; default 5; negative: never

	// BatchStats normalises by the statistics of each batch, or of each part of it where Micro is smaller, and has
	// those of the network follow them. Otherwise they are frozen, in training as at prediction.
	BatchStats bool

	Teacher *Teacher // nil: the labels alone are learnt from

	Dropout        float64 // share in [0,1) dropped behind what the network names
	LabelSmoothing float64
	ClassWeights   string // see HeadOptions
	Sampling       string // see HeadOptions

	Seed uint64
	Pool *nn.Pool // nil: one thread

	Checkpoints *Checkpoints // nil: none are written
}

// Checkpoints says where and when the state of a training is kept.
type Checkpoints struct {
	Dir    string            // a folder that exists, of this training alone
	Every  time.Duration     // between those that are written within an epoch; 0: ten minutes
	Facts  map[string]string // everything that the result depends on, by name: a checkpoint with other facts is refused
	Resume bool              // go on from the newest one that is whole, if there is one
	Warn   func(string)      // is told of damaged ones; may be nil
}

// head is o as the parts that heads use too take it.
func (o TuneOptions) head() HeadOptions {
	return HeadOptions{Classes: o.Classes, MultiLabel: o.MultiLabel, Optimizer: o.Optimizer, LearningRate: o.LearningRate,
		Momentum: o.Momentum, Nesterov: o.Nesterov, WeightDecay: max(0, o.WeightDecay), Schedule: o.Schedule,
		WarmupEpochs: max(0, o.Warmup), Batch: o.Batch, Patience: o.Patience, LabelSmoothing: o.LabelSmoothing,
		ClassWeights: o.ClassWeights, Sampling: o.Sampling, Seed: o.Seed, Pool: o.Pool}
}

// Validate reports all fields that cannot be used, in one error.
func (o TuneOptions) Validate() error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	h := o.withDefaults().head()
	h.Optimizer, h.Momentum = o.Optimizer, 0
	if o.Nesterov {
		h.Nesterov = false
		want(o.Optimizer == SGD, "nesterov with optimizer %q, want sgd", o.Optimizer)
	}
	want(o.Optimizer == "" || slices.Contains([]string{AdamW, Adam, LAMB, SGD}, o.Optimizer),
		"optimizer %q of a network, want one of %s", o.Optimizer, strings.Join([]string{AdamW, Adam, LAMB, SGD}, ", "))
	want(o.Momentum >= 0 && o.Momentum < 1, "momentum %v, want at least 0 and under 1", o.Momentum)
	want(o.Momentum == 0 || o.Optimizer == SGD, "momentum with optimizer %q, want sgd", o.Optimizer)
	want(!math.IsNaN(o.WeightDecay), "weight decay %v, want a number", o.WeightDecay)
	want(o.ClipNorm >= 0, "largest norm of the gradient %v, want a positive number", o.ClipNorm)
	want(o.Average >= 0 && o.Average < 1, "decay of the average %v, want at least 0 and under 1", o.Average)
	want(o.Dropout >= 0 && o.Dropout < 1, "dropout %v, want at least 0 and under 1", o.Dropout)
	want(o.Memory >= 0 && o.Overhead >= 0, "memory of %d bytes, %d of them for something else, want positive numbers", o.Memory, o.Overhead)
	want(o.Precision == nn.F32 || o.Precision == nn.BF16, "precision %v, want f32 or bf16", o.Precision)
	want(o.Micro >= 0, "micro-batch %d, want at least 1", o.Micro)
	return errors.Join(append(errs, o.Teacher.validate(), h.Validate())...)
}

// withDefaults fills in what is not set.
func (o TuneOptions) withDefaults() TuneOptions {
	setDefault(&o.Optimizer, AdamW)
	setDefault(&o.Schedule, Cosine)
	setDefault(&o.ClassWeights, Auto)
	setDefault(&o.Sampling, None)
	decay := 1e-4
	switch o.Optimizer {
	case SGD:
		setDefault(&o.LearningRate, 1e-2)
		setDefault(&o.Momentum, 0.9)
	case AdamW, LAMB:
		decay = 1e-2
	}
	setDefault(&o.WeightDecay, decay)
	setDefault(&o.LearningRate, 2e-4)
	setDefault(&o.Batch, 32)
	setDefault(&o.Micro, o.Batch)
	o.Micro = min(o.Micro, o.Batch)
	setDefault(&o.Patience, 5)
	return o
}

// rates lays the schedule out for a phase of so many epochs of so many steps.
func (o TuneOptions) rates(epochs, steps int) schedule {
	s := schedule{kind: o.Schedule, rate: o.LearningRate, length: epochs * steps, every: max(1, epochs/3) * steps, factor: 0.1}
	switch {
	case o.Warmup > 0:
		s.warmup = min(o.Warmup, epochs) * steps
	case o.Warmup == 0 && o.Schedule != OneCycle:
		s.warmup = s.length / 10
	}
	return s
}
