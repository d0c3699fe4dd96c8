// Package quant finds how the values inside a frozen network are best kept in eight bits, and writes that down in
// ONNX.
//
// Input: a graph, and some hundred of the pictures that it is trained on. Output: an nn.Quant for each value that
// nn.LowValues names, and a graph with QuantizeLinear and DequantizeLinear nodes that says the same to other runtimes.
// A range is the one whose squared error over the pictures is least (as in OpenVINO's and TensorRT's calibration,
// but for the measure), with zero exactly in it. The result depends on the pictures and their order alone, not on
// threads or batches.
package quant

import (
	"context"
	"fmt"

	"github.com/graft-ml/graft/internal/nn"
)

// Calibration gathers what the values of a network are like.
type Calibration struct {
	plan  *nn.Plan
	names []string
	stats map[string]*statistics
}

// statistics are those of one value.
type statistics struct {
	histogram
	sums  []float64 // of each channel
	count float64   // pixels
}

// New returns a Calibration of g, which has one input. It runs on pool, which may be nil.
func New(g *nn.Graph, pool *nn.Pool) (*Calibration, error) {
	names, err := nn.LowValues(g)
	if err != nil {
		return nil, fmt.Errorf("quant: %w", err)
	}
	plan, err := nn.NewPlan(g, nn.PlanOptions{Pool: pool, Apart: true})
	if err != nil {
		return nil, fmt.Errorf("quant: %w", err)
	}
	c := &Calibration{plan: plan, names: names, stats: make(map[string]*statistics, len(names))}
	for _, name := range names {
		c.stats[name] = &statistics{}
	}
	return c, nil
}

// Add runs the network on n pictures, [n,C,H,W], and takes note of its values.
func (c *Calibration) Add(ctx context.Context, pixels []float32, n int) error {
	err := c.plan.Observe(ctx, pixels, n, func(value string, channels int, row []float32) {
		if s := c.stats[value]; s != nil {
			s.add(channels, row)
		}
	})
	if err != nil {
		return fmt.Errorf("quant: %w", err)
	}
	return nil
}

func (s *statistics) add(channels int, row []float32) {
	s.histogram.add(row)
	if s.sums == nil {
		s.sums = make([]float64, channels)
	}
	for at := 0; at < len(row); at += channels {
		for i, v := range row[at : at+channels] {
			s.sums[i] += float64(v)
		}
	}
	s.count += float64(len(row) / channels)
}

// Quants returns what Add has found. A value that was not seen, or was never finite, has none: what reads it stays
// float32.
func (c *Calibration) Quants() map[string]nn.Quant {
	out := make(map[string]nn.Quant, len(c.stats))
	for name, s := range c.stats {
		q, ok := s.best()
		if !ok {
			continue
		}
		q.Mean = make([]float32, len(s.sums))
		for i, sum := range s.sums {
			q.Mean[i] = float32(sum / s.count)
		}
		out[name] = q
	}
	return out
}
