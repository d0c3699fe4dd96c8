package metric

import (
	"cmp"
	"slices"
)

// defaultThreshold is that of a label which no validation picture has.
const defaultThreshold = 0.5

// Thresholds returns for each label the probability from which on it should be predicted, [K]: that of the
// highest F1 on the given pictures, which should be validation pictures. classes has K names, probs is [N,K],
// row-major, and labels [N] holds ascending class indices.
//
// The threshold lies halfway between the least probability accepted and the next below it (or 0). Of several
// that are equally good the highest is taken. The errors are those of Evaluate.
func Thresholds(classes []string, probs []float32, labels [][]int) ([]float32, error) {
	k := len(classes)
	if err := checkShape(k, probs, labels); err != nil {
		return nil, err
	}
	thresholds := make([]float32, k)
	column := make([]judged, len(labels))
	for c := range thresholds {
		for i := range column {
			_, right := slices.BinarySearch(labels[i], c)
			column[i] = judged{probs[i*k+c], right}
		}
		thresholds[c] = threshold(column)
	}
	return thresholds, nil
}

// judged is one picture's probability of a label, and whether it has it.
type judged struct {
	prob  float32
	right bool
}

// threshold finds the best one, by going down the pictures in order of probability. It sorts column.
func threshold(column []judged) float32 {
	slices.SortFunc(column, func(a, b judged) int { return cmp.Compare(b.prob, a.prob) })
	var total counts
	for _, j := range column {
		if j.right {
			total.fn++
		}
	}
	best, bestF1 := float32(defaultThreshold), 0.0
	for i, j := range column {
		if j.right {
			total.tp++
			total.fn--
		} else {
			total.fp++
		}
		next := float32(0)
		if i+1 < len(column) {
			next = column[i+1].prob
		}
		if next == j.prob && i+1 < len(column) {
			continue // equal probabilities stand or fall together
		}
		if f1 := total.f1(); f1 > bestF1 {
			best, bestF1 = halfway(next, j.prob), f1
		}
	}
	return best
}

// halfway returns the middle of low and high, rounded so that high ≥ it > low; it is high if they are neighbours.
func halfway(low, high float32) float32 {
	if mid := low + (high-low)/2; mid > low {
		return mid
	}
	return high
}
