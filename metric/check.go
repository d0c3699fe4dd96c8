package metric

import (
	"errors"
	"fmt"
)

var errNoMean = errors.New("metric: no class has a test picture and is not left out, so there is nothing to take a mean over")

// probSlack is by how much a probability may exceed 1: a softmax in float32 rounds.
const probSlack = 1e-4

// check returns what is wrong with the input, naming the first offender.
func (in *Input) check() error {
	if err := checkShape(len(in.Classes), in.Probs, in.Labels); err != nil {
		return err
	}
	for i, labels := range in.Labels {
		if !in.MultiLabel && len(labels) != 1 {
			return fmt.Errorf("metric: picture %d: %d labels, want 1 (set MultiLabel for any number)", i, len(labels))
		}
	}
	if in.MultiLabel {
		if err := in.checkThresholds(); err != nil {
			return err
		}
	}
	for _, c := range in.LeftOut {
		if c < 0 || c >= len(in.Classes) {
			return fmt.Errorf("metric: left-out class %d, want 0 to %d", c, len(in.Classes)-1)
		}
	}
	return nil
}

func (in *Input) checkThresholds() error {
	if len(in.Thresholds) != len(in.Classes) {
		return fmt.Errorf("metric: %d thresholds, want one for each of %d classes", len(in.Thresholds), len(in.Classes))
	}
	for c, t := range in.Thresholds {
		if t != t {
			return fmt.Errorf("metric: class %q: threshold is NaN", in.Classes[c])
		}
	}
	return nil
}

// checkShape checks what scores and thresholds have in common: sizes, probabilities and label indices.
func checkShape(k int, probs []float32, labels [][]int) error {
	n := len(labels)
	switch {
	case k < 2:
		return fmt.Errorf("metric: %d classes, want at least 2", k)
	case n == 0:
		return errors.New("metric: no pictures to evaluate")
	case len(probs)/k != n || len(probs)%k != 0:
		return fmt.Errorf("metric: %d probabilities, want %d (%d pictures × %d classes)", len(probs), n*k, n, k)
	}
	for i, p := range probs {
		if !(p >= 0 && p <= 1+probSlack) { // so written that NaN does not pass
			return fmt.Errorf("metric: picture %d, class %d: probability %v, want 0 to 1 (are these logits?)", i/k, i%k, p)
		}
	}
	for i, row := range labels {
		for j, c := range row {
			if c < 0 || c >= k {
				return fmt.Errorf("metric: picture %d: label %d, want 0 to %d", i, c, k-1)
			}
			if j > 0 && c <= row[j-1] {
				return fmt.Errorf("metric: picture %d: label %d after %d, want them ascending", i, c, row[j-1])
			}
		}
	}
	return nil
}
