package transform

import (
	"math"
	"sync"
)

// axis is a resize along one axis, from the in source pixels that start at from to out pixels, of which only
// lo to hi (exclusive) are wanted.
type axis struct {
	in, out, lo, hi, from int

	drawn bool // from and in are random: its coefficients are not worth remembering
}

// identity reports whether nothing is resized along a, though it may be cropped.
func (a axis) identity() bool { return a.in == a.out }

// precision is the number of fraction bits of a coefficient: Pillow's PRECISION_BITS, 32 less 8 for the
// pixel and 2 for the overshoot of the cubic.
const precision = 32 - 8 - 2

// taps are the coefficients of one axis: output i (from axis.lo on) is the sum of k[j]*in[first+j] over its
// row of k.
type taps struct {
	rows []tap
}

type tap struct {
	first int
	k     []int32
}

// span returns the range of source pixels that t reads.
func (t *taps) span() (lo, hi int) {
	lo = math.MaxInt
	for _, r := range t.rows {
		lo, hi = min(lo, r.first), max(hi, r.first+len(r.k))
	}
	return lo, hi
}

// newTaps is, for the pixels from a.from on, Pillow's precompute_coeffs and normalize_coeffs_8bpc (src/libImaging/Resample.c), with the same
// order of operations so that every rounding falls the same way.
func newTaps(f Filter, a axis) *taps {
	kernel, support := triangle, 1.0
	if f == Bicubic {
		kernel, support = keys, 2.0
	}
	scale := float64(a.in) / float64(a.out)
	stretch := max(scale, 1) // reducing widens the kernel: this is what antialiases
	support *= stretch
	inv := 1 / stretch

	weights := make([]float64, int(math.Ceil(support))*2+1)
	rows := make([]tap, a.hi-a.lo)
	backing := make([]int32, len(rows)*len(weights))
	for i := range rows {
		centre := (float64(a.lo+i) + 0.5) * scale
		first := max(int(centre-support+0.5), 0)
		n := min(int(centre+support+0.5), a.in) - first
		sum := 0.0
		for j := range n {
			w := kernel((float64(j+first) - centre + 0.5) * inv)
			weights[j] = w
			sum += w
		}
		k := backing[i*len(weights):][:n:n]
		for j := range k {
			w := weights[j]
			if sum != 0 {
				w /= sum
			}
			k[j] = int32(math.Copysign(0.5, w) + w*(1<<precision))
		}
		rows[i] = tap{a.from + first, k}
	}
	return &taps{rows}
}

// triangle is the kernel of Bilinear.
func triangle(x float64) float64 {
	return max(0, 1-math.Abs(x))
}

// keys is the kernel of Bicubic: Keys' cubic with a = -0.5. The explicit conversions keep the compiler from
// fusing a product with a sum, which would round differently on some machines.
func keys(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return float64(float64(float64(float64((a+2)*x)-(a+3))*x)*x) + 1
	case x < 2:
		return float64(float64(float64((x-5)*x)+8)*x-4) * a
	}
	return 0
}

// nearest returns, for each wanted output, the source pixel under its centre. The position is a running sum,
// as in Pillow's ImagingScaleAffine.
func nearest(a axis) []int {
	step := float64(a.in) / float64(a.out)
	at := step * 0.5
	from := make([]int, 0, a.hi-a.lo)
	for i := range a.hi {
		if i >= a.lo {
			from = append(from, a.from+min(int(at), a.in-1))
		}
		at += step
	}
	return from
}

// maxCached bounds the tables kept. A folder of photos has few distinct sizes; one that has more starts anew.
const maxCached = 256

type tapsKey struct {
	f Filter
	a axis
}

var cache = struct {
	sync.RWMutex
	m map[tapsKey]*taps
}{m: map[tapsKey]*taps{}}

// tapsFor is newTaps, remembered. The result is shared: read only.
func tapsFor(f Filter, a axis) *taps {
	if a.drawn {
		return newTaps(f, a)
	}
	key := tapsKey{f, a}
	cache.RLock()
	t := cache.m[key]
	cache.RUnlock()
	if t != nil {
		return t
	}
	t = newTaps(f, a)
	cache.Lock()
	defer cache.Unlock()
	if len(cache.m) >= maxCached {
		clear(cache.m)
	}
	cache.m[key] = t
	return t
}
