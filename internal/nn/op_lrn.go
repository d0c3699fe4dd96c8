package nn

import "math"

// opLRN is LRN, local response normalisation over size neighbouring channels: X [N,C,…].
var opLRN = &opDef{minIn: 1, maxIn: 1, minOut: 1, maxOut: 1, shape: lrnShape, forward: lrnForward}

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
	x, a := c.in[0], c.node.Attrs
	size := a.Int("size", 1)
	scale := float64(a.Float("alpha", 1e-4)) / float64(size)
	bias, beta := float64(a.Float("bias", 1)), float64(a.Float("beta", 0.75))
	C, plane := x.Shape[1], product(x.Shape[2:])
	c.parallel(x.Shape[0]*C, func(i int) {
		n, ch := i/C, i%C
		sums := make([]float64, plane)
		for k := max(0, ch-(size-1)/2); k <= min(C-1, ch+size/2); k++ {
			for j, v := range x.F[(n*C+k)*plane:][:plane] {
				sums[j] += float64(v) * float64(v)
			}
		}
		dst := c.out[0].F[i*plane:][:plane]
		for j, v := range x.F[i*plane:][:plane] {
			dst[j] = float32(float64(v) / math.Pow(bias+scale*sums[j], beta))
		}
	})
	return nil
}
