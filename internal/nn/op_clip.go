package nn

import (
	"cmp"

	"github.com/graft-ml/graft/internal/tensor"
)

// opClip is Clip between the scalars min and max, each optional. Where min exceeds max, max wins. A NaN stays.
var opClip = &opDef{
	minIn: 1, maxIn: 3, minOut: 1, maxOut: 1,
	shape: clipShape, forward: clipForward, backward: clipBackward,
}

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

// clipBackward gives the gradient to x strictly between the limits, elsewhere to the limit that is the result.
func clipBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	x, dy := c.in[0].F, dOut[0].F
	lo, hi := first(c.arg(1), floatsOf), first(c.arg(2), floatsOf)
	if dIn[0] != nil {
		dx := dIn[0].F
		c.chunked(len(dx), func(from, to int) {
			for i := from; i < to; i++ {
				if clipOwner(x[i], lo, hi) == 0 {
					dx[i] += dy[i]
				}
			}
		})
	}
	for k := 1; k <= 2; k++ {
		if d := grad(dIn, k); d != nil {
			sum := 0.0
			for i, v := range dy {
				if clipOwner(x[i], lo, hi) == k {
					sum += float64(v)
				}
			}
			d.F[0] += float32(sum)
		}
	}
	return nil
}

// clipOwner returns the input that clip takes its result from: 0 for v, 1 for lo, 2 for hi.
func clipOwner(v float32, lo, hi *float32) int {
	owner := 0
	if lo != nil && v <= *lo {
		v, owner = *lo, 1
	}
	if hi != nil && v >= *hi {
		owner = 2
	}
	return owner
}
