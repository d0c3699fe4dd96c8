package metric

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Spread is a score over several splits of the same data: the mean of its values, with an interval that includes the
// split.
type Spread struct {
	Key     string `json:"-"` // as Score's
	Title   string `json:"-"`
	Percent bool   `json:"-"`
	Interval
	Deviation float64   `json:"deviation"` // of the values, with one degree of freedom less than there are
	Values    []float64 `json:"values"`    // one a split
}

// Spreads are those of several scores. In JSON they stand under their keys.
type Spreads []Spread

// MarshalJSON writes the spreads as one object, in their order.
func (s Spreads) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, one := range s {
		value, err := json.Marshal(one)
		if err != nil {
			return nil, fmt.Errorf("metric: %s: %w", one.Key, err)
		}
		fmt.Fprintf(&b, "%c%q:%s", "{,"[min(i, 1)], one.Key, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// AcrossSplits returns the spread of each score over reports, at least two, of trainings on other splits of the same
// data. ratio is the number of test pictures for each one trained on.
//
// The test of one split is in the training data of others, so that the values depend on each other and the standard
// error of their mean alone is too small. The interval is that of C. Nadeau and Y. Bengio, "Inference for the
// Generalization Error" (Machine Learning 52, 2003), equation 8: with J values of variance S² the mean has the variance
// (1/J + ratio)·S², and the t distribution J−1 degrees of freedom. R. Bouckaert and E. Frank (PAKDD 2004) use it for
// the folds of cross-validations, where the ratio is 1/(folds−1). It is too wide, rather than too narrow, where far more
// is tested than trained on. Where all values are one, which is no reason to be sure of it, it is Wilson's of one test.
func AcrossSplits(reports []*Report, ratio float64) Spreads {
	var out Spreads
	for at, s := range reports[0].Scores {
		spread := Spread{Key: s.Key, Title: s.Title, Percent: s.Percent}
		for _, r := range reports {
			spread.Values = append(spread.Values, r.Scores[at].Value)
		}
		spread.Interval, spread.Deviation, _ = resampled(spread.Values, ratio)
		spread.Low = max(0, spread.Low)
		if s.Percent {
			spread.High = min(1, spread.High)
			if spread.Deviation == 0 {
				spread.Interval = WilsonAround(spread.Value, reports[0].N)
			}
		}
		out = append(out, spread)
	}
	return out
}

// PairedSplits is how the accuracies of two trainings differ over the splits that both were tested on.
type PairedSplits struct {
	N          int      `json:"n"`
	Difference Interval `json:"difference"` // of B less A, with an interval that includes the split
	P          float64  `json:"p"`          // of the corrected resampled t-test: how likely so large a mean is by chance
}

// ComparePairedSplits compares values of A and B on the same splits, in the same order, at least two, by the corrected
// resampled t-test of Nadeau and Bengio; see AcrossSplits.
func ComparePairedSplits(a, b []float64, ratio float64) PairedSplits {
	apart := make([]float64, len(a))
	for i := range a {
		apart[i] = b[i] - a[i]
	}
	p := PairedSplits{N: len(a)}
	p.Difference, _, p.P = resampled(apart, ratio)
	return p
}

// resampled returns the mean of values from splits of the same data with its 95 % interval, their deviation, and the
// probability of a mean as far from 0 where that is the true one. Where all values are one the interval is a point.
func resampled(values []float64, ratio float64) (in Interval, deviation, p float64) {
	n := float64(len(values))
	for _, v := range values {
		in.Value += v / n
	}
	for _, v := range values {
		deviation += (v - in.Value) * (v - in.Value) / (n - 1)
	}
	if deviation = math.Sqrt(deviation); deviation < 1e-12 { // rounding
		if math.Abs(in.Value) < 1e-12 {
			p = 1
		}
		return Interval{Value: in.Value, Low: in.Value, High: in.Value}, 0, p
	}
	t := distuv.StudentsT{Sigma: 1, Nu: n - 1}
	e := deviation * math.Sqrt(1/n+ratio)
	half := t.Quantile(0.975) * e
	in.Low, in.High = in.Value-half, in.Value+half
	return in, deviation, 2 * t.Survival(math.Abs(in.Value)/e)
}
