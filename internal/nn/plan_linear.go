package nn

import "github.com/graft-ml/graft/internal/kernel"

// lowerLinear is Gemm and MatMul of rows with constant weights.
func lowerLinear(c *compiler, n *Node) bool {
	if !isLinear(c.g, c.infos, n) || product(c.infos[n.Outputs[0]].Shape) == 0 {
		return false
	}
	w := c.g.constant(n.Inputs[1])
	transposed := n.Op == "Gemm" && n.Attrs.Int("transB", 0) != 0
	k, cols := gemmSides(w.Shape, n.Attrs.Int("transB", 0))
	if n.Op == "MatMul" {
		k, cols = w.Shape[0], w.Shape[1]
	}
	src := c.rowsOf(n.Inputs[0])
	dst := c.newRows(n.Outputs[0])
	g := &kernel.Gemm{M: dst.size / cols, N: cols, K: k}
	g.Act, _ = epilogue(n)
	packed := c.packedOf(n, g.PackedLen(), func(p []float32) {
		alpha, beta := float32(1), float32(1)
		if n.Op == "Gemm" {
			alpha, beta = n.Attrs.Float("alpha", 1), n.Attrs.Float("beta", 1)
		}
		g.Pack(p, scaled(w.F, alpha, len(w.F)), scaled(c.floats(n.inputName(2)), beta, cols), transposed)
	})
	blocks, rows := cutConv(g.M, k, g.Blocks(), len(packed)/g.Blocks(), c.plan.pool.Threads())
	c.emit(step{node: n, reads: []*planValue{src}, writes: []*planValue{dst}, tasks: blocks.parts * rows.parts,
		task: func(f *frame, i int) {
			b0, b1 := blocks.at(i / rows.parts)
			m0, m1 := rows.at(i % rows.parts)
			g.Run(f.of(dst), f.of(src), nil, packed, m0, m1, b0, b1)
		}})
	return true
}

// scaled returns n elements of x times by; a single element is repeated. It is x itself where nothing changes.
func scaled(x []float32, by float32, n int) []float32 {
	if x == nil || by == 1 && len(x) == n {
		return x
	}
	y := make([]float32, n)
	for i := range y {
		y[i] = x[i%len(x)] * by
	}
	return y
}
