package nn

import (
	"fmt"
	"math"
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// tapeNorm is a BatchNormalization of the trained part.
type tapeNorm struct {
	mean, variance []float32 // of the file; where batch is set they follow those of the batches
	batch          bool
	momentum       float64

	center, spread []float32 // the mean and the biased variance of the last batch; those of the file if batch is not set
	scale          []float32 // of the last run: scale/√(spread + ε)
}

// Stats returns the statistics that batches have changed, by the names of their initialisers: the very slices, which
// may be written to between runs. It is empty unless the options say BatchStats.
func (t *Tape) Stats() map[string][]float32 {
	all := map[string][]float32{}
	for n, b := range t.norms {
		if b.batch {
			all[n.Inputs[3]], all[n.Inputs[4]] = b.mean, b.variance
		}
	}
	return all
}

// findNorms finds the normalisations of the trained part, and makes the statistics that batches change.
func (t *Tape) findNorms() error {
	momentum := t.o.Momentum
	if momentum == 0 {
		momentum = 0.1
	}
	copies := map[string][]float32{}
	for _, n := range t.g.Nodes {
		if n.Op != "BatchNormalization" || !t.path[n] {
			continue
		}
		b := &tapeNorm{batch: t.o.BatchStats, momentum: momentum}
		for i, dst := range []*[]float32{&b.mean, &b.variance} {
			name := n.Inputs[3+i]
			k := t.g.constant(name)
			switch {
			case k == nil && b.batch:
				return fmt.Errorf("nn: %w", n.errorf("statistics %q are no initialiser, which training would change", name))
			case k == nil:
			case !b.batch:
				*dst = k.F
			default:
				if copies[name] == nil {
					copies[name] = slices.Clone(k.F)
				}
				*dst = copies[name]
			}
		}
		b.center, b.spread, b.scale = b.mean, b.variance, make([]float32, len(b.mean))
		if b.batch {
			b.center, b.spread = make([]float32, len(b.mean)), make([]float32, len(b.mean))
		}
		t.norms[n] = b
	}
	return nil
}

// follow moves the statistics of channel ch towards those of a batch of n elements a channel, as PyTorch's do: the
// variance that is kept is Σ(x−mean)²/(n−1).
func (b *tapeNorm) follow(ch int, mean, variance float64, n int) {
	if n > 1 {
		variance *= float64(n) / float64(n-1)
	}
	b.mean[ch] = float32((1-b.momentum)*float64(b.mean[ch]) + b.momentum*mean)
	b.variance[ch] = float32((1-b.momentum)*float64(b.variance[ch]) + b.momentum*variance)
}

// definition returns that of n as the tape runs it.
func (t *Tape) definition(n *Node) *opDef {
	if b := t.norms[n]; b != nil && b.batch {
		return &opDef{forward: b.forward, backward: b.backward}
	}
	return ops[n.Op]
}

// forward is BatchNormalization by the statistics of X [N,C,…] itself, which it keeps.
func (b *tapeNorm) forward(c *call) error { return b.run(c, true) }

// run is forward; those of the file follow where follow is true.
func (b *tapeNorm) run(c *call, follow bool) error {
	x, scale, shift := c.in[0], c.in[1].F, c.in[2].F
	eps := float64(c.node.Attrs.Float("epsilon", 1e-5))
	c.parallel(x.Shape[1], func(ch int) {
		sum, n := 0.0, 0
		eachOfChannel(x, ch, func(lo, hi int) {
			for _, v := range x.F[lo:hi] {
				sum += float64(v)
			}
			n += hi - lo
		})
		mean, square := sum/float64(n), 0.0
		eachOfChannel(x, ch, func(lo, hi int) {
			for _, v := range x.F[lo:hi] {
				square += (float64(v) - mean) * (float64(v) - mean)
			}
		})
		variance := square / float64(n)
		inverse := 1 / math.Sqrt(variance+eps)
		b.center[ch], b.spread[ch] = float32(mean), float32(variance)
		if follow {
			b.follow(ch, mean, variance, n)
		}
		a := inverse * float64(scale[ch])
		eachOfChannel(x, ch, func(lo, hi int) {
			for i, v := range x.F[lo:hi] {
				c.out[0].F[lo+i] = float32((float64(v)-mean)*a + float64(shift[ch]))
			}
		})
	})
	return nil
}

// backward is that of Ioffe and Szegedy (2015): with x̂ the normalised input and m the elements of a channel,
// dx = scale/σ·(dy − Σdy/m − x̂·Σ(dy·x̂)/m), dscale = Σ dy·x̂ and dshift = Σ dy.
func (b *tapeNorm) backward(c *call, dOut, dIn []*tensor.Tensor) error {
	x, scale, dy := c.in[0], c.in[1].F, dOut[0].F
	eps := float64(c.node.Attrs.Float("epsilon", 1e-5))
	c.parallel(x.Shape[1], func(ch int) {
		mean, inverse := float64(b.center[ch]), 1/math.Sqrt(float64(b.spread[ch])+eps)
		sum, along, n := 0.0, 0.0, 0
		eachOfChannel(x, ch, func(lo, hi int) {
			for i, v := range x.F[lo:hi] {
				g := float64(dy[lo+i])
				sum += g
				along += g * (float64(v) - mean) * inverse
			}
			n += hi - lo
		})
		if dIn[1] != nil {
			dIn[1].F[ch] += float32(along)
		}
		if dIn[2] != nil {
			dIn[2].F[ch] += float32(sum)
		}
		if dIn[0] == nil {
			return
		}
		a := float64(scale[ch]) * inverse
		sum, along = sum/float64(n), along/float64(n)
		eachOfChannel(x, ch, func(lo, hi int) {
			for i, v := range x.F[lo:hi] {
				hat := (float64(v) - mean) * inverse
				dIn[0].F[lo+i] += float32(a * (float64(dy[lo+i]) - sum - hat*along))
			}
		})
	})
	return nil
}

// eachOfChannel calls f for the ranges of x [N,C,…] that channel ch is.
func eachOfChannel(x *tensor.Tensor, ch int, f func(lo, hi int)) {
	C, plane := x.Shape[1], product(x.Shape[2:])
	for n := range x.Shape[0] {
		f((n*C+ch)*plane, (n*C+ch+1)*plane)
	}
}
