package metric

import "math"

// Paired compares two classifiers on the same pictures.
type Paired struct {
	N     int `json:"n"`
	OnlyA int `json:"only_a"` // pictures that A alone has right
	OnlyB int `json:"only_b"`

	Difference Interval `json:"difference"` // accuracy of B less that of A
	P          float64  `json:"p"`          // of McNemar's exact test: how likely so uneven a split of the disagreements is by chance
}

// ComparePaired compares which pictures A and B have right, in the same order. Pictures on which they agree say
// nothing about a difference: the test (McNemar 1947, exact form) asks whether the others are as often A's as B's. The
// interval is PairedMean's. The slices have one length, at least 1.
func ComparePaired(a, b []bool) Paired {
	p := Paired{N: len(a)}
	apart := make([]float64, len(a))
	for i := range a {
		switch {
		case a[i] && !b[i]:
			p.OnlyA++
			apart[i] = -1
		case b[i] && !a[i]:
			p.OnlyB++
			apart[i] = 1
		}
	}
	p.Difference = PairedMean(apart)
	p.P = signTest(p.OnlyA, p.OnlyB)
	return p
}

// PairedMean returns the mean of differences, each of two values from 0 to 1 of one picture, and its 95 % interval by
// the normal approximation. There must be one at least.
func PairedMean(differences []float64) Interval {
	n, mean, variance := float64(len(differences)), 0.0, 0.0
	for _, d := range differences {
		mean += d
	}
	mean /= n
	for _, d := range differences {
		variance += (d - mean) * (d - mean) / n
	}
	half := z95 * math.Sqrt(variance/n)
	return Interval{Value: mean, Low: max(-1, mean-half), High: min(1, mean+half)}
}

// signTest is the probability that of a+b fair coins as few as min(a,b), or as many as max(a,b), show heads.
func signTest(a, b int) float64 {
	n, few := a+b, min(a, b)
	all, _ := math.Lgamma(float64(n + 1))
	tail := 0.0
	for k := range few + 1 {
		up, _ := math.Lgamma(float64(k + 1))
		down, _ := math.Lgamma(float64(n - k + 1))
		tail += math.Exp(all - up - down - float64(n)*math.Ln2)
	}
	return min(1, 2*tail)
}
