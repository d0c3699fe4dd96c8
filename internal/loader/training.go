package loader

import (
	"context"

	"github.com/graft-ml/graft/internal/random"
	"github.com/graft-ml/graft/internal/transform"
)

// TrainingSource is a list of picture files to learn from. That a picture has a key is what sets it apart from
// one that is only looked at: random augmentation is for these.
type TrainingSource interface {
	Source
	// Key names picture i by what is in it, so that its draws are the same wherever it stands.
	Key(i int) uint64
}

// Augmentation says what is drawn for the pictures of an epoch. Its Random's Spec replaces that of [Options].
type Augmentation struct {
	Random transform.Random
	Epoch  int
	Again  []int // [len(index)]: how often the epoch has had each before, which draws anew; nil: never
}

// key is what the draws for the picture at a position are keyed by.
func (a Augmentation) key(src TrainingSource, index []int, position int) uint64 {
	key := src.Key(index[position])
	if a.Again == nil {
		return key
	}
	return random.Again(key, a.Again[position])
}

// RunTraining is [Run] for pictures to learn from, each as its draw of the epoch has it. An Augment that changes
// nothing gives what Run gives. Blending a batch's pictures is left to [transform.Random.Mix], which needs labels.
func RunTraining(ctx context.Context, src TrainingSource, index []int, o Options, a Augmentation, each func(Batch) error) ([]Failure, error) {
	o.Spec = a.Random.Spec
	return run(ctx, src, index, o, func(position int) preparation { return a.Random.At(a.Epoch, a.key(src, index, position)) }, each)
}
