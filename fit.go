package graft

import (
	"context"
	"slices"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/train"
	"github.com/graft-ml/graft/metric"
)

// fit trains the head. With a validation split the number of epochs is chosen by it, and a second fit on
// training and validation pictures together then runs for that many.
func (j *job) fit(ctx context.Context) error {
	o := j.headOptions()
	if j.choice != nil && !j.data.MultiLabel && !j.o.tunes() {
		return j.fitChosen(ctx, o)
	}
	head, err := train.FitHead(ctx, j.gatherViews(j.train), j.gather(j.validation), o, j.onEpoch(false))
	if err != nil {
		return err
	}
	j.head, j.best = head, head.BestEpoch
	if j.o.tunes() {
		j.note("the head: epoch %d is the best by validation loss; now the network", head.BestEpoch)
		return nil
	}
	if err := j.chooseThresholds(ctx); err != nil {
		return err
	}
	if len(j.validation) == 0 {
		j.note("no validation pictures: all %d epochs were run", len(head.History))
		return nil
	}
	if j.o.NoRefit {
		j.note("kept epoch %d, the best by validation loss", head.BestEpoch)
		return nil
	}
	j.note("epoch %d is the best by validation loss: fitting again on training and validation pictures for as long", head.BestEpoch)
	o.Epochs, o.Horizon = head.BestEpoch, horizon(o)
	both := append(append([]int(nil), j.train...), j.validation...)
	again, err := train.FitHead(ctx, j.gatherViews(both), train.Data{}, o, j.onEpoch(true))
	if err != nil {
		return err
	}
	j.refit = head.BestEpoch
	again.BestEpoch = head.BestEpoch
	j.head = again
	return nil
}

// horizon is the number of epochs that the schedule of o is laid out for: the second fit keeps it, so that its
// epochs have the rates that those of the first had.
func horizon(o train.HeadOptions) int {
	if o.Epochs == 0 {
		return train.DefaultEpochs
	}
	return o.Epochs
}

func (j *job) onEpoch(refit bool) func(train.Epoch) {
	return func(e train.Epoch) {
		own := ownEpoch(e, refit)
		if !j.o.tunes() || e.Phase != "" {
			j.history = append(j.history, own)
		}
		progress(j.o.Progress).send(Event{Epoch: &own})
	}
}

// ownEpoch is e as the caller is told of it.
func ownEpoch(e train.Epoch, refit bool) Epoch {
	return Epoch{Number: e.Epoch, Phase: e.Phase, TrainLoss: e.TrainLoss, TrainAccuracy: e.TrainAccuracy, ValLoss: e.ValLoss,
		ValAccuracy: e.ValAccuracy, LearningRate: e.LearningRate, Seconds: e.Seconds, Refit: refit}
}

func (j *job) headOptions() train.HeadOptions {
	o := j.o.Head.options()
	o.Classes, o.MultiLabel = len(j.data.Classes), j.data.MultiLabel
	o.Seed, o.Pool = j.o.Seed, j.pool
	return o
}

// options is h as package train takes it.
func (h Head) options() train.HeadOptions {
	return train.HeadOptions{
		Kind: h.Kind, Clusters: h.Clusters,
		Hidden: h.Hidden, Activation: h.Activation, Dropout: h.Dropout,
		Optimizer: h.Optimizer, LearningRate: h.LearningRate, Momentum: h.Momentum, Nesterov: h.Nesterov,
		WeightDecay: h.WeightDecay, Schedule: h.Schedule, WarmupEpochs: h.Warmup,
		Batch: h.Batch, Epochs: h.Epochs, Patience: h.Patience,
		LabelSmoothing: h.LabelSmoothing, ClassWeights: h.ClassWeights, Sampling: h.Sampling, NoStandardise: h.NoStandardise,
	}
}

// validate reports the fields of h that make no sense, together, before there are any classes.
func (h Head) validate() error {
	o := h.options()
	o.Classes = 2
	return o.Validate()
}

// gather gathers the features and labels of some samples. A picture's key, which its dropout masks
// depend on, is the beginning of its content's hash.
func (j *job) gather(index []int) train.Data { return j.gatherOf(j.feats, j.base.Width, index) }

// gatherOf is gather for features of any base.
func (j *job) gatherOf(feats *features, width int, index []int) train.Data {
	d := train.Data{D: width, X: make([]float32, 0, len(index)*width)}
	for _, i := range index {
		s := &j.data.Samples[i]
		d.X = append(d.X, feats.row(i)...)
		d.Labels = append(d.Labels, s.Labels)
		d.Keys = append(d.Keys, j.key(i))
	}
	return d
}

// gatherViews gathers all views of some samples, those of a view together.
func (j *job) gatherViews(index []int) train.Data {
	d := j.gather(index)
	if j.o.Fresh {
		d.Fresh = j.fresh(index)
	}
	for view, feats := range j.views {
		for _, i := range index {
			d.X = append(d.X, feats.row(i)...)
			d.Labels = append(d.Labels, j.data.Samples[i].Labels)
			d.Keys = append(d.Keys, j.key(i)+uint64(view)+1)
		}
	}
	return d
}

// chooseThresholds picks, for several labels a picture, the probability from which each label counts: by the
// validation pictures, with the head that was not trained on them.
func (j *job) chooseThresholds(ctx context.Context) error {
	if !j.data.MultiLabel {
		return nil
	}
	classes := j.data.Classes
	if len(j.validation) == 0 {
		j.thresholds = slices.Repeat([]float32{0.5}, len(classes))
		j.note("no validation pictures: every label counts from a probability of 0.5")
		return nil
	}
	probs, labels, err := j.probabilities(ctx, withProbabilities(j.head.Head, true), j.validation)
	if err != nil {
		return err
	}
	j.thresholds, err = metric.Thresholds(classes, probs, labels)
	return err
}

// measure tests the model on the pictures held out, from their features: the written model computes the same
// ones, bit for bit.
func (j *job) measure(ctx context.Context) (err error) {
	classifier := withProbabilities(j.head.Head, j.data.MultiLabel)
	base := withViews(j.base.Graph, j.base.Graph.Outputs[0].Name, j.base.Spec, j.o.tta())
	j.model = nn.Join(base, classifier)
	in := metric.Input{Classes: j.data.Classes, MultiLabel: j.data.MultiLabel, Seed: j.o.Seed, Thresholds: j.thresholds}
	if in.Probs, in.Labels, err = j.probabilities(ctx, classifier, j.test); err != nil {
		return err
	}
	j.probs = in.Probs
	j.report, err = metric.Evaluate(in)
	return err
}

// probabilities runs a classifier of features over some samples: [N,K], and the labels of each.
func (j *job) probabilities(ctx context.Context, classifier *nn.Graph, index []int) ([]float32, [][]int, error) {
	plan, err := nn.NewPlan(classifier, nn.PlanOptions{Pool: j.pool})
	if err != nil {
		return nil, nil, err
	}
	d := j.gather(index)
	probs := make([]float32, d.N()*len(j.data.Classes))
	return probs, d.Labels, plan.Run(ctx, [][]float32{probs}, [][]float32{d.X}, d.N())
}
