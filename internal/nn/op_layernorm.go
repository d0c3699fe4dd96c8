package nn

import (
	"math"

	"github.com/graft-ml/graft/internal/tensor"
)

// opLayerNorm is LayerNormalization over the axes from axis on: X, scale, B (optional); Y, and on request the
// mean and the reciprocal of the deviation.
var opLayerNorm = &opDef{minIn: 2, maxIn: 3, minOut: 1, maxOut: 3, shape: layerNormShape, forward: layerNormForward}

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
