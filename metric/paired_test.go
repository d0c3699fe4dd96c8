package metric

import (
	"math"
	"testing"
)

// TestSignTest compares with SciPy 1.17: binomtest(few, n).pvalue.
func TestSignTest(t *testing.T) {
	for _, c := range []struct {
		a, b int
		want float64
	}{
		{0, 0, 1}, {1, 1, 1}, {0, 1, 1}, {5, 15, 0.04138946533203125}, {9, 1, 0.021484375}, {0, 10, 0.001953125},
		{40, 60, 0.056887933640980784}, {450, 550, 0.0017305360849763},
	} {
		if got := signTest(c.a, c.b); math.Abs(got-c.want) > 1e-9*(1+c.want) {
			t.Errorf("signTest(%d, %d) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestComparePaired(t *testing.T) {
	var a, b []bool
	add := func(n int, inA, inB bool) {
		for range n {
			a, b = append(a, inA), append(b, inB)
		}
	}
	add(70, true, true)
	add(5, true, false)
	add(15, false, true)
	add(10, false, false)
	got := ComparePaired(a, b)
	if got.N != 100 || got.OnlyA != 5 || got.OnlyB != 15 || math.Abs(got.P-0.0413895) > 1e-6 {
		t.Errorf("got %+v", got)
	}
	// 0.1 ± 1.96·√(20 − 100·0.01)/100, by hand.
	if d := got.Difference; math.Abs(d.Value-0.1) > 1e-12 || math.Abs(d.Low-0.014567) > 1e-5 || math.Abs(d.High-0.185433) > 1e-5 {
		t.Errorf("difference %+v", d)
	}
	if same := ComparePaired(a, a); same.P != 1 || same.Difference != (Interval{}) {
		t.Errorf("a classifier with itself: %+v", same)
	}
}
