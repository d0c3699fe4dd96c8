package graft

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/train"
	"github.com/graft-ml/graft/metric"
)

// fit trains the head. With a validation split the number of epochs is chosen by it, and a second fit on
// training and validation pictures together then runs for that many.
func (j *job) fit(ctx context.Context) error {
	o := j.headOptions()
	head, err := train.FitHead(ctx, j.gather(j.train), j.gather(j.validation), o, j.onEpoch(false))
	if err != nil {
		return err
	}
	j.head = head
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
	again, err := train.FitHead(ctx, j.gather(both), train.Data{}, o, j.onEpoch(true))
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
		own := Epoch{Number: e.Epoch, TrainLoss: e.TrainLoss, TrainAccuracy: e.TrainAccuracy, ValLoss: e.ValLoss,
			ValAccuracy: e.ValAccuracy, LearningRate: e.LearningRate, Seconds: e.Seconds, Refit: refit}
		j.history = append(j.history, own)
		progress(j.o.Progress).send(Event{Epoch: &own})
	}
}

func (j *job) headOptions() train.HeadOptions {
	h := j.o.Head
	return train.HeadOptions{
		Classes: len(j.data.Classes), MultiLabel: j.data.MultiLabel,
		Hidden: h.Hidden, Activation: h.Activation, Dropout: h.Dropout,
		Optimizer: h.Optimizer, LearningRate: h.LearningRate, Momentum: h.Momentum, Nesterov: h.Nesterov,
		WeightDecay: h.WeightDecay, Schedule: h.Schedule, WarmupEpochs: h.Warmup,
		Batch: h.Batch, Epochs: h.Epochs, Patience: h.Patience,
		LabelSmoothing: h.LabelSmoothing, ClassWeights: h.ClassWeights, NoStandardise: h.NoStandardise,
		Seed: j.o.Seed, Pool: j.pool,
	}
}

// gather gathers the features and labels of some samples. A picture's key, which its dropout masks
// depend on, is the beginning of its content's hash.
func (j *job) gather(index []int) train.Data {
	d := train.Data{D: j.base.Width, X: make([]float32, 0, len(index)*j.base.Width)}
	for _, i := range index {
		s := &j.data.Samples[i]
		d.X = append(d.X, j.feats.row(i)...)
		d.Labels = append(d.Labels, s.Labels)
		d.Keys = append(d.Keys, binary.LittleEndian.Uint64(s.SHA256[:]))
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
	plan, err := nn.NewPlan(withProbabilities(j.head.Head, true), nn.PlanOptions{Pool: j.pool})
	if err != nil {
		return err
	}
	val := j.gather(j.validation)
	probs, err := probabilities(ctx, plan, val, len(classes))
	if err != nil {
		return err
	}
	j.thresholds, err = metric.Thresholds(classes, probs, val.Labels)
	return err
}

// measure tests the model on the pictures held out, from their features: the written model computes the same
// ones, bit for bit.
func (j *job) measure(ctx context.Context) error {
	classifier := withProbabilities(j.head.Head, j.data.MultiLabel)
	j.model = join(j.base.Graph, classifier)
	plan, err := nn.NewPlan(classifier, nn.PlanOptions{Pool: j.pool})
	if err != nil {
		return err
	}
	in := metric.Input{Classes: j.data.Classes, MultiLabel: j.data.MultiLabel, Seed: j.o.Seed, Thresholds: j.thresholds}
	d := j.gather(j.test)
	in.Labels = d.Labels
	if in.Probs, err = probabilities(ctx, plan, d, len(in.Classes)); err != nil {
		return err
	}
	j.report, err = metric.Evaluate(in)
	return err
}

// probabilities runs a classifier of features over all rows of d: [N,K].
func probabilities(ctx context.Context, plan *nn.Plan, d train.Data, classes int) ([]float32, error) {
	n := len(d.Labels)
	probs := make([]float32, n*classes)
	if n == 0 {
		return probs, nil
	}
	err := plan.Run(ctx, [][]float32{probs}, [][]float32{d.X}, n)
	return probs, err
}
