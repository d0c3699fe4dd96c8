package nn

import (
	"math"

	"github.com/graft-ml/graft/internal/tensor"
)

// opLayerNorm is LayerNormalization over the axes from axis on: X, scale, B (optional); Y, and on request the
// mean and the reciprocal of the deviation.
var opLayerNorm = &opDef{
	minIn: 2, maxIn: 3, minOut: 1, maxOut: 3,
	shape: layerNormShape, forward: layerNormForward, backward: layerNormBackward,
}

func layerNormShape(n *Node, in []Info) ([]Info, error) {
	if err := wantFloats(n, in); err != nil {
		return nil, err
	}
	x := in[0].Shape
	axis, err := axisOf(n, n.Attrs.Int("axis", -1), len(x))
	if err != nil {
		return nil, err
	}
	for i, v := range in[1:] {
		if v.DType != tensor.Invalid && !trimOnes(v.Shape).Equal(trimOnes(x[axis:])) {
			return nil, n.errorf("input %d is %v, want %v", i+1, v.Shape, x[axis:])
		}
	}
	stats := x.Clone()
	for i := axis; i < len(stats); i++ {
		stats[i] = 1
	}
	f := tensor.Float32
	return []Info{{DType: f, Shape: x}, {DType: f, Shape: stats}, {DType: f, Shape: stats}}, nil
}

// trimOnes returns s without its leading extents of 1.
func trimOnes(s tensor.Shape) tensor.Shape {
	for len(s) > 0 && s[0] == 1 {
		s = s[1:]
	}
	return s
}

func layerNormForward(c *call) error {
	x, scale := c.in[0], c.in[1].F
	axis, err := axisOf(c.node, c.node.Attrs.Int("axis", -1), len(x.Shape))
	if err != nil {
		return err
	}
	var shift []float32
	if b := c.arg(2); b != nil {
		shift = b.F
	}
	eps := float64(c.node.Attrs.Float("epsilon", 1e-5))
	width := product(x.Shape[axis:])
	c.parallel(product(x.Shape[:axis]), func(i int) {
		src := x.F[i*width:][:width]
		mean, variance := moments(src)
		inv := 1 / math.Sqrt(variance+eps)
		for k, v := range []float64{mean, inv} {
			if k+1 < len(c.out) && c.out[k+1] != nil {
				c.out[k+1].F[i] = float32(v)
			}
		}
		dst := c.out[0].F[i*width:][:width]
		for j, v := range src {
			y := (float64(v) - mean) * inv * float64(scale[j])
			if shift != nil {
				y += float64(shift[j])
			}
			dst[j] = float32(y)
		}
	})
	return nil
}

// moments returns the mean and the (biased) variance of x; NaN if x is empty.
func moments(x []float32) (mean, variance float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	for _, v := range x {
		d := float64(v) - mean
		variance += d * d
	}
	return mean, variance / float64(len(x))
}

// rowStats is a row of X as LayerNormalization sees it: x̂ = (X−mean)·inv.
type rowStats struct{ mean, inv float64 }

// layerNormBackward: with g = dY·scale, dX = inv·(g − mean(g) − x̂·mean(g·x̂)), dScale = Σ dY·x̂ and dB = Σ dY over the
// rows. Gradients of the outputs mean and inv are added to dX.
func layerNormBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	x := c.in[0]
	axis, err := axisOf(c.node, c.node.Attrs.Int("axis", -1), len(x.Shape))
	if err != nil {
		return err
	}
	eps := float64(c.node.Attrs.Float("epsilon", 1e-5))
	width := product(x.Shape[axis:])
	stats := make([]rowStats, product(x.Shape[:axis]))
	c.parallel(len(stats), func(i int) {
		mean, variance := moments(x.F[i*width:][:width])
		stats[i] = rowStats{mean, 1 / math.Sqrt(variance+eps)}
		if dIn[0] != nil {
			c.layerNormRow(dIn[0].F[i*width:][:width], dOut, i, stats[i])
		}
	})
	if dy := dOut[0]; dy != nil {
		c.layerNormParameters(dy.F, grad(dIn, 1), grad(dIn, 2), width, stats)
	}
	return nil
}

// layerNormRow adds to dx the gradient of row i.
func (c *call) layerNormRow(dx []float32, dOut []*tensor.Tensor, i int, s rowStats) {
	width := len(dx)
	x, scale := c.in[0].F[i*width:][:width], c.in[1].F
	var ofMean, ofInv float64
	if d := grad(dOut, 1); d != nil {
		ofMean = float64(d.F[i])
	}
	if d := grad(dOut, 2); d != nil {
		ofInv = float64(d.F[i])
	}
	g := make([]float64, width)
	var sum, dot float64
	if dOut[0] != nil {
		for j, v := range dOut[0].F[i*width:][:width] {
			g[j] = float64(v) * float64(scale[j])
			sum += g[j]
			dot += g[j] * (float64(x[j]) - s.mean) * s.inv
		}
	}
	size := float64(width)
	for j := range dx {
		norm := (float64(x[j]) - s.mean) * s.inv
		// d inv/dX = −inv²·x̂/width and d mean/dX = 1/width.
		dx[j] += float32(s.inv*(g[j]-sum/size-norm*dot/size) + ofMean/size - ofInv*s.inv*s.inv*norm/size)
	}
}

// layerNormParameters adds up the gradients by scale and shift, of which each may be nil.
func (c *call) layerNormParameters(dy []float32, dScale, dShift *tensor.Tensor, width int, stats []rowStats) {
	if dScale == nil && dShift == nil {
		return
	}
	const columns = 64
	c.parallel((width+columns-1)/columns, func(t int) {
		lo, hi := t*columns, min(width, (t+1)*columns)
		var scales, shifts [columns]float64
		for i, s := range stats {
			x := c.in[0].F[i*width:][:width]
			for j, v := range dy[i*width+lo : i*width+hi] {
				scales[j] += float64(v) * (float64(x[lo+j]) - s.mean) * s.inv
				shifts[j] += float64(v)
			}
		}
		if dScale != nil {
			addSums(dScale.F[lo:hi], scales[:hi-lo])
		}
		if dShift != nil {
			addSums(dShift.F[lo:hi], shifts[:hi-lo])
		}
	})
}
