package cluster

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/nn"
)

// golden is what scikit-learn says of vectors; testdata/cluster/make_golden.py made it.
type golden struct {
	Name         string
	N, D, Groups int
	K            int
	Labels       []int   // of Lloyd's algorithm from the first K vectors
	Inertia      float64 // of them
	Silhouette   float64
	Best         float64 // the least inertia of 50 starts
}

func goldens(t *testing.T) []golden {
	t.Helper()
	data, err := os.ReadFile("../../testdata/cluster/kmeans.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// vectors draws n vectors around the centres of so many groups.
func vectors(name string, n, d, groups int) []float32 {
	centres, noise := make([]float32, groups*d), make([]float32, n*d)
	check.Seeded(centres, name+" centres", 1, 0)
	check.Seeded(noise, name+" noise", 1, 0)
	x := make([]float32, n*d)
	for i := range x {
		row, k := i/d, i%d
		offset := 0.6 * (float64(noise[i]) - 0.5)
		x[i] = float32(float64(centres[row%groups*d+k]) + offset)
	}
	return x
}

// near allows for float32 centres.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-5*math.Abs(b) }

func TestLloydLikeScikitLearn(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.Name, func(t *testing.T) {
			x := vectors(g.Name, g.N, g.D, g.Groups)
			p, err := newPoints(x, g.D, nil)
			if err != nil {
				t.Fatal(err)
			}
			r, err := p.lloyd(t.Context(), slices.Clone(x[:g.K*g.D]), 300)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(r.Labels, g.Labels) || !near(r.Inertia, g.Inertia) {
				t.Errorf("inertia %v, want %v; labels %v, want %v", r.Inertia, g.Inertia, r.Labels, g.Labels)
			}
			s, err := Silhouette(t.Context(), x, g.D, r.Labels, 1000, 0, nil)
			if err != nil || math.Abs(s-g.Silhouette) > 1e-4 {
				t.Errorf("silhouette %v, %v, want %v", s, err, g.Silhouette)
			}
		})
	}
}

// TestKMeans checks what holds for any clustering, and that a few starts come within a thousandth of the best of
// scikit-learn's fifty.
func TestKMeans(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.Name, func(t *testing.T) {
			x := vectors(g.Name, g.N, g.D, g.Groups)
			r, err := KMeans(t.Context(), x, g.D, Options{K: g.K, Restarts: 10, Seed: 3})
			if err != nil {
				t.Fatal(err)
			}
			if r.Inertia > g.Best*1.001 {
				t.Errorf("inertia %v, want at most %v", r.Inertia, g.Best)
			}
			checkClustering(t, x, g.D, r)
		})
	}
}

// checkClustering checks that every vector has the nearest centre, and that sizes and distances say what is.
func checkClustering(t *testing.T, x []float32, d int, r *Result) {
	t.Helper()
	sizes := make([]int, len(r.Sizes))
	for i, l := range r.Labels {
		sizes[l]++
		own := distance(x[i*d:(i+1)*d], r.Centres[l*d:])
		if own != r.Distances[i] {
			t.Errorf("vector %d: distance %v, want %v", i, r.Distances[i], own)
		}
		for c := range r.Sizes {
			if other := distance(x[i*d:(i+1)*d], r.Centres[c*d:]); float64(other) < float64(own)-1e-4 {
				t.Errorf("vector %d is in cluster %d at %v, cluster %d is at %v", i, l, own, c, other)
			}
		}
	}
	if !slices.Equal(sizes, r.Sizes) {
		t.Errorf("sizes %v, want %v", r.Sizes, sizes)
	}
	if !slices.IsSortedFunc(r.Sizes, func(a, b int) int { return b - a }) {
		t.Errorf("sizes %v do not fall", r.Sizes)
	}
}

func TestSameForAnyThreads(t *testing.T) {
	x := vectors("threads", 700, 19, 9)
	for _, batch := range []int{0, 64} {
		o := Options{K: 9, Batch: batch, Seed: 11}
		want, err := KMeans(t.Context(), x, 19, o)
		if err != nil {
			t.Fatal(err)
		}
		wantS, err := Silhouette(t.Context(), x, 19, want.Labels, 100, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, threads := range []int{2, 5} {
			o.Pool = nn.NewPool(threads)
			got, err := KMeans(t.Context(), x, 19, o)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Centres, want.Centres) || !slices.Equal(got.Labels, want.Labels) || got.Inertia != want.Inertia {
				t.Errorf("batch %d: %d threads give another result", batch, threads)
			}
			if s, err := Silhouette(t.Context(), x, 19, got.Labels, 100, 1, o.Pool); err != nil || s != wantS {
				t.Errorf("batch %d: %d threads: silhouette %v, %v, want %v", batch, threads, s, err, wantS)
			}
			o.Pool.Close()
		}
	}
}

// TestMiniBatch checks that a mini-batch run ends near the clusters of a full one.
func TestMiniBatch(t *testing.T) {
	x := vectors("mini", 2000, 12, 6)
	full, err := KMeans(t.Context(), x, 12, Options{K: 6})
	if err != nil {
		t.Fatal(err)
	}
	mini, err := KMeans(t.Context(), x, 12, Options{K: 6, Batch: 100})
	if err != nil {
		t.Fatal(err)
	}
	if mini.Inertia > 1.05*full.Inertia {
		t.Errorf("inertia %v by mini-batches, %v by all", mini.Inertia, full.Inertia)
	}
	if mini.Iterations != 1 {
		t.Errorf("%d rounds over all vectors, want 1", mini.Iterations)
	}
}

// TestFewDifferent clusters vectors that are mostly the same.
func TestFewDifferent(t *testing.T) {
	x := []float32{1, 2, 1, 2, 1, 2, 5, 5, 1, 2}
	for k := 1; k <= 5; k++ {
		r, err := KMeans(t.Context(), x, 2, Options{K: k})
		if err != nil {
			t.Fatal(err)
		}
		if k >= 2 && (r.Inertia != 0 || r.Sizes[0] != 4 || r.Sizes[1] != 1) {
			t.Errorf("k=%d: sizes %v, inertia %v", k, r.Sizes, r.Inertia)
		}
	}
}

func TestErrors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name string
		x    []float32
		d    int
		o    Options
		want string
	}{
		{"no vectors", nil, 2, Options{K: 1}, "cluster: 0 numbers in vectors of 2"},
		{"width", []float32{1, 2, 3}, 2, Options{K: 1}, "cluster: 3 numbers in vectors of 2"},
		{"no clusters", []float32{1, 2}, 1, Options{}, "cluster: 0 clusters of 2 vectors, want 1 to 2"},
		{"too many", []float32{1, 2}, 1, Options{K: 3}, "cluster: 3 clusters of 2 vectors, want 1 to 2"},
		{"negative", []float32{1, 2}, 1, Options{K: 1, Batch: -1}, "cluster: restarts 0, iterations 0, batch -1: want 0 or more"},
		{"nan", []float32{1, nan}, 1, Options{K: 1}, "cluster: vector 1 holds numbers that are not finite or too large"},
		{"inf", []float32{inf, 1}, 1, Options{K: 1}, "cluster: vector 0 holds numbers that are not finite or too large"},
		{"large", []float32{1, 1e30}, 1, Options{K: 1}, "cluster: vector 1 holds numbers that are not finite or too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := KMeans(t.Context(), c.x, c.d, c.o); err == nil || err.Error() != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := KMeans(ctx, []float32{1, 2, 3}, 1, Options{K: 2}); err != context.Canceled {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if _, err := Silhouette(t.Context(), []float32{1, 2}, 1, []int{0}, 5, 0, nil); err == nil {
		t.Error("silhouette with a label missing: no error")
	}
	if s, err := Silhouette(t.Context(), []float32{1, 2}, 1, []int{3, 3}, 5, 0, nil); err != nil || !math.IsNaN(s) {
		t.Errorf("silhouette of one cluster: %v, %v, want NaN", s, err)
	}
}

func TestUnit(t *testing.T) {
	x := []float32{3, 4, 0, 0, -2, 0}
	Unit(x, 2)
	if want := []float32{0.6, 0.8, 0, 0, -1, 0}; !slices.Equal(x, want) {
		t.Errorf("Unit = %v, want %v", x, want)
	}
}
