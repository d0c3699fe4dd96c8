// Package cluster groups feature vectors by k-means.
//
// Input: a matrix [N,D] of features and a number of clusters K. Output: K centres, the cluster of each vector, and how
// well the clusters are separated. Distances are Euclidean; Unit scales vectors to length one first, which makes them
// a matter of direction alone, as suits features of a network. The result is a function of the vectors, the options
// and the seed: the bits are the same for every number of threads.
package cluster

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/graft-ml/graft/internal/nn"
)

// Options says how KMeans works. K must be set; the rest has defaults.
type Options struct {
	K          int    // number of clusters, from 1 to the number of vectors
	Seed       uint64 // of the first centres
	Restarts   int    // runs from other centres, of which the one of least inertia counts; 0: 4
	Iterations int    // most rounds of a run; 0: 100
	Batch      int    // vectors a round of mini-batch k-means; 0: every round is over all of them
	Pool       *nn.Pool
}

const (
	defaultRestarts   = 4
	defaultIterations = 100
)

func (o Options) withDefaults() Options {
	if o.Restarts == 0 {
		o.Restarts = defaultRestarts
	}
	if o.Iterations == 0 {
		o.Iterations = defaultIterations
	}
	return o
}

// Result is a clustering. Clusters are numbered by falling size, equal ones by their first vector.
type Result struct {
	Centres    []float32 // [K,D]: the means of the clusters
	Labels     []int     // [N]: the cluster of each vector
	Distances  []float32 // [N]: from each vector to its centre
	Sizes      []int     // [K]
	Inertia    float64   // the sum of the squared distances
	Iterations int       // rounds of the run that was taken
}

// KMeans clusters the vectors x [N,D], D being width, by Lloyd's algorithm from the centres of k-means++ (Arthur and
// Vassilvitskii 2007), or by its mini-batch form (Sculley 2010). It returns an error for fewer vectors than clusters,
// and for numbers that are not finite; and ctx's soon after ctx ends. A cluster may stay empty only where fewer than K
// vectors differ.
func KMeans(ctx context.Context, x []float32, width int, o Options) (*Result, error) {
	p, err := newPoints(x, width, o.Pool)
	if err != nil {
		return nil, err
	}
	if o.K < 1 || o.K > p.n {
		return nil, fmt.Errorf("cluster: %d clusters of %d vectors, want 1 to %d", o.K, p.n, p.n)
	}
	if o.Restarts < 0 || o.Iterations < 0 || o.Batch < 0 {
		return nil, fmt.Errorf("cluster: restarts %d, iterations %d, batch %d: want 0 or more", o.Restarts, o.Iterations, o.Batch)
	}
	o = o.withDefaults()
	p.pool.Begin()
	defer p.pool.End()
	var best *Result
	for run := range o.Restarts {
		r, err := p.run(ctx, o, rand.New(rand.NewPCG(o.Seed, uint64(run))))
		if err != nil {
			return nil, err
		}
		if best == nil || r.Inertia < best.Inertia {
			best = r
		}
	}
	best.order(width)
	return best, nil
}

// run is one run from fresh centres.
func (p *points) run(ctx context.Context, o Options, random *rand.Rand) (*Result, error) {
	centres, err := p.plusPlus(ctx, o.K, random)
	if err != nil {
		return nil, err
	}
	if o.Batch > 0 && o.Batch < p.n {
		if err := p.miniBatch(ctx, centres, o, random); err != nil {
			return nil, err
		}
		o.Iterations = 1 // a round over all of them makes the centres means
	}
	return p.lloyd(ctx, centres, o.Iterations)
}

// points are the vectors that are being clustered.
type points struct {
	x     []float32 // [n,d]
	n, d  int
	norms []float64 // [n]: squared lengths
	pool  *nn.Pool
}

func newPoints(x []float32, width int, pool *nn.Pool) (*points, error) {
	if width < 1 || len(x) == 0 || len(x)%width != 0 {
		return nil, fmt.Errorf("cluster: %d numbers in vectors of %d", len(x), width)
	}
	p := &points{x: x, n: len(x) / width, d: width, pool: pool}
	p.norms = make([]float64, p.n)
	for i := range p.norms {
		p.norms[i] = squares(p.row(i))
		if math.IsNaN(p.norms[i]) || p.norms[i] > math.MaxFloat32 {
			return nil, fmt.Errorf("cluster: vector %d holds numbers that are not finite or too large", i)
		}
	}
	return p, nil
}

func (p *points) row(i int) []float32 { return p.x[i*p.d : (i+1)*p.d] }

func squares(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return sum
}

// Unit scales each vector of x [N,D], D being width, to length one, in place. A vector of zeros stays as it is.
func Unit(x []float32, width int) {
	for i := 0; i+width <= len(x); i += width {
		v := x[i : i+width]
		norm := math.Sqrt(squares(v))
		if norm == 0 {
			continue
		}
		for k := range v {
			v[k] = float32(float64(v[k]) / norm)
		}
	}
}
