package nn

import (
	"cmp"

	"github.com/graft-ml/graft/internal/tensor"
)

// opClip is Clip between the scalars min and max, each optional. Where min exceeds max, max wins. A NaN stays.
var opClip = &opDef{minIn: 1, maxIn: 3, minOut: 1, maxOut: 1, shape: clipShape, forward: clipForward}

func clipShape(n *Node, in []Info) ([]Info, error) {
	if err := wantNumbers(n, in); err != nil {
		return nil, err
	}
	for i := 1; i < len(in); i++ {
		if k, _ := in[i].Shape.Elems(); k != 1 {
			return nil, n.errorf("input %d is %v, want a scalar", i, in[i].Shape)
		}
	}
	return []Info{{DType: in[0].DType, Shape: in[0].Shape}}, nil
}

func clipForward(c *call) error {
	x, lo, hi, y := c.in[0], c.arg(1), c.arg(2), c.out[0]
	if x.DType == tensor.Float32 {
		clip(c, y.F, x.F, first(lo, floatsOf), first(hi, floatsOf))
		return nil
	}
	clip(c, y.I, x.I, first(lo, intsOf), first(hi, intsOf))
	return nil
}

func floatsOf(t *tensor.Tensor) []float32 { return t.F }

func intsOf(t *tensor.Tensor) []int64 { return t.I }

// first returns the element of a scalar, nil for one that is absent.
func first[T any](t *tensor.Tensor, elems func(*tensor.Tensor) []T) *T {
	if t == nil {
		return nil
	}
	return &elems(t)[0]
}

func clip[T cmp.Ordered](c *call, dst, src []T, lo, hi *T) {
	c.chunked(len(dst), func(from, to int) {
		for i, v := range src[from:to] {
			if lo != nil {
				v = max(v, *lo)
			}
			if hi != nil {
				v = min(v, *hi)
			}
			dst[from+i] = v
		}
	})
}
