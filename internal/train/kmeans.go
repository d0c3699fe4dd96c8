package train

import (
	"context"
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/cluster"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// fitKMeans fits a linear head on the distances of standardised features to the centres of clusters: what k-means
// finds in the pictures without looking at their labels, supervised (Coates, Lee and Ng 2011). Where o leaves the
// number of clusters open it is the one with the least validation loss.
func fitKMeans(ctx context.Context, train, val Data, o HeadOptions, onEpoch func(Epoch)) (*Result, error) {
	choices := []int{o.Clusters}
	switch {
	case o.Clusters == 0 && val.N() > 0:
		choices = []int{o.Classes, 2 * o.Classes, 4 * o.Classes}
	case o.Clusters == 0:
		choices = []int{2 * o.Classes}
	}
	var best *Result
	for _, k := range choices {
		o.Clusters = min(k, train.N())
		r, err := fitDistances(ctx, train, val, o)
		if err != nil {
			return nil, err
		}
		if best == nil || r.best().ValLoss < best.best().ValLoss {
			best = r
		}
	}
	if onEpoch != nil {
		for _, e := range best.History {
			onEpoch(e)
		}
	}
	return best, nil
}

// best is the row of the history that the head is from.
func (r *Result) best() Epoch {
	i := slices.IndexFunc(r.History, func(e Epoch) bool { return e.Epoch == r.BestEpoch })
	return r.History[i]
}

// fitDistances is fitKMeans for one number of clusters.
func fitDistances(ctx context.Context, train, val Data, o HeadOptions) (*Result, error) {
	s := noScaler(train.D)
	if !o.NoStandardise {
		s = newScaler(train)
	}
	x := make([]float32, len(train.X))
	for i := range train.N() {
		s.apply(x[i*train.D:(i+1)*train.D], train.row(i))
	}
	found, err := cluster.KMeans(ctx, x, train.D, cluster.Options{K: o.Clusters, Seed: o.Seed, Restarts: 1, Pool: o.Pool})
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	distances, err := distanceGraph(s, found.Centres, o.Clusters)
	if err != nil {
		return nil, err
	}
	plan, err := nn.NewPlan(distances, nn.PlanOptions{Pool: o.Pool, MaxBatch: measureRows})
	if err != nil {
		return nil, err
	}
	for _, d := range []*Data{&train, &val} {
		y := make([]float32, d.N()*o.Clusters)
		if err := plan.Run(ctx, [][]float32{y}, [][]float32{d.X}, d.N()); err != nil {
			return nil, err
		}
		d.X, d.D = y, o.Clusters
	}
	r, err := fitHead(ctx, train, val, o, nil)
	if err != nil {
		return nil, err
	}
	r.Head = nn.Join(distances, r.Head)
	return r, nil
}

// distanceGraph returns the graph from features [N,D] to their distances from k centres of standardised features:
// √(|x|² − 2x·c + |c|²), with no more operators than every runtime has.
func distanceGraph(s *scaler, centres []float32, k int) (*nn.Graph, error) {
	d := len(s.mean)
	w, bias := make([]float32, d*k), make([]float32, k)
	for c := range k {
		sum := 0.0
		for i, v := range centres[c*d : (c+1)*d] {
			w[i*k+c] = -2 * v
			sum += float64(v) * float64(v)
		}
		bias[c] = float32(sum)
	}
	b := nn.NewBuilder("distances")
	x := standardiseNodes(b, b.Input(Features, tensor.Free, d), s)
	square := b.Op("ReduceSum", nn.Attrs{"keepdims": int64(1)}, b.Op("Mul", nil, x, x), b.Ints(1))
	y := b.Op("Gemm", nil, x, b.Const("centres", tensor.FromFloats(w, d, k)), b.Const("centres.squared", tensor.FromFloats(bias, k)))
	y = b.Op("Sqrt", nil, b.Op("Relu", nil, b.Op("Add", nil, y, square)))
	b.Output("distances", y)
	return b.Build()
}
