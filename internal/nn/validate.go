package nn

import (
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// maxNodes bounds a graph. The largest image classifiers have some thousand nodes.
const maxNodes = 1 << 18

// Validate checks that g is well formed: every operator is known and has as many inputs and outputs as it
// takes, every value is made once and before its use, the batch is the first axis of the inputs, the outputs
// exist. Shapes are the business of Infer.
func Validate(g *Graph) error {
	if err := validate(g); err != nil {
		return fmt.Errorf("nn: graph %q: %w", g.Name, err)
	}
	return nil
}

func validate(g *Graph) error {
	if len(g.Nodes) > maxNodes {
		return fmt.Errorf("%d nodes, at most %d are supported", len(g.Nodes), maxNodes)
	}
	made := make(map[string]bool, len(g.Init)+len(g.Inputs)+len(g.Nodes))
	for name, t := range g.Init {
		if err := validateInit(name, t); err != nil {
			return err
		}
		made[name] = true
	}
	for _, v := range g.Inputs {
		if err := validateInput(v); err != nil {
			return err
		}
		if made[v.Name] {
			return fmt.Errorf("input %q: another value has that name", v.Name)
		}
		made[v.Name] = true
	}
	for _, n := range g.Nodes {
		if err := validateNode(n, made); err != nil {
			return err
		}
	}
	if len(g.Outputs) == 0 {
		return fmt.Errorf("no output")
	}
	for _, v := range g.Outputs {
		if !made[v.Name] {
			return fmt.Errorf("output %q is made by no node", v.Name)
		}
	}
	return nil
}

func validateInit(name string, t *tensor.Tensor) error {
	if name == "" || t == nil {
		return fmt.Errorf("initialiser %q: no name or no value", name)
	}
	if err := checkSize(t.Shape); err != nil {
		return fmt.Errorf("initialiser %q: %w", name, err)
	}
	if n, _ := t.Shape.Elems(); n != t.Elems() || !knownType(t.DType) {
		return fmt.Errorf("initialiser %q: %v %v over %d elements", name, t.DType, t.Shape, t.Elems())
	}
	return nil
}

func validateInput(v Value) error {
	if v.Name == "" || !knownType(v.DType) {
		return fmt.Errorf("input %v: no name, or a type that is not supported", v)
	}
	if len(v.Shape) > 0 && slices.Contains(v.Shape[1:], tensor.Free) {
		return fmt.Errorf("input %v: only the first axis can be free", v)
	}
	if err := checkSize(atBatch(v.Shape, batchB)); err != nil {
		return fmt.Errorf("input %v: %w", v, err)
	}
	return nil
}

func knownType(d tensor.DType) bool { return d >= tensor.Float32 && d <= tensor.Bool }

// validateNode checks n against the operator table and against the values made before it, and adds its own.
func validateNode(n *Node, made map[string]bool) error {
	def := ops[n.Op]
	if def == nil {
		return fmt.Errorf("node %q: operator %q is not supported (opset %d)", n.Name, n.Op, Opset)
	}
	if k := len(n.Inputs); k < def.minIn || def.maxIn >= 0 && k > def.maxIn {
		return n.errorf("%d inputs, want %s", k, span(def.minIn, def.maxIn))
	}
	if k := len(n.Outputs); k < def.minOut || def.maxOut >= 0 && k > def.maxOut {
		return n.errorf("%d outputs, want %s", k, span(def.minOut, def.maxOut))
	}
	for i, name := range n.Inputs {
		if name == "" && i < def.minIn {
			return n.errorf("input %d is missing", i)
		}
		if name == "" && def.maxIn < 0 {
			return n.errorf("input %d is missing", i)
		}
		if name != "" && !made[name] {
			return n.errorf("input %q is not made before it is used", name)
		}
	}
	for i, name := range n.Outputs {
		if name == "" && i < def.minOut {
			return n.errorf("output %d has no name", i)
		}
		if name != "" && made[name] {
			return n.errorf("output %q: another value has that name", name)
		}
		made[name] = name != ""
	}
	return nil
}

func span(lo, hi int) string {
	switch {
	case hi < 0:
		return fmt.Sprintf("at least %d", lo)
	case lo == hi:
		return fmt.Sprint(lo)
	}
	return fmt.Sprintf("%d to %d", lo, hi)
}
