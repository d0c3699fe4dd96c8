package nn

import (
	"cmp"

	"github.com/graft-ml/graft/internal/tensor"
)

// opMax and opMin are Max and Min of any number of values, with broadcasting. A NaN in any of them is a NaN in
// the result, as in ONNX Runtime.
var (
	opMax = extremum(func(a, b float32) float32 { return max(a, b) }, func(a, b int64) int64 { return max(a, b) })
	opMin = extremum(func(a, b float32) float32 { return min(a, b) }, func(a, b int64) int64 { return min(a, b) })
)

func extremum(ff func(a, b float32) float32, fi func(a, b int64) int64) *opDef {
	return &opDef{minIn: 1, maxIn: -1, minOut: 1, maxOut: 1, shape: minMaxShape,
		forward: func(c *call) error {
			if c.out[0].DType == tensor.Float32 {
				foldAll(c, floatsOf, ff)
			} else {
				foldAll(c, intsOf, fi)
			}
			return nil
		}}
}

func minMaxShape(n *Node, in []Info) ([]Info, error) {
	if err := wantNumbers(n, in); err != nil {
		return nil, err
	}
	s, err := broadcastInfos(n, in)
	if err != nil {
		return nil, err
	}
	return []Info{{DType: in[0].DType, Shape: s}}, nil
}

// foldAll computes f(f(in[0], in[1]), in[2]) … with broadcasting.
func foldAll[T cmp.Ordered](c *call, elems func(*tensor.Tensor) []T, f func(a, b T) T) {
	y := c.out[0]
	dst := elems(y)
	move(y.Shape, y, rowMajor(y.Shape), c.in[0], broadcastTo(c.in[0].Shape, y.Shape))
	for _, x := range c.in[1:] {
		broadcast2(y.Shape, dst, dst, y.Shape, elems(x), x.Shape, f)
	}
}
