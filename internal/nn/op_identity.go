package nn

import "github.com/graft-ml/graft/internal/tensor"

// opIdentity is y = x, of any type.
var opIdentity = &opDef{
	minIn: 1, maxIn: 1, minOut: 1, maxOut: 1,
	shape: func(_ *Node, in []Info) ([]Info, error) {
		return []Info{{DType: in[0].DType, Shape: in[0].Shape.Clone()}}, nil
	},
	forward: func(c *call) error {
		copyElems(c.out[0], c.in[0])
		return nil
	},
	backward: passGradient,
}

// copyElems copies the elements of src to dst, which has the same type and number of elements.
func copyElems(dst, src *tensor.Tensor) {
	copy(dst.F, src.F)
	copy(dst.I, src.I)
	copy(dst.Raw, src.Raw)
}

// passGradient is the backward of an operator whose first output has the elements of its first input, in
// the same order.
func passGradient(c *call, dOut, dIn []*tensor.Tensor) error {
	if dIn[0] == nil {
		return nil
	}
	dx, dy := dIn[0].F, dOut[0].F
	c.chunked(len(dx), func(lo, hi int) { addTo(dx[lo:hi], dy[lo:hi]) })
	return nil
}

// addTo adds src to dst, element by element.
func addTo(dst, src []float32) {
	for i, v := range src[:len(dst)] {
		dst[i] += v
	}
}
