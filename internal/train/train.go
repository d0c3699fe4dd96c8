// Package train fits networks to labelled data: losses, optimisers, schedules, and the loop that joins them.
//
// In goes a matrix of features with labels; out comes an nn.Graph from features to logits, and what each epoch
// measured. The gradients are those of nn.Tape: there is no second backward pass here. Everything is a
// function of the data, the options and the seed alone: random numbers are keyed by what they are for, sums
// run in a fixed order, and the bits are the same for every number of threads.
package train

import (
	"context"
	"fmt"
	"math"

	"github.com/graft-ml/graft/internal/nn"
)

// Data is a set of feature vectors with their labels.
type Data struct {
	X      []float32 // [N,D]
	D      int       // features a picture
	Labels [][]int   // [N]: the classes of each picture; exactly one unless multi-label
	Keys   []uint64  // [N]: who each picture is, for dropout masks that follow it; nil means its row

	// Fresh, if set, gives the features that the pictures have in an epoch, n at a time and in their order, in place of
	// those of X: x is [n,D]. Soft labels, targets [n,K], replace Labels; nil means Labels. It is for dense heads that are trained
	// by steps. Standardisation and what is measured are by X.
	Fresh func(ctx context.Context, epoch int, turns []Turn, n int, each func(x, targets []float32) error) error
}

// N returns the number of pictures.
func (d Data) N() int { return len(d.Labels) }

func (d Data) row(i int) []float32 { return d.X[i*d.D : (i+1)*d.D] }

func (d Data) key(i int) uint64 {
	if d.Keys == nil {
		return uint64(i)
	}
	return d.Keys[i]
}

// Epoch is what one pass over the training data led to. Loss and accuracy are measured after it by the head as
// it predicts, on training and validation data alike, so that they can be compared. Loss is the mean of
// what is minimised, with label smoothing and class weights, without the penalty of weight decay. Accuracy is
// the share of pictures whose largest logit is their class; for multi-label it is the micro F1 of the labels
// with a probability of at least 1/2. The validation fields are NaN without validation data.
type Epoch struct {
	Epoch         int    // from 1
	Phase         string // of a Tune
	TrainLoss     float64
	TrainAccuracy float64
	ValLoss       float64
	ValAccuracy   float64
	LearningRate  float64 // of the last step; 0 for L-BFGS, which has none
	Seconds       float64 // training and measuring
}

// Result is a fitted head.
type Result struct {
	Head      *nn.Graph // "features" [N,D] to "logits" [N,K]; takes features as they are, standardisation is folded in
	History   []Epoch
	BestEpoch int // the epoch that Head is from: the one of least validation loss; without validation the last
}

// FitHead trains a head on train. With validation data it stops when the validation loss has not fallen for
// o.Patience epochs, and returns the head of the best epoch; without (val.N() is 0) all epochs run. onEpoch,
// which may be nil, is called after each epoch. It returns ctx's error soon after ctx ends.
//
// Options and data that cannot be used are errors, and so is a loss that is no longer a number.
func FitHead(ctx context.Context, train, val Data, o HeadOptions, onEpoch func(Epoch)) (*Result, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	if train.N() == 0 {
		return nil, fmt.Errorf("train: no training data")
	}
	if err := train.check("training", train.D, o); err != nil {
		return nil, err
	}
	if err := val.check("validation", train.D, o); err != nil {
		return nil, err
	}
	if err := o.checkClasses(train); err != nil {
		return nil, err
	}
	if train.Fresh != nil && (o.Kind != DenseHead || o.Optimizer == LBFGS) {
		return nil, fmt.Errorf("train: features drawn anew with a %s head and optimizer %s, want a %s head and steps", o.Kind, o.Optimizer, DenseHead)
	}
	if o.Kind == KMeansHead {
		return fitKMeans(ctx, train, val, o, onEpoch)
	}
	return fitHead(ctx, train, val, o, onEpoch)
}

// fitHead is FitHead for data and options that have been checked.
func fitHead(ctx context.Context, train, val Data, o HeadOptions, onEpoch func(Epoch)) (*Result, error) {
	f, err := newFit(train, val, o, onEpoch)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Kind == NearestMeanHead || o.Kind == CosineHead:
		err = f.prototypes(ctx)
	case o.Optimizer == LBFGS:
		err = f.minimise(ctx)
	default:
		err = f.epochs(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &f.result, nil
}

// check reports what is wrong with d, called name in messages.
func (d Data) check(name string, width int, o HeadOptions) error {
	switch {
	case d.N() == 0:
		return nil
	case d.D < 1 || d.D != width:
		return fmt.Errorf("train: %s data: %d features a picture, want %d", name, d.D, max(width, 1))
	case len(d.X)%d.D != 0 || len(d.X)/d.D != d.N():
		return fmt.Errorf("train: %s data: %d numbers for %d pictures of %d features", name, len(d.X), d.N(), d.D)
	case d.Keys != nil && len(d.Keys) != d.N():
		return fmt.Errorf("train: %s data: %d keys for %d pictures", name, len(d.Keys), d.N())
	}
	for i, x := range d.X {
		if v := float64(x); math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("train: %s data: picture %d: feature %d is %v, want a finite number", name, i/d.D, i%d.D, x)
		}
	}
	for i, labels := range d.Labels {
		if len(labels) != 1 && !o.MultiLabel {
			return fmt.Errorf("train: %s data: picture %d has %d labels, want one (or multi-label)", name, i, len(labels))
		}
		for k, c := range labels {
			if c < 0 || c >= o.Classes {
				return fmt.Errorf("train: %s data: picture %d: class %d, want 0 to %d", name, i, c, o.Classes-1)
			}
			for _, other := range labels[:k] {
				if c == other {
					return fmt.Errorf("train: %s data: picture %d: class %d twice", name, i, c)
				}
			}
		}
	}
	return nil
}

// counts returns how many pictures each class has.
func (d Data) counts(classes int) []int {
	n := make([]int, classes)
	for _, labels := range d.Labels {
		for _, c := range labels {
			n[c]++
		}
	}
	return n
}

// checkClasses refuses training data in which there is nothing to tell apart.
func (o HeadOptions) checkClasses(d Data) error {
	present, only := 0, 0
	for c, n := range d.counts(o.Classes) {
		if n > 0 {
			present, only = present+1, c
		}
	}
	switch {
	case present == 0:
		return fmt.Errorf("train: training data: no picture has a label")
	case present == 1 && !o.MultiLabel:
		return fmt.Errorf("train: training data: all pictures are of class %d, want at least two classes", only)
	}
	return nil
}
