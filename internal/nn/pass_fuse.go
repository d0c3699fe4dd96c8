package nn

import (
	"math"

	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/tensor"
)

// Fused nodes are understood by a Plan alone. A Conv, Gemm or MatMul may have an epilogue: a value added to
// its result as input residualInput, and the attribute actAttr, a kernel.Act, applied last. A MatMul may have a bias as
// input 2. opSilu is x·sigmoid(x).
const (
	residualInput = 3
	actAttr       = "graft.act"
	opSilu        = "graft.Silu"
)

// fuse joins nodes of g into what kernels do in one go. infos is what is known of g's values. No fusion
// changes a bit of what the plan computes without it: the same roundings happen in the same order.
func fuse(g *Graph, infos map[string]Info) {
	fuseChannelNorms(g)
	fuseSilu(g)
	fuseBias(g, infos)
	fuseActivations(g, infos)
	fuseResiduals(g, infos)
	fuseActivations(g, infos) // those that follow a residual
}

// activation returns the function that n applies to its first input alone.
func activation(g *Graph, n *Node) (kernel.Act, bool) {
	switch a := n.Attrs; n.Op {
	case "Relu":
		return kernel.Act{Func: kernel.Relu}, true
	case "Clip":
		return clipActivation(g, n)
	case "LeakyRelu":
		return kernel.Act{Func: kernel.LeakyRelu, A: a.Float("alpha", 0.01)}, true
	case "HardSigmoid":
		return kernel.Act{Func: kernel.HardSigmoid, A: a.Float("alpha", 0.2), B: a.Float("beta", 0.5)}, true
	case "Gelu":
		if a.Str("approximate", "none") == "tanh" {
			return kernel.Act{Func: kernel.GeluTanh}, true
		}
	}
	f, ok := plainActivations[n.Op]
	return kernel.Act{Func: f}, ok
}

var plainActivations = map[string]kernel.Func{
	"Sigmoid": kernel.Sigmoid, "HardSwish": kernel.HardSwish, opSilu: kernel.SiLU, "Tanh": kernel.Tanh,
	"Erf": kernel.Erf, "Gelu": kernel.Gelu, "Sqrt": kernel.Sqrt, "Exp": kernel.Exp,
}

func clipActivation(g *Graph, n *Node) (kernel.Act, bool) {
	a := kernel.Act{Func: kernel.Clip, A: float32(math.Inf(-1)), B: float32(math.Inf(1))}
	for i, bound := range []*float32{&a.A, &a.B} {
		if name := n.inputName(1 + i); name != "" {
			k := g.constant(name)
			if k == nil || len(k.F) != 1 {
				return a, false
			}
			*bound = k.F[0]
		}
	}
	return a, true
}

// fuseSilu finds x·sigmoid(x).
func fuseSilu(g *Graph) {
	l := newLinks(g)
	dead := map[*Node]bool{}
	for _, n := range g.Nodes {
		if n.Op != "Mul" {
			continue
		}
		for i, x := range n.Inputs {
			if s := l.only(n.Inputs[1-i], "Sigmoid"); s != nil && s.Inputs[0] == x {
				n.Op, n.Inputs, n.Attrs = opSilu, []string{x}, Attrs{}
				dead[s] = true
				break
			}
		}
	}
	g.drop(dead)
}

// fuseBias makes the constant that is added to each row of a product its bias.
func fuseBias(g *Graph, infos map[string]Info) {
	l := newLinks(g)
	dead := map[*Node]bool{}
	for _, n := range g.Nodes {
		if n.Op != "Add" {
			continue
		}
		for i := range n.Inputs {
			m, b := l.only(n.Inputs[i], "MatMul"), g.constant(n.Inputs[1-i])
			if m == nil || b == nil || m.inputName(2) != "" || !isLinear(g, infos, m) {
				continue
			}
			if w := g.Init[m.Inputs[1]]; !b.Shape.Equal(tensor.Shape{w.Shape[1]}) {
				continue
			}
			m.setInput(2, n.Inputs[1-i])
			l.becomes(m, n, dead)
			break
		}
	}
	g.drop(dead)
}

// isLinear reports whether the Gemm or MatMul n is one that linear products run: rows times constant weights.
func isLinear(g *Graph, infos map[string]Info, n *Node) bool {
	w := g.constant(n.Inputs[1])
	if w == nil || len(w.Shape) != 2 || len(infos[n.Inputs[0]].Shape) < 2 {
		return false
	}
	if n.Op == "MatMul" {
		return true
	}
	if n.Attrs.Int("transA", 0) != 0 {
		return false
	}
	_, cols := gemmSides(w.Shape, n.Attrs.Int("transB", 0))
	name := n.inputName(2)
	if name == "" {
		return true
	}
	b := g.constant(name)
	return b != nil && (len(b.F) == 1 || len(b.F) == cols && b.Shape[len(b.Shape)-1] == cols)
}

// becomes makes n compute what next, its only reader, did.
func (l *links) becomes(n, next *Node, dead map[*Node]bool) {
	n.Outputs[0] = next.Outputs[0]
	l.maker[next.Outputs[0]] = n
	dead[next] = true
}

// canFuse reports whether n may get an epilogue: it is computed by a kernel that has one.
func canFuse(g *Graph, infos map[string]Info, n *Node) bool {
	switch n.Op {
	case "Conv":
		_, ok := fastConv(g, infos, n)
		return ok
	case "Gemm", "MatMul":
		return isLinear(g, infos, n)
	}
	return false
}

// fuseActivations moves an activation into the node that it alone follows.
func fuseActivations(g *Graph, infos map[string]Info) {
	l := newLinks(g)
	dead := map[*Node]bool{}
	for _, n := range g.Nodes {
		act, ok := activation(g, n)
		if !ok {
			continue
		}
		prev := l.only(n.Inputs[0], "Conv", "Gemm", "MatMul")
		if prev == nil || prev.Attrs[actAttr] != nil || !canFuse(g, infos, prev) {
			continue
		}
		prev.Attrs[actAttr] = act
		l.becomes(prev, n, dead)
	}
	g.drop(dead)
}

// fuseResiduals moves the sum of a convolution and another value of the same shape into the convolution, of
// two convolutions the later one. It takes the place of the Add, where both are ready.
func fuseResiduals(g *Graph, infos map[string]Info) {
	l := newLinks(g)
	order := make(map[*Node]int, len(g.Nodes))
	for i, n := range g.Nodes {
		order[n] = i
	}
	moved, replaced := map[*Node]bool{}, map[*Node]*Node{}
	for _, n := range g.Nodes {
		if n.Op != "Add" || !infos[n.Inputs[0]].Shape.Equal(infos[n.Inputs[1]].Shape) || n.Inputs[0] == n.Inputs[1] {
			continue
		}
		var conv *Node
		var res string
		for j, x := range n.Inputs {
			c := l.only(x, "Conv")
			if c == nil || moved[c] || c.Attrs[actAttr] != nil || !canFuse(g, infos, c) || g.Init[n.Inputs[1-j]] != nil {
				continue
			}
			if conv == nil || order[c] > order[conv] {
				conv, res = c, n.Inputs[1-j]
			}
		}
		if conv == nil {
			continue
		}
		conv.setInput(residualInput, res)
		conv.Outputs[0] = n.Outputs[0]
		l.maker[n.Outputs[0]] = conv
		moved[conv], replaced[n] = true, conv
	}
	var nodes []*Node
	for _, n := range g.Nodes {
		if conv := replaced[n]; conv != nil {
			nodes = append(nodes, conv)
		} else if !moved[n] {
			nodes = append(nodes, n)
		}
	}
	g.Nodes = nodes
}
