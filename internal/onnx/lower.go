package onnx

import (
	"math"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// lower returns g with the operators that opset 17 lacks replaced by the nodes that they are made of; g
// itself if there are none.
func lower(g *nn.Graph) (*nn.Graph, error) {
	has := false
	for _, n := range g.Nodes {
		has = has || n.Op == "Gelu"
	}
	if !has {
		return g, nil
	}
	out := g.Clone()
	l := lowering{g: out, names: namesOf(g), consts: map[float32]string{}}
	nodes := out.Nodes
	out.Nodes = nil
	for _, n := range nodes {
		if n.Op != "Gelu" {
			out.Nodes = append(out.Nodes, n)
			continue
		}
		if len(n.Inputs) != 1 || len(n.Outputs) != 1 {
			return nil, formatErrorf("Gelu %q: %d inputs and %d outputs, want one of each", n.Name, len(n.Inputs), len(n.Outputs))
		}
		switch form := n.Attrs.Str("approximate", "none"); form {
		case "none":
			l.geluErf(n)
		case "tanh":
			l.geluTanh(n)
		default:
			return nil, formatErrorf("Gelu %q: approximate %q, want none or tanh", n.Name, form)
		}
	}
	return out, nil
}

// lowering writes the nodes that stand for one.
type lowering struct {
	g      *nn.Graph
	names  *names
	consts map[float32]string
}

// constant returns the name of a scalar initialiser with value v.
func (l *lowering) constant(v float32) string {
	name, ok := l.consts[v]
	if !ok {
		name = l.names.fresh("gelu_const")
		l.consts[v], l.g.Init[name] = name, scalar(v)
	}
	return name
}

// op adds a node whose output has a new name, and returns that.
func (l *lowering) op(op string, inputs ...string) string {
	name := l.names.fresh("gelu")
	l.g.Nodes = append(l.g.Nodes, &nn.Node{Op: op, Name: name, Inputs: inputs, Outputs: []string{name}})
	return name
}

// finish makes the last node bear the name and the output of n.
func (l *lowering) finish(n *nn.Node) {
	last := l.g.Nodes[len(l.g.Nodes)-1]
	last.Name, last.Outputs = n.Name, n.Outputs
}

// geluErf: x · (1 + erf(x/√2)) · ½, in the order in which torch exports it, which other runtimes fuse again.
func (l *lowering) geluErf(n *nn.Node) {
	x := n.Inputs[0]
	y := l.op("Erf", l.op("Div", x, l.constant(math.Sqrt2)))
	y = l.op("Mul", x, l.op("Add", y, l.constant(1)))
	l.op("Mul", y, l.constant(0.5))
	l.finish(n)
}

// geluTanh: ½x · (1 + tanh(√(2/π) · (x + 0.044715x³))).
func (l *lowering) geluTanh(n *nn.Node) {
	x := n.Inputs[0]
	cube := l.op("Mul", l.op("Mul", x, x), x)
	y := l.op("Add", x, l.op("Mul", cube, l.constant(0.044715)))
	y = l.op("Tanh", l.op("Mul", y, l.constant(float32(math.Sqrt(2/math.Pi)))))
	y = l.op("Mul", x, l.op("Add", y, l.constant(1)))
	l.op("Mul", y, l.constant(0.5))
	l.finish(n)
}

func scalar(v float32) *tensor.Tensor { return &tensor.Tensor{DType: tensor.Float32, F: []float32{v}} }
