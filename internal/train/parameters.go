package train

import (
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// Parameter is an initialiser of a network that can train.
type Parameter struct {
	Name  string
	Decay bool    // it is a matrix or a kernel: weight decay shrinks it. Biases and normalisations do not decay
	Scale float64 // of the learning rate; 0 means 1
}

// weightInputs are, for each operator that has parameters, the inputs that they are, and which of those decay.
// The statistics of a batch normalisation are no parameters.
var weightInputs = map[string][]struct {
	input int
	decay bool
}{
	"Conv":               {{1, true}, {2, false}},
	"Gemm":               {{1, true}, {2, false}},
	"MatMul":             {{0, true}, {1, true}},
	"BatchNormalization": {{1, false}, {2, false}},
	"LayerNormalization": {{1, false}, {2, false}},
	"PRelu":              {{1, false}},
}

// Parameters lists what can train in g, in the order of its nodes: weights and biases of convolutions and dense
// layers, scales and shifts of normalisations, and, behind the first of those, vectors that are added or multiplied.
// Single numbers, such as the bounds of a Clip, and the normalisation of the pixels are constants.
func Parameters(g *nn.Graph) []Parameter {
	var out []Parameter
	known := map[string]bool{}
	add := func(name string, decay bool) {
		t := g.Init[name]
		if t == nil || t.DType != tensor.Float32 || known[name] {
			return
		}
		known[name] = true
		out = append(out, Parameter{Name: name, Decay: decay})
	}
	for _, n := range g.Nodes {
		for _, w := range weightInputs[n.Op] {
			if w.input < len(n.Inputs) {
				add(n.Inputs[w.input], w.decay)
			}
		}
		if (n.Op == "Add" || n.Op == "Mul") && len(out) > 0 {
			for _, name := range n.Inputs {
				if t := g.Init[name]; t != nil && len(t.F) > 1 {
					add(name, false)
				}
			}
		}
	}
	return out
}
