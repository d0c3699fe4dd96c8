package cluster

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// plusPlus draws k vectors as the first centres [k,d]: each next one with a probability proportional to its squared
// distance from those that are there. Of a few draws the one that lowers the sum of these distances most is taken,
// which makes bad starts rare.
func (p *points) plusPlus(ctx context.Context, k int, random *rand.Rand) ([]float32, error) {
	centres := slices.Clone(p.row(random.IntN(p.n)))
	dist := make([]float64, p.n) // to the nearest centre so far, squared
	p.each(newCentreSet(centres, 1, p.d), nil, func(_, i int, d2 []float32) { dist[i] = p.squared(i, d2[0]) })
	draws := 2 + int(math.Log(float64(k)))
	candidates, picked := make([]float32, 0, draws*p.d), make([]int, draws)
	nearer := make([]float64, draws*p.n)
	for len(centres) < k*p.d {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		candidates = candidates[:0]
		for c := range picked {
			picked[c] = draw(dist, random)
			candidates = append(candidates, p.row(picked[c])...)
		}
		p.each(newCentreSet(candidates, draws, p.d), nil, func(_, i int, d2 []float32) {
			for c, v := range d2 {
				nearer[c*p.n+i] = min(dist[i], p.squared(i, v))
			}
		})
		best, least := 0, math.Inf(1)
		for c := range draws {
			if s := sum(nearer[c*p.n : (c+1)*p.n]); s < least {
				best, least = c, s
			}
		}
		copy(dist, nearer[best*p.n:(best+1)*p.n])
		centres = append(centres, p.row(picked[best])...)
	}
	return centres, nil
}

// draw returns an index with a probability proportional to its weight; where all weights are zero, each is as likely.
func draw(weights []float64, random *rand.Rand) int {
	total := sum(weights)
	if total == 0 {
		return random.IntN(len(weights))
	}
	at := random.Float64() * total
	last := 0
	for i, w := range weights {
		if w == 0 {
			continue
		}
		last = i
		if at -= w; at < 0 {
			return i
		}
	}
	return last
}

func sum(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s
}
