package train

// What a random number is for: a part of its key, after the seed. Dropout adds the index of its layer.
const (
	forShuffle = iota
	forInit
	forDropout
)
