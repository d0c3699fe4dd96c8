package metric

import (
	"math"
	"testing"
)

// TestAcrossSplits compares with SciPy 1.17: mean ± t.ppf(0.975, 4)·std(ddof=1)·√(1/5 + 1/4).
func TestAcrossSplits(t *testing.T) {
	var reports []*Report
	for _, v := range []float64{0.942, 0.951, 0.947, 0.939, 0.949} {
		reports = append(reports, &Report{N: 100, Scores: []Score{
			{Key: "top1", Percent: true, Interval: Interval{Value: v}},
			{Key: "all", Percent: true, Interval: Interval{Value: 1}},
			{Key: "wide", Percent: true, Interval: Interval{Value: math.Round(v*100) - 94}},
			{Key: "nll", Interval: Interval{Value: 100 * v}}}})
	}
	got := AcrossSplits(reports, 0.25)
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	near("mean", got[0].Value, 0.9456)
	near("deviation", got[0].Deviation, 0.004979959839195498)
	near("low", got[0].Low, 0.9363248447327555)
	near("high", got[0].High, 0.9548751552672445)
	near("loss", got[3].High, 95.48751552672445)
	if len(got[0].Values) != 5 || got[0].Values[1] != 0.951 {
		t.Errorf("values %v", got[0].Values)
	}
	if want := WilsonAround(1, 100); got[1].Interval != want {
		t.Errorf("all right on every split: %v, want one test's %v", got[1].Interval, want)
	}
	if w := got[2]; w.Low != 0 || w.High != 1 {
		t.Errorf("an interval of a share from %v to %v", w.Low, w.High)
	}
}

// TestComparePairedSplits compares with SciPy 1.17 by the same formula; p is 2·t.sf(|mean|/error, 4).
func TestComparePairedSplits(t *testing.T) {
	a := []float64{0.9, 0.9, 0.9, 0.9, 0.9}
	b := []float64{0.904, 0.907, 0.899, 0.906, 0.903}
	got := ComparePairedSplits(a, b, 0.25)
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"difference", got.Difference.Value, 0.0038}, {"low", got.Difference.Low, -0.0020007108183223263},
		{"high", got.Difference.High, 0.009600710818322327}, {"p", got.P, 0.14307188006277016},
	} {
		if math.Abs(c.got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	if same := ComparePairedSplits(a, a, 0.25); same.P != 1 || same.Difference != (Interval{}) {
		t.Errorf("a training with itself: %+v", same)
	}
	if swap := ComparePairedSplits(b, a, 0.25); math.Abs(swap.Difference.Value+0.0038) > 1e-12 || math.Abs(swap.P-got.P) > 1e-12 {
		t.Errorf("the other way round: %+v", swap)
	}
}
