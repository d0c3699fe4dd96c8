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

func TestPeakLow(t *testing.T) {
	check.EachImpl(t, "convint8", func(t *testing.T) {
		if one, ten := PeakInt8(1), PeakInt8(10); ten != 10*one {
			t.Errorf("1 loop is %d operations, 10 are %d", one, ten)
		}
	})
	check.EachImpl(t, "convbf16", func(t *testing.T) {
		if one, ten := PeakBF16(1), PeakBF16(10); ten != 10*one {
			t.Errorf("1 loop is %d operations, 10 are %d", one, ten)
		}
	})
}

// BenchmarkPeakInt8 gives the GOP/s that those of bytes are shares of.
func BenchmarkPeakInt8(b *testing.B) {
	ops := 0
	for b.Loop() {
		ops += PeakInt8(10000)
	}
	b.ReportMetric(float64(ops)/b.Elapsed().Seconds()/1e9, "GOP/s")
}

// BenchmarkPeak gives the GFLOP/s that the other benchmarks' are shares of.
func BenchmarkPeak(b *testing.B) {
	ops := 0
	for b.Loop() {
		ops += Peak(10000)
	}
	b.ReportMetric(float64(ops)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
