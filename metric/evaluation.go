package metric

import "slices"

// evaluation is a checked input, and what several metrics need of it.
type evaluation struct {
	Input
	n, k    int
	support []int  // [K], pictures of each class
	inMean  []bool // [K], classes that the means are taken over

	// One label per picture.
	label, guess []int // [N], the right class and the most probable one
	rank         []int // [N], how many classes come before the right one

	// Multi-label.
	ap       []float64 // [K], the labels' average precisions
	apSlopes []float64 // [N], the derivative of their sum, over the labels in the mean, by each picture's weight

	// Each picture's part in the counts of its classes: outcomes[first[i]:first[i+1]] are picture i's.
	// The true negatives, all the rest, are not listed.
	outcomes []outcome
	first    []int // [N+1]
}

// outcome is what one picture is to one class.
type outcome struct {
	class int
	kind  kind
}

type kind uint8

const (
	truePositive kind = iota
	falsePositive
	falseNegative
)

// counts are those of one class, summed over pictures; resampled pictures have fractional weights.
type counts struct{ tp, fp, fn float64 }

func (c counts) support() float64 { return c.tp + c.fn }
func (c counts) recall() float64  { return ratio(c.tp, c.tp+c.fn) }
func (c counts) f1() float64      { return ratio(2*c.tp, 2*c.tp+c.fp+c.fn) }

// ratio is 0 where there is nothing to divide by.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func prepare(in Input) (*evaluation, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	e := &evaluation{Input: in, n: len(in.Labels), k: len(in.Classes)}
	if in.MultiLabel {
		e.judgeLabels()
	} else {
		e.judgeClasses()
	}
	e.support, e.inMean = make([]int, e.k), make([]bool, e.k)
	for _, labels := range in.Labels {
		for _, c := range labels {
			e.support[c]++
			e.inMean[c] = true
		}
	}
	for _, c := range in.LeftOut {
		e.inMean[c] = false
	}
	if !slices.Contains(e.inMean, true) {
		return nil, errNoMean
	}
	if in.MultiLabel {
		e.rankLabels()
	}
	return e, nil
}

func (e *evaluation) task() task {
	if e.MultiLabel {
		return multiLabel
	}
	return oneLabel
}

func (e *evaluation) row(i int) []float32 { return e.Probs[i*e.k : (i+1)*e.k] }

func (e *evaluation) leftOutNames() []string {
	var names []string
	for c, in := range e.inMean {
		if !in {
			names = append(names, e.Classes[c])
		}
	}
	return names
}

// judgeClasses compares each picture's most probable class with its right one.
func (e *evaluation) judgeClasses() {
	e.label, e.guess, e.rank = make([]int, e.n), make([]int, e.n), make([]int, e.n)
	e.first = make([]int, 1, e.n+1)
	for i, labels := range e.Labels {
		row, label := e.row(i), labels[0]
		guess, rank := 0, 0
		for c, p := range row {
			if p > row[guess] {
				guess = c
			}
			if p > row[label] || p == row[label] && c < label {
				rank++
			}
		}
		e.label[i], e.guess[i], e.rank[i] = label, guess, rank
		if guess == label {
			e.outcomes = append(e.outcomes, outcome{label, truePositive})
		} else {
			e.outcomes = append(e.outcomes, outcome{label, falseNegative}, outcome{guess, falsePositive})
		}
		e.first = append(e.first, len(e.outcomes))
	}
}

// judgeLabels compares, for each picture, the labels that reach their thresholds with the right ones.
func (e *evaluation) judgeLabels() {
	e.first = make([]int, 1, e.n+1)
	for i, labels := range e.Labels {
		next := 0 // in labels
		for c, p := range e.row(i) {
			right := next < len(labels) && labels[next] == c
			if right {
				next++
			}
			switch predicted := p >= e.Thresholds[c]; {
			case right && predicted:
				e.outcomes = append(e.outcomes, outcome{c, truePositive})
			case right:
				e.outcomes = append(e.outcomes, outcome{c, falseNegative})
			case predicted:
				e.outcomes = append(e.outcomes, outcome{c, falsePositive})
			}
		}
		e.first = append(e.first, len(e.outcomes))
	}
}

// count sums the outcomes into dst [K], each picture weighted. No weights means 1 each.
func (e *evaluation) count(dst []counts, weights []float64) {
	clear(dst)
	for i := range e.n {
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		if w == 0 {
			continue // about a third of the pictures of a resample
		}
		for _, o := range e.outcomes[e.first[i]:e.first[i+1]] {
			switch c := &dst[o.class]; o.kind {
			case truePositive:
				c.tp += w
			case falsePositive:
				c.fp += w
			case falseNegative:
				c.fn += w
			}
		}
	}
}

// classMean makes a statistic of the mean of a score over the classes. A class that has no picture left in a
// resample has no score there. One that has a single picture at all is resampled with it: it counts as often as
// its picture was drawn.
func (e *evaluation) classMean(score func(counts) float64) func([]float64) float64 {
	scratch := make([]counts, e.k)
	return func(weights []float64) float64 {
		e.count(scratch, weights)
		sum, n := 0.0, 0.0
		for c, in := range e.inMean {
			if in && scratch[c].support() > 0 {
				w := 1.0
				if e.support[c] == 1 {
					w = scratch[c].support()
				}
				sum += w * score(scratch[c])
				n += w
			}
		}
		return ratio(sum, n)
	}
}

// pictureMean makes a statistic of the mean of a per-picture value [N].
func pictureMean(values []float64) func([]float64) float64 {
	return func(weights []float64) float64 {
		sum, total := 0.0, 0.0
		for i, v := range values {
			sum += weights[i] * v
			total += weights[i]
		}
		return sum / total
	}
}
