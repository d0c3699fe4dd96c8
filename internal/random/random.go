// Package random makes random numbers that are functions of a key and a counter.
//
// In: a key of several parts, such as seed, epoch, picture and operator. Out: a [Stream] of numbers. The n-th
// number of a stream needs none before it and nothing of other streams, so that what is drawn for one picture
// depends neither on the order in which pictures come nor on how many threads draw. Streams are values: two
// with the same key and counter go on alike.
package random

// gamma is the odd number next to 2⁶⁴ divided by the golden ratio: the step of SplitMix64 (Steele, Lea,
// Flood: Fast Splittable Pseudorandom Number Generators, 2014).
const gamma = 0x9e3779b97f4a7c15

// Stream is a sequence of random numbers. It is a rand.Source of math/rand/v2.
type Stream struct{ key, n uint64 }

// New returns the stream of a key. Every part of it and their order count.
func New(parts ...uint64) Stream {
	key := uint64(0)
	for _, p := range parts {
		key = mix((key ^ p) + gamma)
	}
	return Stream{key: key}
}

// Again returns the key of what comes once more in the same place, n times after the first: of the first time it is key itself.
func Again(key uint64, n int) uint64 {
	if n == 0 {
		return key
	}
	return New(key, uint64(n)).key
}

// Uint64 returns the next number.
func (s *Stream) Uint64() uint64 {
	s.n++
	return mix(s.key + s.n*gamma)
}

// Unit returns the next number, in [0,1).
func (s *Stream) Unit() float64 { return float64(s.Uint64()>>11) * 0x1p-53 }

// Between returns the next number, in [lo,hi).
func (s *Stream) Between(lo, hi float64) float64 { return lo + (hi-lo)*s.Unit() }

// Below returns the next number, one of 0 … n-1. n is at least 1.
func (s *Stream) Below(n int) int { return min(int(s.Unit()*float64(n)), n-1) }

// Chance reports true with probability p.
func (s *Stream) Chance(p float64) bool { return s.Unit() < p }

// mix is the finaliser of SplitMix64: every bit of x decides about every bit of the result.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
