package graft

import (
	"context"

	"github.com/graft-ml/graft/internal/loader"
	"github.com/graft-ml/graft/internal/train"
	"github.com/graft-ml/graft/internal/transform"
)

// draw is some pictures to learn from, as an epoch has them.
type draw struct {
	spec  transform.Spec // in which size
	epoch int
	index []int        // the samples of the set
	turns []train.Turn // of the epoch, by their place in index
	batch int          // pictures at a time
}

// wanted returns the samples of the turns, and how often each has come before.
func (d draw) wanted() (index, again []int) {
	for _, u := range d.turns {
		index, again = append(index, d.index[u.Row]), append(again, u.Again)
	}
	return index, again
}

// eachDrawn loads pictures as an epoch draws them and blends those of a batch, where that is asked for: targets are
// then the soft labels that come of it, else nil.
func (j *job) eachDrawn(ctx context.Context, d draw, each func(b loader.Batch, targets []float32) error) error {
	o, random := j.loading(d.spec), j.random()
	o.Batch, random.Spec = d.batch, d.spec
	index, again := d.wanted()
	done := 0
	_, err := loader.RunTraining(ctx, trainingSamples{samples{j.data}}, index, o, loader.Augmentation{Random: random, Epoch: d.epoch, Again: again}, func(b loader.Batch) error {
		if len(b.Failed) > 0 {
			return errChanged(b.Failed[0])
		}
		targets, err := j.mix(random, d.epoch, b, d.turns[done:])
		if err != nil {
			return err
		}
		done += len(b.Index)
		return each(b, targets)
	})
	return err
}

// mix blends the pictures of a batch, those of the first turns, where that is asked for, and returns the soft labels that
// come of it.
func (j *job) mix(random transform.Random, epoch int, b loader.Batch, turns []train.Turn) ([]float32, error) {
	if !random.Augment.Mixes() {
		return nil, nil
	}
	k := len(j.data.Classes)
	m := transform.Batch{Pixels: b.Pixels, Targets: make([]float32, len(b.Index)*k)}
	for row, i := range b.Index {
		m.Keys = append(m.Keys, turns[row].Key(j.key(i)))
		for _, label := range j.data.Samples[i].Labels {
			m.Targets[row*k+label] = 1
		}
	}
	return m.Targets, random.Mix(epoch, m)
}

// trainingSamples are samples to learn from: the only ones that are drawn at random.
type trainingSamples struct{ samples }

func (s trainingSamples) Key(i int) uint64 { return pictureKey(s.d.Samples[i].SHA256) }
