package loader

import (
	"context"

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
}

// RunTraining is [Run] for pictures to learn from, each as its draw of the epoch has it. An Augment that changes
// nothing gives what Run gives. Blending a batch's pictures is left to [transform.Random.Mix], which needs labels.
func RunTraining(ctx context.Context, src TrainingSource, index []int, o Options, a Augmentation, each func(Batch) error) ([]Failure, error) {
	o.Spec = a.Random.Spec
	return run(ctx, src, index, o, func(i int) preparation { return a.Random.At(a.Epoch, src.Key(i)) }, each)
}
