package graft

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/graft-ml/graft/internal/backbone"
	"github.com/graft-ml/graft/internal/decode"
	"github.com/graft-ml/graft/internal/loader"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/transform"
)

// Version is graft's version, as written into the models it makes.
const Version = "0.1.0"

// Reading bounds how pictures are found and decoded. The zero value is right for most uses.
type Reading struct {
	Exclude   []string // classes to leave out
	MaxPixels int      // larger pictures are refused; 0: 256 megapixels
	MaxBad    string   // pictures that may fail before the run stops: "N" or "P%"; "": the larger of 10 and 5 %
	Cache     string   // folder of the feature cache; "": graft's folder in the user's cache directory
	NoCache   bool
	Threads   int // workers; 0: GOMAXPROCS

	// ExactDecode decodes large JPEGs to all their pixels. Otherwise one that is at least four times as large
	// as the resized picture both ways is decoded at a fraction of its size, and of the time; the result is
	// within about half a level on average.
	ExactDecode bool
}

// loading is how the pictures of a set are brought to the input that s describes.
func (r Reading) loading(s transform.Spec) loader.Options {
	return loader.Options{Spec: s, Threads: r.Threads, ExactDecode: r.ExactDecode, Decode: decode.Options{MaxPixels: r.MaxPixels}}
}

// limitedDecoding bounds the bytes of pictures being decoded where there is a limit of memory; a picture that needs more is
// decoded alone.
const limitedDecoding = 24e6

// loading is Reading.loading for the training of a network, within its memory.
func (j *job) loading(s transform.Spec) loader.Options {
	o := j.o.Reading.loading(s)
	if j.o.Tuning.MemoryMB > 0 {
		o.MaxBytes = limitedDecoding
	}
	return o
}

// TrainOptions says how Train works. The zero value trains the head that does best in cross-validation, on those
// features of graft_s that do.
type TrainOptions struct {
	Backbone Backbone
	Reading  Reading
	Head     Head
	Tuning   Tuning  // of the strategies that train the network itself
	Teacher  Teacher // of the same

	// Strategy is how much of the network is trained. "auto": the head alone, on the depths and of the kind that do
	// best in cross-validation on the pictures that are not for the test; with many pictures, the last stages with it, as
	// with "partial", where a trial within the budget shows that to be better. "frozen": the head alone, as Head says it, on
	// the network's own features. "early": the head alone, on an earlier depth (Backbone.Depths names it). "multi": the
	// head alone, on several depths, all of them if none are named. "finetune": the head,
	// then the last stages with it, then all. "partial": the head, then the last stages with it; what lies before
	// them runs once for each picture. "scratch": all of it, from random weights. "": "auto", but where anything of Head
	// is set, or NoRefit, NoValidation, Augment, Views, Repeats or Folds, "frozen", and where depths are named "early" or "multi".
	Strategy string

	// Resume goes on with a run that was stopped or killed, with the same data and options, from its last
	// checkpoint: the result is that of a run that was never interrupted. Where there is nothing to go on with, it begins.
	Resume bool

	// Precision is what the convolutions of a frozen network are computed in, in training and by the model: "f32", the
	// default, "bf16", "int8", or "auto", the fastest on this processor whose accuracy on the validation pictures is
	// within 0.3 points of f32. It goes with strategies that keep the base frozen.
	Precision string

	// QDQ also writes model-qdq.onnx, a model in int8 in ONNX's form for quantised networks, which other runtimes compute
	// with integers. It goes with the precisions int8 and auto.
	QDQ bool

	Test       float64 // share of each class held out for the test; 0: 0.2
	Validation float64 // share of the rest that chooses the number of epochs; 0: 0.1

	// TrainPerClass, above 0, is how many pictures of each class are learnt from, those for validation included; all
	// others are for the test. Test is 0 then.
	TrainPerClass int

	// Repeats, above 1, also trains and tests the head on the splits of the seeds that follow Seed; Folds, on each fold of
	// a cross-validation with each seed. The means of the scores then have intervals that include the split. The model is
	// that of Seed's own split. They go with strategies that train a head alone, and data without a split of its own.
	Repeats int
	Folds   int

	// NoValidation keeps no pictures back for that: all epochs are run.
	NoValidation bool

	// Budget is the time that the strategy "auto" has from its start on: after four fifths of it no further candidate is
	// begun, and the network is only trained if that ends within it. 0: ten minutes.
	Budget time.Duration

	// Augment names the random augmentations of the training pictures, as "hflip,rotation=15", or a preset: "light",
	// "standard", "strong"; see docs/augmentation.md. The strategies that train the network draw them anew in every epoch, for which
	// "partial" has its frozen stages run again; with a frozen base, Views says how many there are. "": none, or "light" where Views asks for some.
	Augment string

	// Views is how many views of each training picture a frozen base runs on: the picture as it is and draws of
	// Augment, all kept in the cache. 0: 1, or 4 where Augment is named.
	Views int

	// Fresh draws Augment anew in every epoch of a head on a frozen base, which then runs on every training picture in
	// every epoch, and not on a few views once. It says before it starts what that costs. mixup and cutmix are allowed then.
	Fresh bool

	// TTA names fixed views whose features a prediction averages (test-time augmentation): "hflip", the picture and its
	// mirror image; "vflip"; "crops", the centre and the corners of a picture a seventh larger; or several, as "crops,hflip". 2, 5
	// and 10 stand for hflip, crops and both. The views are nodes of the written model, and K of them take K times as long.
	TTA string

	Seed uint64 // of the split, the initial weights, the order of pictures and the augmentations

	// NoRefit keeps the head of the best epoch. Otherwise a frozen head is fitted again on training and
	// validation pictures together, once the validation has chosen the number of epochs.
	NoRefit bool

	// Out is the run folder. "": runs/NAME after the data, with -2, -3 … where that exists.
	Out string

	// Progress, if set, is told what happens, from one goroutine at a time.
	Progress func(Event)
}

// Head says what is trained on the features, and how.
type Head struct {
	// Kind is "dense" (default): dense layers that are trained. "nearest-mean" and "cosine" compare features with the
	// mean of each class, by distance or by angle: for few pictures a class, each of one label. "kmeans" is a linear head
	// on the distances to the centres of clusters.
	Kind     string
	Clusters int // of kmeans; 0: chosen by validation

	Hidden     []int   // widths of hidden layers; none: a linear head
	Activation string  // "relu" (default) or "gelu"
	Dropout    float64 // share dropped behind each hidden layer; of a linear head, of the features

	Optimizer    string  // "adam" (default), "adamw", "lamb", "sgd" or "lbfgs" (linear heads)
	LearningRate float64 // 0: 1e-3, for sgd 1e-2
	Momentum     float64 // of sgd
	Nesterov     bool
	WeightDecay  float64
	Schedule     string // "constant" (default), "step", "cosine" or "one-cycle"
	Warmup       int    // epochs of linear warm-up

	Batch    int // 0: 32
	Epochs   int // at most; 0: 30
	Patience int // epochs without a better validation loss before stopping; 0: 5

	LabelSmoothing float64
	ClassWeights   string // in the loss: "auto" (default: balanced above an imbalance of 3:1, unless Sampling is), "balanced" or "none"
	Sampling       string // of the pictures of an epoch: "none" (default), "balanced", or "auto": balanced above 3:1, in place of weights
	NoStandardise  bool   // train on the features as they are
}

// Values of TrainOptions.Strategy.
const (
	strategyAuto     = "auto"
	strategyFrozen   = "frozen"
	strategyEarly    = "early"
	strategyMulti    = "multi"
	strategyFinetune = "finetune"
	strategyPartial  = "partial"
	strategyScratch  = "scratch"
)

var strategies = []string{strategyAuto, strategyFrozen, strategyEarly, strategyMulti, strategyPartial, strategyFinetune, strategyScratch}

// withDefaults names the strategy, and fills in what depends on it.
func (o TrainOptions) withDefaults() TrainOptions {
	o.settle()
	o.Tuning, o.Teacher = o.Tuning.withDefaults(o.Strategy), o.Teacher.withDefaults()
	return o
}

// validate reports all fields that make no sense, together.
func (o *TrainOptions) validate() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(o.Strategy == "" || slices.Contains(strategies, o.Strategy),
		"strategy %q, want one of %s", o.Strategy, strings.Join(strategies, ", "))
	bad(o.Budget >= 0, "budget %v, want a time above 0", o.Budget)
	bad(o.Validation >= 0 && o.Validation < 1, "validation share %v, want at least 0 and below 1", o.Validation)
	bad(!o.Resume || o.tunes(), "resume goes with the strategies that write checkpoints, not with %q: "+
		"a frozen base's features are cached, so that the run can be started again", strategyFrozen)
	n := len(o.Backbone.Depths)
	all := n == 1 && o.Backbone.Depths[0] == backbone.AllDepths
	bad(o.Strategy != strategyEarly || n == 1 && !all, "strategy %q with %d depths, want the one that is the base's end", strategyEarly, n)
	bad(o.Strategy != strategyMulti || n != 1 || all, "strategy %q with depth %v, want several, or none named for all", strategyMulti, o.Backbone.Depths)
	bad(o.Strategy != strategyFrozen || n == 0, "strategy %q with depths %v: it takes the base's own end", strategyFrozen, o.Backbone.Depths)
	bad(!o.tunes() || n == 0, "strategy %q with depths %v: it trains to the base's own end", o.Strategy, o.Backbone.Depths)
	errs = append(errs, o.validateViews()...)
	errs = append(errs, o.validateRepeats()...)
	errs = append(errs, o.validateTTA())
	bad(!o.tunes() || o.Precision == "" || o.Precision == nn.F32.String(), "precision %q goes with strategies that keep the base frozen, not with %q; what trains has a precision of tuning", o.Precision, o.Strategy)
	bad(!o.QDQ || o.Precision == precisionAuto || o.Precision == nn.Int8.String(), "QDQ is a form of int8: want the precision int8 or auto")
	errs = append(errs, checkShares(o.Test, o.TrainPerClass), o.checkPrecision(), o.Backbone.validate(), o.Reading.validate(), o.Head.validate(), o.Tuning.validate(), o.Teacher.validate(o.tunes(), o.Strategy))
	return errors.Join(errs...)
}

// tunes reports whether the strategy trains the network itself.
func (o *TrainOptions) tunes() bool {
	return o.Strategy == strategyPartial || o.Strategy == strategyFinetune || o.Strategy == strategyScratch
}

// plain reports whether nothing is said about how the head is trained, and on what.
func (o *TrainOptions) plain() bool {
	return reflect.DeepEqual(o.Head, Head{}) && !o.NoRefit && !o.NoValidation && o.Augment == "" && o.Views == 0 && !o.repeats()
}

// settle fills in the strategy where only the depths are named, and the depths where only the strategy is.
func (o *TrainOptions) settle() {
	o.settleViews()
	switch n := len(o.Backbone.Depths); {
	case o.Strategy == strategyMulti && n == 0:
		o.Backbone.Depths = []string{backbone.AllDepths}
	case o.Strategy != "":
	case n == 0 && o.plain():
		o.Strategy = strategyAuto
	case n == 0:
		o.Strategy = strategyFrozen
	case n == 1 && o.Backbone.Depths[0] != backbone.AllDepths:
		o.Strategy = strategyEarly
	default:
		o.Strategy = strategyMulti
	}
}
