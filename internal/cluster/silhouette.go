package cluster

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/graft-ml/graft/internal/nn"
)

// Silhouette returns the mean silhouette of the vectors x [N,D] in their clusters (Rousseeuw 1987), from −1 to 1: for
// each vector (b−a)/max(a,b), where a is its mean distance to the others of its cluster and b that to the nearest
// other cluster; 0 for the only vector of a cluster. Of more than sample vectors so many are drawn by seed, because
// the work grows with the square of their number. Fewer than two clusters have none, and the result is NaN.
func Silhouette(ctx context.Context, x []float32, width int, labels []int, sample int, seed uint64, pool *nn.Pool) (float64, error) {
	p, err := newPoints(x, width, pool)
	if err != nil {
		return 0, err
	}
	if len(labels) != p.n || sample < 1 {
		return 0, fmt.Errorf("cluster: %d labels for %d vectors, a sample of %d", len(labels), p.n, sample)
	}
	rows := sampleRows(p.n, sample, seed)
	group, sizes := compactLabels(labels, rows)
	if len(sizes) < 2 {
		return math.NaN(), nil
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	score := make([]float64, len(rows))
	p.pool.Begin()
	defer p.pool.End()
	p.each(newCentreSet(p.gather(rows, 0, len(rows)), len(rows), p.d), rows, func(at, i int, d2 []float32) {
		total := make([]float64, len(sizes))
		for other, v := range d2 {
			if other != at {
				total[group[other]] += math.Sqrt(max(0, p.norms[i]+float64(v)))
			}
		}
		score[at] = silhouette(total, sizes, group[at])
	})
	return sum(score) / float64(len(score)), nil
}

// silhouette is that of one vector of cluster own, from the sums of its distances to each cluster.
func silhouette(total []float64, sizes []int, own int) float64 {
	if sizes[own] == 1 {
		return 0
	}
	a, b := total[own]/float64(sizes[own]-1), math.Inf(1)
	for c, t := range total {
		if c != own {
			b = min(b, t/float64(sizes[c]))
		}
	}
	if a == 0 && b == 0 {
		return 0
	}
	return (b - a) / max(a, b)
}

// sampleRows returns all of n rows, or so many of them drawn by seed, in their order.
func sampleRows(n, sample int, seed uint64) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	if n <= sample {
		return rows
	}
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	random.Shuffle(n, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	rows = rows[:sample]
	slices.Sort(rows)
	return rows
}

// compactLabels numbers the clusters that occur among rows from 0 and counts their rows.
func compactLabels(labels, rows []int) (group, sizes []int) {
	number := map[int]int{}
	for _, i := range rows {
		c, ok := number[labels[i]]
		if !ok {
			c = len(number)
			number[labels[i]], sizes = c, append(sizes, 0)
		}
		group, sizes[c] = append(group, c), sizes[c]+1
	}
	return group, sizes
}
