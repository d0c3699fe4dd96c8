package metric

import "slices"

// meanAP is the mean of the labels' average precisions: how well each label's probability ranks the pictures,
// whatever its threshold.
//
// Its resamples use the average precision's exact derivative by each picture's weight: mAP + Σ wᵢ·∂mAP/∂wᵢ
// (the infinitesimal jackknife, Jaeckel 1972). Ranking anew for every label and resample would be N·K·1000
// steps, and doubled pictures would raise the precision.
var meanAP = metric{key: "map", title: "mAP", percent: true, task: multiLabel,
	statistic: func(e *evaluation) func([]float64) float64 {
		sum, n := 0.0, 0.0
		for c, in := range e.inMean {
			if in {
				sum += e.ap[c]
				n++
			}
		}
		return func(weights []float64) float64 {
			v := sum
			for i, s := range e.apSlopes {
				v += (weights[i] - 1) * s
			}
			return v / n
		}
	}}

// rankLabels fills ap and apSlopes.
func (e *evaluation) rankLabels() {
	e.ap, e.apSlopes = make([]float64, e.k), make([]float64, e.n)
	for c := range e.ap {
		r := e.ranking(c)
		e.ap[c] = r.averagePrecision()
		if e.inMean[c] {
			r.addSlopes(e.apSlopes, e.ap[c])
		}
	}
}

// ranking is one label's pictures in order of its probability, as far as average precision depends on it: cut
// into steps, each down to the next probability of a picture that has the label. Precision is taken at the end
// of each step, so pictures of equal probability are never told apart.
type ranking struct {
	step     []int // [N], each picture's; len(positive) for those behind the last positive
	isRight  []bool
	positive []float64 // [steps], pictures with the label in each step
	all      []float64 // [steps], pictures in each step
	total    float64   // pictures with the label
}

func (e *evaluation) ranking(class int) *ranking {
	r := &ranking{step: make([]int, e.n), isRight: make([]bool, e.n)}
	var ends []float32 // probabilities of the positives, negated so that they ascend
	for i, labels := range e.Labels {
		if _, r.isRight[i] = slices.BinarySearch(labels, class); r.isRight[i] {
			ends = append(ends, -e.row(i)[class])
			r.total++
		}
	}
	slices.Sort(ends)
	ends = slices.Compact(ends)
	r.positive, r.all = make([]float64, len(ends)), make([]float64, len(ends))
	for i := range r.step {
		s, _ := slices.BinarySearch(ends, -e.row(i)[class])
		r.step[i] = s
		if s < len(ends) {
			r.all[s]++
			if r.isRight[i] {
				r.positive[s]++
			}
		}
	}
	return r
}

// averagePrecision is Σ (recall's growth in the step) · (precision at its end); 0 without positives.
func (r *ranking) averagePrecision() float64 {
	sum, hits, seen := 0.0, 0.0, 0.0
	for s, p := range r.positive {
		hits += p
		seen += r.all[s]
		sum += p * hits / seen
	}
	return ratio(sum, r.total)
}

// addSlopes adds to dst [N] the derivative of the average precision, ap, by each picture's weight. The label must
// have a picture.
//
// With p the positives of a step, A and n the positives and pictures up to its end, AP = Σ p·A/n / P. A picture
// in step s adds to n of all steps from s on (−Σ p·A/n²); one with the label also to their A (Σ p/n), to p of its
// own step (A/n), and to P (−AP).
func (r *ranking) addSlopes(dst []float64, ap float64) {
	steps := len(r.positive)
	// Behind the last positive a picture changes nothing: wrong[steps] stays 0.
	wrong, right := make([]float64, steps+1), make([]float64, steps)
	hits, seen := r.total, 0.0
	for _, n := range r.all {
		seen += n
	}
	gain := 0.0
	for s := steps - 1; s >= 0; s-- {
		p := r.positive[s]
		wrong[s] = wrong[s+1] - p*hits/(seen*seen)
		gain += p / seen
		right[s] = wrong[s] + gain + hits/seen - ap
		hits -= p
		seen -= r.all[s]
	}
	for i, s := range r.step {
		if r.isRight[i] {
			dst[i] += right[s] / r.total
		} else {
			dst[i] += wrong[s] / r.total
		}
	}
}
