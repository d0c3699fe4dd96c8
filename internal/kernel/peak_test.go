package kernel

import (
	"testing"

	"github.com/graft-ml/graft/internal/check"
)

func TestPeak(t *testing.T) {
	check.EachImpl(t, "conv", func(t *testing.T) {
		if one, ten := Peak(1), Peak(10); one <= 0 || ten != 10*one {
			t.Errorf("1 loop is %d operations, 10 are %d", one, ten)
		}
	})
}

// BenchmarkPeak gives the GFLOP/s that the other benchmarks' are shares of.
func BenchmarkPeak(b *testing.B) {
	ops := 0
	for b.Loop() {
		ops += Peak(10000)
	}
	b.ReportMetric(float64(ops)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
