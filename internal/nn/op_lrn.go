package nn

import (
	"math"

	"github.com/graft-ml/graft/internal/tensor"
)

// opLRN is LRN, local response normalisation over size neighbouring channels: X [N,C,…].
var opLRN = &opDef{minIn: 1, maxIn: 1, minOut: 1, maxOut: 1, shape: lrnShape, forward: lrnForward, backward: lrnBackward}

func lrnShape(n *Node, in []Info) ([]Info, error) {
	if len(in[0].Shape) < 2 {
		return nil, n.errorf("input %v, want [N C …]", in[0].Shape)
	}
	if size := n.Attrs.Int("size", 0); size < 1 || size > maxWindow {
		return nil, n.errorf("size %d, want 1 to %d", size, maxWindow)
	}
	return likeFloats(n, in)
}

func lrnForward(c *call) error {
	p := newLRN(c)
	c.parallel(p.N*p.C, func(i int) {
		y := c.out[0].F[i*p.plane:][:p.plane]
		base := p.bases(c.in[0].F, i)
		for j, v := range c.in[0].F[i*p.plane:][:p.plane] {
			y[j] = float32(float64(v) / math.Pow(base[j], p.beta))
		}
	})
	return nil
}

// lrn is the parameters of an LRN: y = x / base^beta, where base = bias + scale·Σ x² over the neighbours.
type lrn struct {
	N, C, plane       int
	before, after     int // how many neighbours a channel sees on either side
	scale, bias, beta float64
}

func newLRN(c *call) lrn {
	x, a := c.in[0].Shape, c.node.Attrs
	size := a.Int("size", 1)
	return lrn{
		N: x[0], C: x[1], plane: product(x[2:]), before: (size - 1) / 2, after: size / 2,
		scale: float64(a.Float("alpha", 1e-4)) / float64(size),
		bias:  float64(a.Float("bias", 1)), beta: float64(a.Float("beta", 0.75)),
	}
}

// bases returns the base of each element of x's channel i, counted over all pictures.
func (p lrn) bases(x []float32, i int) []float64 {
	n, ch := i/p.C, i%p.C
	sums := make([]float64, p.plane)
	for k := max(0, ch-p.before); k <= min(p.C-1, ch+p.after); k++ {
		for j, v := range x[(n*p.C+k)*p.plane:][:p.plane] {
			sums[j] += float64(v) * float64(v)
		}
	}
	for j, s := range sums {
		sums[j] = p.bias + p.scale*s
	}
	return sums
}

// lrnBackward: dX = dY·base^−β − 2·scale·β·X·Σ dY·X·base^(−β−1), the sum over the channels that see this one.
func lrnBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	if dIn[0] == nil {
		return nil
	}
	p, x, dy := newLRN(c), c.in[0].F, dOut[0].F
	direct, through := make([]float64, len(x)), make([]float64, len(x))
	c.parallel(p.N*p.C, func(i int) {
		for j, b := range p.bases(x, i) {
			at := i*p.plane + j
			direct[at] = float64(dy[at]) * math.Pow(b, -p.beta)
			through[at] = direct[at] * float64(x[at]) / b
		}
	})
	c.parallel(p.N*p.C, func(i int) {
		n, ch := i/p.C, i%p.C
		sums := make([]float64, p.plane)
		for k := max(0, ch-p.after); k <= min(p.C-1, ch+p.before); k++ {
			for j, v := range through[(n*p.C+k)*p.plane:][:p.plane] {
				sums[j] += v
			}
		}
		for j, s := range sums {
			at := i*p.plane + j
			dIn[0].F[at] += float32(direct[at] - 2*p.scale*p.beta*float64(x[at])*s)
		}
	})
	return nil
}
