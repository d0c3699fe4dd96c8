package graft

import (
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// withProbabilities returns head with its logits turned into probabilities: softmax over the classes, or a
// sigmoid for each label.
func withProbabilities(head *nn.Graph, multiLabel bool) *nn.Graph {
	g := head.Clone()
	logits := g.Outputs[0]
	last := &nn.Node{Op: "Softmax", Name: "probabilities", Inputs: []string{logits.Name}, Outputs: []string{"probabilities"}, Attrs: nn.Attrs{"axis": int64(1)}}
	if multiLabel {
		last.Op, last.Attrs = "Sigmoid", nn.Attrs{}
	}
	g.Nodes = append(g.Nodes, last)
	g.Outputs = []nn.Value{{Name: "probabilities", DType: tensor.Float32, Shape: logits.Shape}}
	return g
}

// join returns the network that runs base and then head on base's output. Names of head that base has too are
// given the prefix "head/". The weights are shared with both.
func join(base, head *nn.Graph) *nn.Graph {
	g := base.Clone()
	taken := base.Values()
	rename := map[string]string{head.Inputs[0].Name: base.Outputs[0].Name, "": ""}
	fresh := func(name string) string {
		to, known := rename[name]
		if !known {
			to = name
			for taken[to] {
				to = "head/" + to
			}
			rename[name] = to
		}
		return to
	}
	for name, t := range head.Init {
		g.Init[fresh(name)] = t
	}
	for _, n := range head.Clone().Nodes {
		for i, name := range n.Inputs {
			n.Inputs[i] = fresh(name)
		}
		for i, name := range n.Outputs {
			n.Outputs[i] = fresh(name)
		}
		g.Nodes = append(g.Nodes, n)
	}
	g.Outputs = nil
	for _, v := range head.Outputs {
		v.Name = fresh(v.Name)
		g.Outputs = append(g.Outputs, v)
	}
	return g
}
