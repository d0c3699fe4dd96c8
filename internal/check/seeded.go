package check

import (
	"math"
	"regexp"
	"strings"
)

// Seeded numbers are drawn by counter: element i of what is called name is a function of name and i alone, so
// that weights of any size need not be committed. testdata/backbones/seeded.py draws the same.
//
// With h the 64-bit FNV-1a hash of the name's bytes, element i is the upper 24 bits of mix(h + (i+1)·γ) over
// 2^24, where γ = 0x9E3779B97F4A7C15 and mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
func Seeded(dst []float32, name string, scale, shift float64) {
	SeededAt(dst, name, 0, scale, shift)
}

// SeededAt fills dst with elements first, first+1, … of what is called name, each as scale·u + shift for u in
// [0, 1), computed in float64 and rounded once.
func SeededAt(dst []float32, name string, first int, scale, shift float64) {
	key := fnv1a(name)
	for i := range dst {
		dst[i] = float32(float64(scale*uniform(key, first+i)) + shift)
	}
}

// SeededInts fills dst with whole numbers of [0, n), drawn by name.
func SeededInts(dst []int, name string, n int) {
	key := fnv1a(name)
	for i := range dst {
		dst[i] = int(float64(n) * uniform(key, i))
	}
}

// uniform is element i of what has that key, in [0, 1) with 24 bits.
func uniform(key uint64, i int) float64 {
	const gamma = 0x9E3779B97F4A7C15
	z := key + (uint64(i)+1)*gamma
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	return float64(z>>40) / (1 << 24)
}

func fnv1a(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// squeeze finds the layers of squeeze-and-excitation, as torchvision, timm and Keras call them.
var squeeze = regexp.MustCompile(`\.se\.|_se_|squeeze_excite|\.block\.\d\.fc`)

// SeededRange returns the scale and shift with which a weights file's array is drawn, by its name and shape in
// that file: kernels uniform within ±√(6/fan-in) (He, for ReLU), variances of normalisations within [0.5, 1.5)
// and their scales within [0.5, 1.15), biases and means within ±0.1. Squeeze-and-excitation has a quarter of
// that for kernels and biases around 2: its gates are mostly open and none is a switch. With wider ranges deep
// networks amplify the rounding of float32 from layer to layer, up to a tenth of their result; with narrower
// ones they forget their input.
func SeededRange(name string, shape []int) (scale, shift float64) {
	leaf := strings.TrimSuffix(name[strings.LastIndexAny(name, "./")+1:], ":0")
	gate := squeeze.MatchString(name)
	switch {
	case leaf == "running_var" || leaf == "moving_variance":
		return 1, 0.5
	case leaf == "gamma" || leaf == "layer_scale" || leaf == "weight" && len(shape) == 1:
		return 0.65, 0.5
	case len(shape) > 1:
		bound := math.Sqrt(6 / float64(fanIn(leaf, shape)))
		if gate {
			bound /= 4
		}
		return 2 * bound, -bound
	case gate:
		return 0.2, 1.9
	}
	return 0.2, -0.1
}

// fanIn counts the inputs of one output of a kernel: torch's "weight" is [O I …], Keras's "kernel" is
// [… I O], its "depthwise_kernel" [h w C 1].
func fanIn(leaf string, shape []int) int {
	in, last := shape[1:], len(shape)-1
	switch leaf {
	case "kernel":
		in = shape[:last]
	case "depthwise_kernel":
		in = shape[:last-1]
	}
	n := 1
	for _, d := range in {
		n *= d
	}
	return n
}
