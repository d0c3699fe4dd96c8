package train

import (
	"math/rand/v2"

	"github.com/graft-ml/graft/internal/random"
)

// What a random number is for: a part of its key, after the seed. Dropout adds the index of its layer.
const (
	forShuffle = iota
	forInit
	forDropout
)

// shuffled returns the order of n inputs in an epoch.
func shuffled(n int, seed uint64, epoch int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	s := random.New(seed, forShuffle, uint64(epoch))
	rand.New(&s).Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}
