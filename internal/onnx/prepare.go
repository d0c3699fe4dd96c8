package onnx

import (
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// checkOps refuses the first node whose operator graft does not have.
func (d *decoder) checkOps() error {
	for i, n := range d.model.Graph.Nodes {
		domain := d.domains[i]
		if domain == "" || domain == "ai.onnx" {
			if n.Op == "Constant" || nn.Has(n.Op) {
				continue
			}
			domain = "ai.onnx"
		}
		version := d.model.Opset
		if domain != "ai.onnx" {
			version = d.opsets[domain]
		}
		return unsupportedf("node %q: operator %q of domain %s, opset %d, is not one that graft has", n.Name, n.Op, domain, version)
	}
	return nil
}

// isQuantisation reports whether op is one of those that tell other runtimes how values are quantised. Graft writes
// them and does not run them.
func isQuantisation(op string) bool { return op == "QuantizeLinear" || op == "DequantizeLinear" }

// constantsToInit replaces Constant nodes by initialisers.
func constantsToInit(g *nn.Graph) error {
	isOutput := map[string]bool{}
	for _, o := range g.Outputs {
		isOutput[o.Name] = true
	}
	names, kept := namesOf(g), g.Nodes[:0]
	for _, n := range g.Nodes {
		if n.Op != "Constant" {
			kept = append(kept, n)
			continue
		}
		t, err := constantValue(n)
		if err != nil {
			return err
		}
		name := n.Outputs[0]
		if isOutput[name] { // an output must be made by a node
			name = names.fresh(name)
			kept = append(kept, &nn.Node{Op: "Identity", Name: n.Name, Inputs: []string{name}, Outputs: n.Outputs, Attrs: nn.Attrs{}})
		}
		if g.Init[name] != nil {
			return formatErrorf("two values are called %q", name)
		}
		g.Init[name] = t
	}
	g.Nodes = kept
	return nil
}

// constantValue returns what a Constant node holds.
func constantValue(n *nn.Node) (*tensor.Tensor, error) {
	if len(n.Outputs) != 1 || n.Outputs[0] == "" || len(n.Attrs) != 1 {
		return nil, formatErrorf("Constant %q: %d outputs and %d attributes, want one of each", n.Name, len(n.Outputs), len(n.Attrs))
	}
	for key, v := range n.Attrs {
		switch v := v.(type) {
		case *tensor.Tensor:
			return v, nil
		case float32:
			return scalar(v), nil
		case int64:
			return &tensor.Tensor{DType: tensor.Int64, I: []int64{v}}, nil
		case []float32:
			return tensor.FromFloats(v, len(v)), nil
		case []int64:
			return tensor.FromInts(v, len(v)), nil
		default:
			return nil, unsupportedf("Constant %q: attribute %q", n.Name, key)
		}
	}
	panic("unreachable: there is one attribute")
}

// dropInitInputs takes the initialisers out of the inputs, where files up to IR version 3 list them too.
func dropInitInputs(g *nn.Graph) {
	inputs := g.Inputs[:0]
	for _, v := range g.Inputs {
		if g.Init[v.Name] == nil {
			inputs = append(inputs, v)
		}
	}
	g.Inputs = inputs
}

// checkWiring checks that values are made once and before they are used, as the standard demands. A cycle
// shows as a use before.
func checkWiring(g *nn.Graph) error {
	made := map[string]bool{}
	for name := range g.Init {
		made[name] = true
	}
	for _, v := range g.Inputs {
		if made[v.Name] {
			return formatErrorf("two values are called %q", v.Name)
		}
		made[v.Name] = true
	}
	for _, n := range g.Nodes {
		for _, name := range n.Inputs {
			if name != "" && !made[name] {
				return formatErrorf("node %q (%s) uses %q before anything makes it (a cycle, or nodes out of order)", n.Name, n.Op, name)
			}
		}
		for _, name := range n.Outputs {
			if made[name] {
				return formatErrorf("two values are called %q", name)
			}
			made[name] = name != ""
		}
	}
	if len(g.Outputs) == 0 {
		return formatErrorf("the graph has no output")
	}
	for _, v := range g.Outputs {
		if !made[v.Name] {
			return formatErrorf("nothing makes the output %q", v.Name)
		}
	}
	return nil
}

// widen makes a graph that computes in float16, bfloat16 or double compute in float32, the one float type
// that operators here have. Weights which only Casts read stay as they are.
func widen(g *nn.Graph) {
	direct := map[string]bool{} // read by something else than a Cast
	for _, n := range g.Nodes {
		if n.Op == "Cast" {
			if to, ok := dtypes[int64(n.Attrs.Int("to", 0))]; ok && to.IsFloat() {
				n.Attrs["to"] = int64(protoFloat)
			}
			continue
		}
		for _, name := range n.Inputs {
			direct[name] = true
		}
		for key, v := range n.Attrs {
			if t, ok := v.(*tensor.Tensor); ok {
				n.Attrs[key] = widened(t)
			}
		}
	}
	for _, v := range g.Outputs {
		direct[v.Name] = true
	}
	for name, t := range g.Init {
		if direct[name] {
			g.Init[name] = widened(t)
		}
	}
}

func widened(t *tensor.Tensor) *tensor.Tensor {
	if t.DType != tensor.Float16 && t.DType != tensor.BFloat16 {
		return t
	}
	return &tensor.Tensor{DType: tensor.Float32, Shape: t.Shape, F: t.Float32s()}
}
