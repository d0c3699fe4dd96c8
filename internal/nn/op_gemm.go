package nn

import "github.com/graft-ml/graft/internal/tensor"

// opGemm is Y = alpha·A'·B' + beta·C, where A' is A, or its transpose by transA, [m,k]; B' likewise, [k,n]; C
// is optional and stretches to [m,n].
var opGemm = &opDef{
	minIn: 2, maxIn: 3, minOut: 1, maxOut: 1,
	shape: func(n *Node, in []Info) ([]Info, error) {
		if err := wantFloats(n, in); err != nil {
			return nil, err
		}
		if len(in[0].Shape) != 2 || len(in[1].Shape) != 2 {
			return nil, n.errorf("inputs of shapes %v and %v, want two matrices", in[0].Shape, in[1].Shape)
		}
		rows, inner := gemmSides(in[0].Shape, n.Attrs.Int("transA", 0))
		inner2, cols := gemmSides(in[1].Shape, n.Attrs.Int("transB", 0))
		if inner != inner2 {
			return nil, n.errorf("shapes %v and %v do not fit: %d columns, %d rows", in[0].Shape, in[1].Shape, inner, inner2)
		}
		out := tensor.Shape{rows, cols}
		if c := input(in, 2); c.DType != tensor.Invalid {
			if s, err := broadcastShapes(out, c.Shape); err != nil || !s.Equal(out) {
				return nil, n.errorf("input C of shape %v does not stretch to %v", c.Shape, out)
			}
		}
		return []Info{{DType: tensor.Float32, Shape: out}}, nil
	},
	forward:  gemmForward,
	backward: gemmBackward,
}

// gemmSides returns the rows and columns of s, exchanged if trans is not 0.
func gemmSides(s tensor.Shape, trans int) (rows, cols int) {
	if trans != 0 {
		return s[1], s[0]
	}
	return s[0], s[1]
}

// gemmFactors returns A' and B' of a call and the sizes of the product.
func gemmFactors(c *call) (a, b matrix, m, n, k int) {
	a, b = dense(c.in[0].F, c.in[0].Shape[1]), dense(c.in[1].F, c.in[1].Shape[1])
	if c.node.Attrs.Int("transA", 0) != 0 {
		a = a.t()
	}
	if c.node.Attrs.Int("transB", 0) != 0 {
		b = b.t()
	}
	m, k = gemmSides(c.in[0].Shape, c.node.Attrs.Int("transA", 0))
	return a, b, m, c.out[0].Shape[1], k
}

func gemmForward(c *call) error {
	y := c.out[0]
	clear(y.F)
	if bias := c.arg(2); bias != nil {
		beta, bv := c.node.Attrs.Float("beta", 1), broadcastTo(bias.Shape, y.Shape)
		step := lastStep(bv)
		eachRow(y.Shape, []view{bv}, func(out, n int, at []int) {
			for j := range n {
				y.F[out+j] = beta * bias.F[at[0]+j*step]
			}
		})
	}
	a, b, m, n, k := gemmFactors(c)
	c.gemm(y.F, a, b, m, n, k, c.node.Attrs.Float("alpha", 1))
	return nil
}

// gemmBackward: dA' = alpha·dY·B'ᵀ, dB' = alpha·A'ᵀ·dY, dC = beta·dY summed over what C was stretched along.
func gemmBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	a, b, m, n, k := gemmFactors(c)
	alpha, dy := c.node.Attrs.Float("alpha", 1), dense(dOut[0].F, n)
	if dIn[0] != nil {
		if c.node.Attrs.Int("transA", 0) == 0 {
			c.gemm(dIn[0].F, dy, b.t(), m, k, n, alpha)
		} else {
			c.gemm(dIn[0].F, b, dy.t(), k, m, n, alpha)
		}
	}
	if dIn[1] != nil {
		if c.node.Attrs.Int("transB", 0) == 0 {
			c.gemm(dIn[1].F, a.t(), dy, k, n, m, alpha)
		} else {
			c.gemm(dIn[1].F, dy.t(), a, n, k, m, alpha)
		}
	}
	if len(dIn) > 2 && dIn[2] != nil {
		beta := c.node.Attrs.Float("beta", 1)
		gatherGradient(c, dOut[0], dIn[2], c.in[2], c.in[2], func(_, _ float32) float32 { return beta })
	}
	return nil
}
