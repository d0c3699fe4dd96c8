// Package check is what tests share: comparison within named tolerances, gradient checks, golden files, and
// slices that end where memory ends.
//
// Only tests import it. It takes slices, tensors and closures, and knows none of the packages that it tests.
package check

import (
	"fmt"
	"math"
	"testing"
)

// Tolerance is how far numbers may lie from a reference. A limit of 0 is not checked, unless both are 0: then
// the numbers must be equal.
type Tolerance struct {
	NMSE   float64 // Σ (got−want)² / Σ want²: catches a wrong whole, blind to scale
	MaxAbs float64 // max |got−want|: catches one wrong element
}

// Close reports as a test error where got is further from want than tol allows. A NaN is close to nothing but
// a NaN.
func Close(t testing.TB, got, want []float32, tol Tolerance) {
	t.Helper()
	if err := Compare(got, want, tol); err != nil {
		t.Error(err)
	}
}

// Compare is Close as a function: it says how got differs from want, or returns nil.
func Compare(got, want []float32, tol Tolerance) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d elements, want %d", len(got), len(want))
	}
	var diff2, want2, worst float64
	at := 0
	for i := range want {
		g, w := float64(got[i]), float64(want[i])
		if g == w || g != g && w != w {
			want2 += w * w
			continue
		}
		d := math.Abs(g - w)
		if !(d <= math.MaxFloat64) { // NaN and infinity
			return fmt.Errorf("element %d of %d: %v, want %v", i, len(want), g, w)
		}
		diff2 += d * d
		want2 += w * w
		if d > worst {
			worst, at = d, i
		}
	}
	// Against a reference of zeros the squared error itself is what is left to look at.
	nmse := diff2
	if want2 > 0 {
		nmse = diff2 / want2
	}
	equal := tol.NMSE == 0 && tol.MaxAbs == 0
	if equal && worst > 0 || tol.NMSE > 0 && nmse > tol.NMSE || tol.MaxAbs > 0 && worst > tol.MaxAbs {
		return fmt.Errorf("element %d of %d: %v, want %v; largest difference %.3g (limit %.3g), NMSE %.3g (limit %.3g)",
			at, len(want), got[at], want[at], worst, tol.MaxAbs, nmse, tol.NMSE)
	}
	return nil
}
