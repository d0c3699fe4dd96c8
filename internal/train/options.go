package train

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/graft-ml/graft/internal/nn"
)

// Words that HeadOptions takes.
const (
	DenseHead       = "dense"
	NearestMeanHead = "nearest-mean"
	CosineHead      = "cosine"
	KMeansHead      = "kmeans"

	ReLU = "relu"
	GELU = "gelu"

	Adam  = "adam"
	AdamW = "adamw"
	SGD   = "sgd"
	LAMB  = "lamb"
	LBFGS = "lbfgs"

	Constant = "constant"
	Step     = "step"
	Cosine   = "cosine"
	OneCycle = "one-cycle"

	Auto     = "auto"
	None     = "none"
	Balanced = "balanced"
)

// DefaultEpochs is the most epochs of a training that does not say how many.
const DefaultEpochs = 30

// HeadOptions says how a head is built and trained. The zero value of a field means its default.
type HeadOptions struct {
	Classes    int  // K, at least 2; 1 is allowed for MultiLabel
	MultiLabel bool // sigmoid and binary cross-entropy a class, where the default is softmax and cross-entropy

	// Kind is DenseHead (default): dense layers that are trained. NearestMeanHead and CosineHead compare features with
	// the mean of each class, by distance or by angle: for few pictures a class, each of one label. KMeansHead is a
	// linear head on the distances to the centres of Clusters clusters.
	Kind     string
	Clusters int // of KMeansHead; 0: the best of one, two and four times Classes by validation, without it twice

	Hidden     []int   // widths of the hidden layers; none: a linear head
	Activation string  // of the hidden layers: ReLU (default) or GELU
	Dropout    float64 // share in [0,1) dropped behind each hidden layer; of a linear head, of the features

	// Optimizer is Adam (default), AdamW, LAMB, SGD, or LBFGS: full batch and for linear heads without dropout alone;
	// an epoch is then one iteration.
	Optimizer    string
	LearningRate float64 // default 1e-3, for SGD 1e-2; LBFGS finds its own
	Momentum     float64 // of SGD, in [0,1)
	Nesterov     bool    // SGD looks ahead; needs Momentum
	// WeightDecay shrinks weights, never biases. AdamW takes lr·decay of them each step; for the others it
	// is the derivative of decay/2·Σw².
	WeightDecay float64

	Schedule     string  // of the learning rate: Constant (default), Step, Cosine or OneCycle
	WarmupEpochs int     // the rate rises linearly before the schedule starts
	StepEpochs   int     // Step: epochs between steps; default a third of Horizon
	StepFactor   float64 // Step: what each step multiplies by, in (0,1); default 0.1
	Horizon      int     // epochs that the schedule is laid out for; default Epochs

	Batch    int // default 32
	Epochs   int // at most; default 30
	Patience int // epochs without a better validation loss before the end; default 5; negative: never ends early

	LabelSmoothing float64 // share in [0,1) of the target spread over all classes
	// ClassWeights is Balanced (a class counts in inverse proportion to its pictures), None, or Auto (default): balanced
	// if the largest class has over three times the pictures of the smallest, and Sampling does nothing about it.
	ClassWeights string
	// Sampling is Balanced (an epoch draws as many pictures as there are, of each class equally many), None (default), or
	// Auto: balanced above the same ratio. It goes with one label a picture, and heads that are trained by steps.
	Sampling string

	// OnlyLast measures the head of the last epoch alone and keeps that one: for a quick comparison of options.
	OnlyLast bool

	Seed          uint64
	NoStandardise bool     // train on the features as they are
	Pool          *nn.Pool // nil: one thread
}

// Validate reports all fields that cannot be used, in one error.
func (o HeadOptions) Validate() error {
	var bad []string
	want := func(ok bool, format string, args ...any) {
		if !ok {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	word := func(field, got string, words ...string) {
		want(got == "" || slices.Contains(words, got), "%s %q, want one of %s", field, got, strings.Join(words, ", "))
	}
	share := func(field string, v float64) { want(v >= 0 && v < 1, "%s %v, want at least 0 and under 1", field, v) }
	positive := func(field string, v float64) {
		want(v >= 0 && v <= math.MaxFloat32, "%s %v, want a positive number", field, v)
	}

	least := 2
	if o.MultiLabel {
		least = 1
	}
	want(o.Classes >= least, "%d classes, want at least %d", o.Classes, least)
	for i, h := range o.Hidden {
		want(h >= 1, "hidden layer %d of width %d, want at least 1", i+1, h)
	}
	word("head", o.Kind, DenseHead, NearestMeanHead, CosineHead, KMeansHead)
	want(o.Kind == "" || o.Kind == DenseHead || len(o.Hidden) == 0, "hidden layers with a %s head, want a %s one", o.Kind, DenseHead)
	means := o.Kind == NearestMeanHead || o.Kind == CosineHead
	want(!means || !o.MultiLabel, "a %s head for several labels a picture, want a %s one", o.Kind, DenseHead)
	want(!means || o.Dropout == 0 && o.Optimizer == "", "optimizer %q and dropout %v with a %s head, which is not trained by steps", o.Optimizer, o.Dropout, o.Kind)
	want(o.Clusters >= 0 && (o.Clusters == 0 || o.Kind == KMeansHead), "%d clusters with a head %q, want a number with %s", o.Clusters, o.Kind, KMeansHead)
	word("activation", o.Activation, ReLU, GELU)
	share("dropout", o.Dropout)
	word("optimizer", o.Optimizer, Adam, AdamW, LAMB, SGD, LBFGS)
	positive("learning rate", o.LearningRate)
	positive("weight decay", o.WeightDecay)
	share("momentum", o.Momentum)
	want(o.Momentum == 0 || o.Optimizer == SGD, "momentum with optimizer %q, want sgd", o.Optimizer)
	want(!o.Nesterov || o.Momentum > 0, "nesterov without momentum")
	want(o.Optimizer != LBFGS || len(o.Hidden) == 0 && o.Dropout == 0, "lbfgs with hidden layers or dropout, want a linear head")
	word("schedule", o.Schedule, Constant, Step, Cosine, OneCycle)
	for _, f := range []struct {
		name string
		n    int
	}{{"warm-up epochs", o.WarmupEpochs}, {"epochs a step", o.StepEpochs}, {"horizon", o.Horizon}, {"batch", o.Batch}, {"epochs", o.Epochs}} {
		want(f.n >= 0, "%s %d, want a positive number", f.name, f.n)
	}
	want(o.StepFactor >= 0 && o.StepFactor < 1, "step factor %v, want more than 0 and under 1", o.StepFactor)
	share("label smoothing", o.LabelSmoothing)
	word("class weights", o.ClassWeights, Auto, None, Balanced)
	word("sampling", o.Sampling, Auto, None, Balanced)
	sampled := o.Sampling != "" && o.Sampling != None
	want(!sampled || !o.MultiLabel, "sampling %q for several labels a picture, want class weights", o.Sampling)
	want(!sampled || !means && o.Optimizer != LBFGS, "sampling %q with optimizer %q and a head %q, which is not trained by steps: want class weights", o.Sampling, o.Optimizer, o.Kind)
	want(o.Sampling != Balanced || o.ClassWeights != Balanced, "balanced sampling and balanced class weights, want one of the two")
	if bad != nil {
		return fmt.Errorf("train: options: %s", strings.Join(bad, "; "))
	}
	return nil
}

// withDefaults fills in what is not set.
func (o HeadOptions) withDefaults() HeadOptions {
	setDefault(&o.Kind, DenseHead)
	setDefault(&o.Activation, ReLU)
	setDefault(&o.Optimizer, Adam)
	setDefault(&o.Schedule, Constant)
	setDefault(&o.ClassWeights, Auto)
	setDefault(&o.Sampling, None)
	if o.Optimizer == SGD {
		setDefault(&o.LearningRate, 1e-2)
	}
	setDefault(&o.LearningRate, 1e-3)
	setDefault(&o.Batch, 32)
	setDefault(&o.Epochs, DefaultEpochs)
	setDefault(&o.Patience, 5)
	setDefault(&o.Horizon, o.Epochs)
	setDefault(&o.StepEpochs, max(1, o.Horizon/3))
	setDefault(&o.StepFactor, 0.1)
	return o
}

func setDefault[T comparable](field *T, def T) {
	var zero T
	if *field == zero {
		*field = def
	}
}
