package metric

import (
	"math/rand/v2"
	"slices"
)

// resamples is how many a bootstrap draws: with 1000 the end points wander by about a twentieth of the
// interval's width from seed to seed, which is less than anyone reads off it.
const resamples = 1000

// bootstrap returns each statistic's value and its 95 % percentile interval (Efron 1979).
//
// Pictures are resampled within their class, for that is how a split draws them: the number of test pictures of
// each class is fixed, and the means are over the same classes in every resample. Of a class with n pictures
// n−1 are drawn and weighted by n/(n−1) (Rao and Wu 1988): n draws would make classes with two or three pictures
// look surer than they are. Classes of one picture, which alone tell nothing of how it could have been otherwise,
// are resampled together (Cochran's collapsed strata), and so are all multi-label pictures, which belong to no one
// class.
//
// Resample b draws from a generator of its own, seeded by (Seed, b).
func (e *evaluation) bootstrap(statistics []func(weights []float64) float64) []Interval {
	weights := slices.Repeat([]float64{1}, e.n)
	intervals := make([]Interval, len(statistics))
	for s, statistic := range statistics {
		intervals[s].Value = statistic(weights)
	}
	strata := e.strata()
	samples := make([][resamples]float64, len(statistics))
	for b := range resamples {
		resample(weights, strata, rand.New(rand.NewPCG(e.Seed, uint64(b))))
		for s, statistic := range statistics {
			samples[s][b] = statistic(weights)
		}
	}
	for s := range intervals {
		slices.Sort(samples[s][:])
		// A statistic that resampling shifts must not have an interval beside its value.
		v := intervals[s].Value
		intervals[s].Low = min(v, quantile(samples[s][:], 0.025))
		intervals[s].High = max(v, quantile(samples[s][:], 0.975))
	}
	return intervals
}

// strata groups the pictures that are resampled together; some groups may be empty.
func (e *evaluation) strata() [][]int {
	strata := make([][]int, e.k+1) // the classes', and that of the mixed
	for i, labels := range e.Labels {
		s := e.k
		if !e.MultiLabel && e.support[labels[0]] > 1 {
			s = labels[0]
		}
		strata[s] = append(strata[s], i)
	}
	return strata
}

// resample fills weights [N] with those of one resample.
func resample(weights []float64, strata [][]int, r *rand.Rand) {
	clear(weights)
	for _, pictures := range strata {
		n := len(pictures)
		if n == 1 {
			weights[pictures[0]] = 1
			continue
		}
		w := float64(n) / float64(n-1)
		for range n - 1 {
			weights[pictures[r.Uint32N(uint32(n))]] += w
		}
	}
}

// quantile interpolates linearly in ascending values, as NumPy does by default. q must be in [0,1).
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
