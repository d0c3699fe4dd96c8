package train

// What a random number is for: the last part of its key. Dropout adds the index of its layer.
const (
	forShuffle = iota
	forInit
	forDropout
)

// gamma is the odd number next to 2⁶⁴ divided by the golden ratio: the step of SplitMix64 (Steele, Lea,
// Flood: Fast Splittable Pseudorandom Number Generators, 2014).
const gamma = 0x9e3779b97f4a7c15

// stream is a sequence of random numbers that is a function of a key and a counter: the n-th number needs none
// of those before it, so what it is used for does not depend on the order in which other things happen.
// It is a rand.Source.
type stream struct{ key, n uint64 }

// newStream returns the stream of a key of several parts, such as seed, epoch, picture and purpose.
func newStream(parts ...uint64) stream {
	key := uint64(0)
	for _, p := range parts {
		key = mix((key ^ p) + gamma)
	}
	return stream{key: key}
}

// Uint64 returns the next number.
func (s *stream) Uint64() uint64 {
	s.n++
	return mix(s.key + s.n*gamma)
}

// unit returns the next number, in [0,1).
func (s *stream) unit() float64 { return float64(s.Uint64()>>11) * 0x1p-53 }

// mix is the finaliser of SplitMix64: every bit of x decides about every bit of the result.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
