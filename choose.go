package graft

import (
	"context"
	"errors"

	"github.com/graft-ml/graft/dataset"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/train"
)

// extracted are the features of all pictures, computed in one way.
type extracted struct {
	numerics
	feats *features
	bad   []dataset.Skipped
}

// in computes the features of all pictures in precision p.
func (j *job) in(ctx context.Context, p nn.Precision) (*extracted, error) {
	n, err := calibrated(ctx, p, j.base, j.pool, j.data, j.train, j.o.Reading, j.o.Progress)
	if err != nil {
		return nil, err
	}
	e := &extracted{numerics: n}
	if j.o.Fresh {
		return e, j.freshFeatures(ctx, e)
	}
	e.feats, e.bad, err = j.runViews(ctx, n, j.split.all())
	return e, err
}

// choose computes the features in the precision that the options ask for, or choose.
func (j *job) choose(ctx context.Context) (*extracted, error) {
	if j.o.Precision == precisionAuto {
		return j.fastest(ctx)
	}
	p, err := parsePrecision(j.o.Precision)
	if err != nil {
		return nil, err
	}
	if !hasPrecision(p) {
		progress(j.o.Progress).warn("this processor has no instructions for %v: the network runs in f32", p)
		p = nn.F32
	}
	return j.in(ctx, p)
}

// fastest returns the features of the fastest precision whose validation accuracy is not below that of float32 by more
// than autoLoss: each with a head of its own.
func (j *job) fastest(ctx context.Context) (*extracted, error) {
	exact, err := j.in(ctx, nn.F32)
	if err != nil {
		return nil, err
	}
	candidates := fastPrecisions()
	switch {
	case len(candidates) == 0:
		j.note("precision f32: this processor has nothing faster")
		return exact, nil
	case len(j.validation) == 0:
		j.note("precision f32: without validation pictures there is nothing to compare others by")
		return exact, nil
	}
	want, err := j.validationAccuracy(ctx, exact)
	if err != nil {
		return nil, err
	}
	for _, p := range candidates {
		e, err := j.in(ctx, p)
		if errors.Is(err, errNothingLow) {
			j.note("%v", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		got, err := j.validationAccuracy(ctx, e)
		if err != nil {
			return nil, err
		}
		if got >= want-autoLoss {
			j.note("precision %v: %.2f%% of the validation pictures are right, %.2f%% in f32", p, 100*got, 100*want)
			return e, nil
		}
		j.note("precision %v is not taken: %.2f%% of the validation pictures are right, %.2f%% in f32", p, 100*got, 100*want)
	}
	return exact, nil
}

// validationAccuracy trains a head on the features e and returns its accuracy on the validation pictures.
func (j *job) validationAccuracy(ctx context.Context, e *extracted) (float64, error) {
	with := *j
	with.feats = e.feats
	if err := with.dropFailed(e.feats.have); err != nil {
		return 0, err
	}
	head, err := train.FitHead(ctx, with.gather(with.train), with.gather(with.validation), with.headOptions(), nil)
	if err != nil {
		return 0, err
	}
	return head.History[head.BestEpoch-1].ValAccuracy, nil
}
