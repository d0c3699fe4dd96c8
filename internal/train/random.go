package train

import "github.com/graft-ml/graft/internal/random"

// What a random number is for: a part of its key, after the seed. Dropout adds the index of its layer.
const (
	forShuffle = iota
	forInit
	forDropout
	forSampling = 1 << 32 // beyond any layer
)

// shuffled returns the order of n inputs in an epoch.
func shuffled(n int, seed uint64, epoch int) []int {
	return shuffledFor(random.New(seed, forShuffle, uint64(epoch)), n)
}
