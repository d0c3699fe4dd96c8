package graft

import (
	"context"
	"errors"
	"fmt"

	"github.com/graft-ml/graft/internal/loader"
	"github.com/graft-ml/graft/internal/train"
	"github.com/graft-ml/graft/internal/transform"
)

// The most views of a picture, and how many there are where an augmentation is named and no number.
const (
	maxViews     = 64
	defaultViews = 4
)

// defaultAugment is how further views are drawn where nothing is said.
const defaultAugment = "light"

// validateViews reports what makes no sense about augmentation.
func (o *TrainOptions) validateViews() []error {
	var errs []error
	a, err := transform.ParseAugment(o.Augment)
	if err != nil {
		errs = append(errs, err)
	}
	switch {
	case o.Fresh && (o.tunes() || o.Strategy == strategyAuto):
		errs = append(errs, fmt.Errorf("fresh with strategy %q: it is for a frozen base with one kind of head, frozen, early or multi; those that train the network draw anew anyway", o.Strategy))
	case o.Fresh && o.Views > 0:
		errs = append(errs, fmt.Errorf("fresh with %d views: either every epoch draws anew, or the views are drawn once", o.Views))
	case o.Fresh && o.repeats():
		errs = append(errs, errors.New("fresh with repeats or folds, for each of which the base would run again in every epoch: take views"))
	case o.Fresh && (o.Head.Kind != "" && o.Head.Kind != train.DenseHead || o.Head.Optimizer == train.LBFGS):
		errs = append(errs, fmt.Errorf("fresh with head %q and optimizer %q, want a dense head that is trained by steps", o.Head.Kind, o.Head.Optimizer))
	case o.Views < 0 || o.Views > maxViews:
		errs = append(errs, fmt.Errorf("views %d, want 1 to %d", o.Views, maxViews))
	case o.tunes() && o.Views > 0:
		errs = append(errs, fmt.Errorf("views are for a frozen base: the strategy %q draws anew in every epoch", o.Strategy))
	case !o.tunes() && !o.Fresh && a.Mixes():
		errs = append(errs, fmt.Errorf("augment %q with a frozen base: mixup and cutmix blend the pictures of a batch, and want fresh draws in every epoch, or the strategy partial, finetune or scratch", o.Augment))
	}
	return errs
}

// settleViews fills in the number of views where only the augmentation is named, and the other way round.
func (o *TrainOptions) settleViews() {
	if o.tunes() {
		return
	}
	if (o.Views > 1 || o.Fresh) && o.Augment == "" {
		o.Augment = defaultAugment
	}
	if !o.Fresh && o.Views == 0 && o.augment().Changes() {
		o.Views = defaultViews
	}
}

// augment is the augmentation that the options name, which have been validated.
func (o *TrainOptions) augment() transform.Augment {
	a, _ := transform.ParseAugment(o.Augment)
	return a
}

// random is how training pictures are drawn.
func (j *job) random() transform.Random {
	return transform.Random{Spec: j.base.Spec, Augment: j.o.augment(), Seed: j.o.Seed}
}

// extractViews runs the frozen base on the further views of what is learnt from. The first view of a picture is
// the picture as it is, as it is for the test.
func (j *job) extractViews(ctx context.Context) error {
	j.views = nil
	if j.o.Views < 2 || !j.o.augment().Changes() {
		return nil
	}
	learnt := append(append([]int(nil), j.train...), j.validation...)
	if j.o.repeats() { // each of which learns from other pictures
		learnt = j.split.all()
	}
	computed, cached := 0, 0
	for view := 1; view < j.o.Views; view++ {
		f, err := j.drawnFeatures(ctx, view, learnt)
		if err != nil {
			return err
		}
		j.views = append(j.views, f)
		computed, cached = computed+f.stats.Computed, cached+f.stats.Cached
	}
	j.note("views: %d of each of %d pictures, drawn by %v: %d through the base, %d from the cache",
		j.o.Views, len(learnt), j.o.augment(), computed, cached)
	return nil
}

// drawing returns what runs the base on samples to learn from, as they are drawn in an epoch.
func (j *job) drawing(n numerics, epoch int) (*extractor, error) {
	return newExtractor(j.base, n, j.pool, j.o.Reading, sight{draws: &loader.Augmentation{Random: j.random(), Epoch: epoch}})
}

// drawnFeatures returns the features of some samples to learn from, as they are drawn in an epoch, through the cache.
func (j *job) drawnFeatures(ctx context.Context, epoch int, index []int) (*features, error) {
	x, err := j.drawing(j.numerics, epoch)
	if err != nil {
		return nil, err
	}
	f, failed, err := x.run(ctx, j.data, index, j.o.Progress)
	if err == nil && len(failed) > 0 {
		err = fmt.Errorf("%s: %s (it could be read before: has it changed?)", failed[0].Path, failed[0].Reason)
	}
	return f, err
}
