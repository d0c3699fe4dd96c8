package random

import (
	"math"
	"testing"
)

// A stream is a function of its key: equal keys agree, and every part and the order of parts matters.
func TestStream(t *testing.T) {
	first := func(parts ...uint64) uint64 { s := New(parts...); return s.Uint64() }
	if first(1, 2, 3) != first(1, 2, 3) {
		t.Error("a key gives different numbers")
	}
	seen := map[uint64]bool{}
	keys := [][]uint64{{1, 2, 3}, {2, 2, 3}, {1, 3, 3}, {1, 2, 4}, {3, 2, 1}, {1, 2}, {0}, {0, 0}, {}}
	for _, k := range keys {
		seen[first(k...)] = true
	}
	if len(seen) != len(keys) {
		t.Errorf("%d different numbers of %d keys", len(seen), len(keys))
	}
	// The numbers that results depend on, for good: the first two of SplitMix64 with seed 0, by its authors' code.
	s := Stream{}
	if a, b := s.Uint64(), s.Uint64(); a != 0xe220a8397b1dcdaf || b != 0x6e789e6aa1b965f4 {
		t.Errorf("%#x %#x, want SplitMix64", a, b)
	}
	sum, s := 0.0, New(42)
	for range 10000 {
		v := s.Unit()
		if v < 0 || v >= 1 {
			t.Fatalf("%v is not in [0,1)", v)
		}
		sum += v
	}
	// The deviation of this mean is 0.003.
	if mean := sum / 10000; math.Abs(mean-0.5) > 0.015 {
		t.Errorf("mean %v, want 0.5", mean)
	}
}

func TestRanges(t *testing.T) {
	s := New(1)
	seen, yes := map[int]int{}, 0
	for range 3000 {
		if v := s.Between(-2, 3); v < -2 || v >= 3 {
			t.Fatalf("%v is not in [-2,3)", v)
		}
		seen[s.Below(3)]++
		if s.Chance(0.25) {
			yes++
		}
		if s.Chance(0) || !s.Chance(1) {
			t.Fatal("a probability of 0 came true, or one of 1 did not")
		}
	}
	// The deviations of these counts are 26 and 24.
	if len(seen) != 3 || math.Abs(float64(seen[0]-1000)) > 130 || math.Abs(float64(yes-750)) > 120 {
		t.Errorf("%v of 3 and %d of 3000 with a chance of 1/4", seen, yes)
	}
}
