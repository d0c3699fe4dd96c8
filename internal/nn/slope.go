package nn

import "github.com/graft-ml/graft/internal/tensor"

// withSlope gives d, an operator that maps each element x to some y, its backward: of makes from the
// attributes of a node the derivative at x.
func withSlope(d *opDef, of func(Attrs) func(x, y float64) float64) *opDef {
	d.backward = func(c *call, dOut, dIn []*tensor.Tensor) error {
		if dIn[0] == nil {
			return nil
		}
		slope, x, y, dy, dx := of(c.node.Attrs), c.in[0].F, c.out[0].F, dOut[0].F, dIn[0].F
		c.chunked(len(dx), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				dx[i] += float32(float64(dy[i]) * slope(float64(x[i]), float64(y[i])))
			}
		})
		return nil
	}
	return d
}

// plainSlope is withSlope for a function without attributes.
func plainSlope(f func(float64) float64, slope func(x, y float64) float64) *opDef {
	return withSlope(plain(f), func(Attrs) func(x, y float64) float64 { return slope })
}
