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
	return &opDef{minIn: 1, maxIn: -1, minOut: 1, maxOut: 1, shape: minMaxShape, backward: extremumBackward,
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

// extremumBackward gives the gradient of each element to the first input that has it.
func extremumBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	y := c.out[0]
	owner := make([]int, len(y.F))
	for i := range owner {
		owner[i] = -1
	}
	for k, x := range c.in {
		v := broadcastTo(x.Shape, y.Shape)
		step := lastStep(v)
		eachRow(y.Shape, []view{v}, func(out, n int, at []int) {
			for j := range n {
				if owner[out+j] < 0 && x.F[at[0]+j*step] == y.F[out+j] {
					owner[out+j] = k
				}
			}
		})
	}
	for k, dx := range dIn {
		if dx != nil {
			c.unstretch(dx, dOut[0], func(i int) bool { return owner[i] == k })
		}
	}
	return nil
}
