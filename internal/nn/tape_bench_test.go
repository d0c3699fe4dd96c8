package nn

import (
	"testing"
	"time"
)

// BenchmarkTape reports pictures a second of steps, forward and backward, of batches of 16 on all processors, with the
// statistics of the batch.
func BenchmarkTape(b *testing.B) {
	for _, net := range []struct {
		name      string
		make      func(b *netBuilder) string
		precision Precision
	}{
		{"resnet50", resnet50, F32}, {"resnet18", resnet18, F32}, {"mobilenetv2", mobilenetV2, F32}, {"resnet50-bf16", resnet50, BF16},
		{"resnet18-bf16", resnet18, BF16}, {"mobilenetv2-bf16", mobilenetV2, BF16},
	} {
		b.Run(net.name, func(b *testing.B) {
			nb := newNet(net.name, 1)
			nb.Output("y", net.make(nb))
			g, err := nb.Build()
			if err != nil {
				b.Fatal(err)
			}
			pool := NewPool(0)
			defer pool.Close()
			tape, err := NewTape(g, TapeOptions{Params: weightsOf(g), BatchStats: true, Precision: net.precision, Pool: pool})
			if err != nil {
				b.Fatal(err)
			}
			const batch = 16
			x := [][]float32{randomInput(g, batch)}
			dOut := make([]float32, batch*1000)
			for i := range dOut {
				dOut[i] = float32(i%3) - 1
			}
			step := func() (forward time.Duration) {
				start := time.Now()
				if _, err := tape.Forward(batch, x, nil); err != nil {
					b.Fatal(err)
				}
				forward = time.Since(start)
				if err := tape.Backward(dOut); err != nil {
					b.Fatal(err)
				}
				return forward
			}
			step()
			best, bestForward := time.Hour, time.Hour
			for b.Loop() {
				start := time.Now()
				forward := step()
				best, bestForward = min(best, time.Since(start)), min(bestForward, forward)
			}
			b.ReportMetric(batch/best.Seconds(), "images/s")
			b.ReportMetric(bestForward.Seconds()*1000, "forward-ms")
			b.ReportMetric((best-bestForward).Seconds()*1000, "backward-ms")
			bytes, err := tape.Memory(batch)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(bytes)/1e6, "MB")
		})
	}
}
