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
