package nn

import "github.com/graft-ml/graft/internal/kernel"

// tapeLinear is a product of rows and weights, x[M,K]·w[K,N], w of [N,K] if transposed, and what is added to each row.
type tapeLinear struct {
	g          kernel.Gemm
	transposed bool
}

// linearAt returns n as a product that kernels compute: of a matrix, or a stack of rows, with a parameter or constant.
func (c *tapeCompiler) linearAt(n *Node) *tapeLinear {
	x, w := c.infos[n.Inputs[0]].Shape, c.infos[n.Inputs[1]].Shape
	if c.data(n.Inputs[1]) == nil || len(w) != 2 || len(x) < 2 || product(x)*product(w) == 0 || c.infos[n.Inputs[0]].Const != nil {
		return nil
	}
	l := &tapeLinear{}
	if n.Op == "Gemm" {
		if n.Attrs.Int("transA", 0) != 0 || n.Attrs.Float("alpha", 1) != 1 || n.Attrs.Float("beta", 1) != 1 {
			return nil
		}
		l.transposed = n.Attrs.Int("transB", 0) != 0
	}
	k, cols := gemmSides(w, boolInt(l.transposed))
	l.g = kernel.Gemm{M: product(x) / k, N: cols, K: k}
	if b := n.inputName(2); b != "" && (c.data(b) == nil || len(c.data(b)) != cols || c.infos[b].Shape[len(c.infos[b].Shape)-1] != cols) {
		return nil
	}
	return l
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func tapeLinearForward(c *tapeCompiler, n *Node) bool {
	l := c.linearAt(n)
	if l == nil {
		return false
	}
	src := c.rowsOf(n.Inputs[0])
	dst := c.newRows(n.Outputs[0])
	w, b := c.data(n.Inputs[1]), c.data(n.inputName(2))
	g, transposed := &l.g, l.transposed
	packed := c.packedBy(packKey{n, packForward}, c.want(n, 1) || c.want(n, 2), g.PackedLen(), func(p []float32) { g.Pack(p, w, b, transposed) })
	c.product(n, g, dst, src, nil, packed)
	return true
}

// product emits dst = src·weights, plus res if it is not nil.
func (c *tapeCompiler) product(n *Node, g *kernel.Gemm, dst, src, res *planValue, packed []float32) {
	reads := []*planValue{src}
	if res != nil {
		reads = append(reads, res)
	}
	blocks, rows := cutConv(g.M, g.K, g.Blocks(), len(packed)/g.Blocks(), c.plan.pool.Threads())
	c.emit(step{node: n, reads: reads, writes: []*planValue{dst}, tasks: blocks.parts * rows.parts, task: func(f *frame, i int) {
		b0, b1 := blocks.at(i / rows.parts)
		m0, m1 := rows.at(i % rows.parts)
		g.Run(f.of(dst), f.of(src), f.orNil(res), packed, m0, m1, b0, b1)
	}})
}

func tapeLinearBackward(c *tapeCompiler, n *Node) bool {
	l := c.linearAt(n)
	if l == nil {
		return false
	}
	dy, _ := c.gradRows(n.Outputs[0])
	if c.want(n, 1) || c.want(n, 2) {
		if c.want(n, 2) && c.added[n.Inputs[1]] != c.added[n.Inputs[2]] {
			c.backwardTo(n, func(i int) bool { return i > 0 })
		} else {
			c.linearGradWeight(n, l, dy)
		}
	}
	if !c.want(n, 0) {
		return true
	}
	dx, sum := c.contribute(n.Inputs[0], false)
	g := &kernel.Gemm{M: l.g.M, N: l.g.K, K: l.g.N}
	w := c.data(n.Inputs[1])
	packed := c.packedBy(packKey{n, packBackward}, c.want(n, 1), g.PackedLen(), func(p []float32) { g.Pack(p, w, nil, !l.transposed) })
	c.product(n, g, dx, dy, sum, packed)
	return true
}

// linearGradWeight emits the gradient by weights and bias: that of a 1×1 convolution over the rows. Weights [K,N] are
// the inputs' gradient by the outputs', so that what kernels write as [N,K] lies right without a transposition.
func (c *tapeCompiler) linearGradWeight(n *Node, l *tapeLinear, dy *planValue) {
	src := c.rowsOf(n.Inputs[0])
	k := &kernel.ConvGradWeight{Conv: kernel.Conv{Filter: kernel.Filter{OutC: l.g.N, InC: l.g.K, KH: 1, KW: 1, Groups: 1},
		StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, N: 1, OutH: 1, OutW: l.g.M}, Bias: c.want(n, 2)}
	k.Src, k.Dst = kernel.Grid{Pixel: l.g.K}, kernel.Grid{Pixel: l.g.N}
	if l.transposed {
		c.weightSums(n, k, src, dy, c.convGrads(n))
		return
	}
	if k.Bias { // from a product that has next to no weights
		bias := *k
		bias.InC = 1
		c.weightSums(n, &bias, src, dy, c.target(paramGrad{data: make([]float32, l.g.N)}, c.gradOfParam(n, 2)))
	}
	if c.want(n, 1) {
		k.Bias = false
		k.OutC, k.InC, k.Src, k.Dst = k.InC, k.OutC, k.Dst, k.Src
		c.weightSums(n, k, dy, src, c.target(c.gradOfParam(n, 1), paramGrad{}))
	}
}
