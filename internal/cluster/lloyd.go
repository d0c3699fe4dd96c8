package cluster

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// lloyd moves centres [k,d], which it changes, to the means of their clusters until no vector changes its cluster, or
// for so many rounds.
func (p *points) lloyd(ctx context.Context, centres []float32, rounds int) (*Result, error) {
	k := len(centres) / p.d
	r := &Result{Centres: centres, Labels: make([]int, p.n), Distances: make([]float32, p.n), Sizes: make([]int, k)}
	for i := range r.Labels {
		r.Labels[i] = -1
	}
	for changed := true; changed && r.Iterations < rounds; r.Iterations++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if changed = p.assign(r); changed {
			p.move(r)
		}
	}
	p.assign(r)
	for _, d := range r.Distances {
		r.Inertia += float64(d) * float64(d)
	}
	return r, nil
}

// assign gives each vector the nearest centre and fills empty clusters; it reports whether anything changed.
func (p *points) assign(r *Result) (changed bool) {
	labels := make([]int, p.n)
	p.each(newCentreSet(r.Centres, len(r.Sizes), p.d), nil, func(_, i int, d2 []float32) {
		labels[i] = nearest(d2)
		r.Distances[i] = distance(p.row(i), r.Centres[labels[i]*p.d:])
	})
	clear(r.Sizes)
	for _, l := range labels {
		r.Sizes[l]++
	}
	p.fillEmpty(r, labels)
	changed = !slices.Equal(labels, r.Labels)
	r.Labels = labels
	return changed
}

// distance returns the distance from v to the centre that c begins with, without the cancellation of the product's form.
func distance(v, c []float32) float32 {
	total := 0.0
	for k, x := range v {
		diff := float64(x) - float64(c[k])
		total += diff * diff
	}
	return float32(math.Sqrt(total))
}

// fillEmpty gives each empty cluster the vector that is farthest from its centre, unless all lie on theirs.
func (p *points) fillEmpty(r *Result, labels []int) {
	for c, size := range r.Sizes {
		if size > 0 {
			continue
		}
		far := 0
		for i, d := range r.Distances {
			if d > r.Distances[far] {
				far = i
			}
		}
		if r.Distances[far] == 0 {
			return
		}
		r.Sizes[labels[far]]--
		labels[far], r.Distances[far], r.Sizes[c] = c, 0, 1
		copy(r.Centres[c*p.d:], p.row(far))
	}
}

// move makes each centre the mean of its cluster, summed in the order of the vectors.
func (p *points) move(r *Result) {
	members := byCluster(r.Labels, len(r.Sizes))
	p.pool.Run(len(members), func(c int) {
		if len(members[c]) == 0 {
			return
		}
		total := make([]float64, p.d)
		for _, i := range members[c] {
			for k, v := range p.row(i) {
				total[k] += float64(v)
			}
		}
		centre := r.Centres[c*p.d : (c+1)*p.d]
		for k, v := range total {
			centre[k] = float32(v / float64(len(members[c])))
		}
	})
}

// byCluster lists the vectors of each of k clusters.
func byCluster(labels []int, k int) [][]int {
	members := make([][]int, k)
	for i, c := range labels {
		members[c] = append(members[c], i)
	}
	return members
}

// miniBatch moves centres by so many random vectors a round: each pulls its nearest centre to it, the less the more
// have pulled there before. Rounds are as many as would see every vector o.Iterations times, at most a hundred.
func (p *points) miniBatch(ctx context.Context, centres []float32, o Options, random *rand.Rand) error {
	k := len(centres) / p.d
	counts, rows, labels := make([]int, k), make([]int, o.Batch), make([]int, o.Batch)
	rounds := min(defaultIterations, (p.n*o.Iterations+o.Batch-1)/o.Batch)
	for range rounds {
		if err := ctx.Err(); err != nil {
			return err
		}
		for at := range rows {
			rows[at] = random.IntN(p.n)
		}
		p.each(newCentreSet(centres, k, p.d), rows, func(at, _ int, d2 []float32) { labels[at] = nearest(d2) })
		for at, i := range rows {
			c := labels[at]
			counts[c]++
			rate := 1 / float32(counts[c])
			centre := centres[c*p.d : (c+1)*p.d]
			for j, v := range p.row(i) {
				centre[j] += rate * (v - centre[j])
			}
		}
	}
	return nil
}

// order numbers the clusters of r by falling size, then by their first vector.
func (r *Result) order(width int) {
	k := len(r.Sizes)
	first, from := make([]int, k), make([]int, k)
	for c := range k {
		first[c], from[c] = len(r.Labels), c
	}
	for i, c := range slices.Backward(r.Labels) {
		first[c] = i
	}
	slices.SortFunc(from, func(a, b int) int { return cmp.Or(r.Sizes[b]-r.Sizes[a], first[a]-first[b], a-b) })
	to, sizes, centres := make([]int, k), make([]int, k), make([]float32, 0, len(r.Centres))
	for at, c := range from {
		to[c], sizes[at] = at, r.Sizes[c]
		centres = append(centres, r.Centres[c*width:(c+1)*width]...)
	}
	for i, c := range r.Labels {
		r.Labels[i] = to[c]
	}
	r.Sizes, r.Centres = sizes, centres
}
