package nn

import (
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

var (
	channelsLast  = []int{0, 2, 3, 1}
	channelsFirst = []int{0, 3, 1, 2}
)

// productsToConvs rewrites products over the last axis of a picture that is transposed to [N,C,H,W] right after them
// as 1×1 convolutions behind the Transpose, with the sums and functions in between. Convolutions take scales,
// activations and residuals along, and need no copy between the two layouts.
func productsToConvs(g *Graph) error {
	infos, _, err := inferAny(g)
	if err != nil {
		return err
	}
	l := newLinks(g)
	before, dead := map[*Node]*Node{}, map[*Node]bool{}
	for _, t := range g.Nodes {
		if !isTranspose(t, channelsFirst) {
			continue
		}
		chain := lastAxisChain(g, l, infos, t.Inputs[0])
		if !slices.ContainsFunc(chain, func(n *Node) bool { return n.Op == "MatMul" }) {
			continue
		}
		top := chain[0]
		i := variable(g, top)
		x := top.Inputs[i]
		first := &Node{Op: "Transpose", Name: t.Name, Attrs: Attrs{"perm": []int64{0, 3, 1, 2}}, Inputs: []string{x}, Outputs: []string{t.Inputs[0]}}
		for _, n := range chain {
			toChannelsFirst(g, n)
		}
		chain[len(chain)-1].Outputs[0] = t.Outputs[0]
		top.Inputs[i] = first.Outputs[0]
		before[top], dead[t] = first, true
	}
	if len(dead) == 0 {
		return nil
	}
	var nodes []*Node
	for _, n := range g.Nodes {
		if first := before[n]; first != nil {
			nodes = append(nodes, first)
		}
		nodes = append(nodes, n)
	}
	g.Nodes = nodes
	g.drop(dead)
	return nil
}

func isTranspose(n *Node, perm []int) bool {
	return n != nil && n.Op == "Transpose" && slices.Equal(n.Attrs.Ints("perm"), perm)
}

// lastAxisChain returns the nodes, in order, that make value of one other value of four axes: products over the last
// axis with constant weights, sums and products with a constant along it, and activations. Each serves the next alone.
func lastAxisChain(g *Graph, l *links, infos map[string]Info, value string) []*Node {
	var chain []*Node
	for {
		n := l.only(value, "MatMul", "Add", "Mul", "Relu", "Gelu", "Sigmoid", "HardSwish", "Tanh")
		if n == nil || len(infos[value].Shape) != 4 {
			break
		}
		i := variable(g, n)
		if i < 0 || len(infos[n.Inputs[i]].Shape) != 4 {
			break
		}
		chain = append(chain, n)
		value = n.Inputs[i]
	}
	slices.Reverse(chain)
	return chain
}

// variable returns which input of n is not constant, -1 if n is none of the nodes of a chain.
func variable(g *Graph, n *Node) int {
	switch n.Op {
	case "MatMul":
		if w := g.constant(n.Inputs[1]); w == nil || len(w.Shape) != 2 || len(w.F) == 0 {
			return -1
		}
	case "Add", "Mul":
		for i := range n.Inputs {
			if k := g.constant(n.Inputs[1-i]); k != nil && len(k.Shape) == 1 && len(k.F) > 0 && g.Init[n.Inputs[i]] == nil {
				return i
			}
		}
		return -1
	}
	return 0
}

// toChannelsFirst makes n compute [N,C,H,W] of [N,C,H,W].
func toChannelsFirst(g *Graph, n *Node) {
	switch n.Op {
	case "MatMul":
		w := g.constant(n.Inputs[1])
		k, c := w.Shape[0], w.Shape[1]
		t := tensor.New(tensor.Float32, c, k, 1, 1)
		for i := range k {
			for j := range c {
				t.F[j*k+i] = w.F[i*c+j]
			}
		}
		n.Op, n.Attrs, n.Inputs[1] = "Conv", Attrs{}, g.freshInit(n.Inputs[1]+"_conv", t)
	case "Add", "Mul":
		i := 1 - variable(g, n)
		k := *g.constant(n.Inputs[i])
		k.Shape = tensor.Shape{len(k.F), 1, 1}
		n.Inputs[i] = g.freshInit(n.Inputs[i]+"_channels", &k)
	}
}
