package dataset

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// manyLabels returns n distinct pictures; picture i has label l with a chance of 1/(l+2).
func manyLabels(n, labels int, seed uint64) *Dataset {
	r := rand.New(rand.NewPCG(seed, 1))
	d := &Dataset{shown: "many", MultiLabel: true}
	for l := range labels {
		d.Classes = append(d.Classes, fmt.Sprintf("l%02d", l))
	}
	for i := range n {
		s := Sample{Path: fmt.Sprintf("%05d.jpg", i), SHA256: sha256.Sum256(fmt.Append(nil, seed, i))}
		for l := range labels {
			if r.IntN(l+2) == 0 || i == l { // every label occurs
				s.Labels = append(s.Labels, l)
			}
		}
		d.Samples = append(d.Samples, s)
	}
	return d
}

// shares returns the share of each label's pictures among the samples given, of those that it has in all.
func shares(d *Dataset, samples []int) []float64 {
	got, total := make([]float64, len(d.Classes)), make([]float64, len(d.Classes))
	for _, s := range d.Samples {
		for _, l := range s.Labels {
			total[l]++
		}
	}
	for _, i := range samples {
		for _, l := range d.Samples[i].Labels {
			got[l] += 1 / total[l]
		}
	}
	return got
}

// worst returns how far the shares are from want at most.
func worst(shares []float64, want float64) float64 {
	w := 0.0
	for _, s := range shares {
		w = max(w, math.Abs(s-want))
	}
	return w
}

// TestStratify compares the shares of every label with those of a plain draw, as the paper does.
func TestStratify(t *testing.T) {
	d := manyLabels(2000, 20, 5)
	s, err := d.Split(SplitOptions{Test: 0.25, Validation: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	plain := worst(shares(d, rand.New(rand.NewPCG(1, 1)).Perm(2000)[:500]), 0.25)
	test, valid := worst(shares(d, s.Test), 0.25), worst(shares(d, s.Validation), 0.15)
	const limit = 0.02 // two pictures of the rarest label, which has about a hundred
	if test > limit || valid > limit || plain < 2*limit {
		t.Errorf("worst share: test off by %.4f, validation by %.4f, a plain draw by %.4f", test, valid, plain)
	}
	if n := len(s.Test); n < 480 || n > 520 {
		t.Errorf("%d for test, want about 500", n)
	}
}

func TestStratifyProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := manyLabels(rapid.IntRange(12, 60).Draw(t, "pictures"), rapid.IntRange(2, 12).Draw(t, "labels"), rapid.Uint64().Draw(t, "data"))
		o := SplitOptions{Seed: rapid.Uint64().Draw(t, "seed"), Test: rapid.Float64Range(0.01, 0.99).Draw(t, "test")}
		copies := rapid.IntRange(0, 5).Draw(t, "copies")
		for i := range copies {
			c := d.Samples[i]
			c.Path = "z" + c.Path
			d.Samples = append(d.Samples, c)
		}
		s, err := d.Split(o)
		if err != nil {
			t.Fatal(err)
		}
		sides := bySide(d, s)
		if len(sides) != len(d.Samples) {
			t.Fatalf("%d samples on the sides, want %d", len(sides), len(d.Samples))
		}
		for _, p := range d.Samples[len(d.Samples)-copies:] {
			if sides[p.Path] != sides[p.Path[1:]] {
				t.Fatalf("%s is in %s, its copy in %s", p.Path, sides[p.Path], sides[p.Path[1:]])
			}
		}
		if worst(shares(d, slices.Concat(s.Validation, s.Test)), 0) > 1-1e-9 {
			t.Fatal("a label has no picture in training")
		}
		slices.Reverse(d.Samples)
		again, err := d.Split(o)
		if err != nil {
			t.Fatal(err)
		}
		for path, side := range bySide(d, again) {
			if sides[path] != side {
				t.Fatalf("in another order %s is in %s, was in %s", path, side, sides[path])
			}
		}
	})
}

// TestStratifyReady carves only the side that the data lacks.
func TestStratifyReady(t *testing.T) {
	d := manyLabels(400, 5, 2)
	for i := range d.Samples {
		d.Samples[i].Split = Train
		if i%4 == 0 {
			d.Samples[i].Split = Test
		}
	}
	s, err := d.Split(SplitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Test) != 100 || len(s.Validation) < 25 || len(s.Validation) > 35 {
		t.Errorf("%d for test, %d for validation, want 100 and about 30", len(s.Test), len(s.Validation))
	}
	for _, i := range s.Validation {
		if i%4 == 0 {
			t.Fatalf("sample %d is for test and was taken for validation", i)
		}
	}
}
