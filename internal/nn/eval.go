package nn

import (
	"context"
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// Eval runs g on the inputs in, by name, and returns its outputs in their order. It is the plain executor:
// row-major, one node after another, each operator by its definition. A Plan gives the same within rounding,
// faster. The free extent may be any number, the same for all inputs. pool may be nil.
//
// The result may share memory with in and with g's initialisers. It stops between two nodes when ctx ends.
func Eval(ctx context.Context, g *Graph, in map[string]*tensor.Tensor, pool *Pool) ([]*tensor.Tensor, error) {
	if err := Validate(g); err != nil {
		return nil, err
	}
	if err := checkInputs(g, in); err != nil {
		return nil, err
	}
	vals := make(map[string]*tensor.Tensor, len(g.Init)+len(in))
	for name, t := range g.Init {
		vals[name] = t
	}
	for _, v := range g.Inputs {
		vals[v.Name] = in[v.Name]
	}
	last := lastUses(g)
	for i, n := range g.Nodes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := evalNode(n, vals, pool); err != nil {
			return nil, fmt.Errorf("nn: %w", err)
		}
		for _, name := range n.Inputs {
			if last[name] == i {
				delete(vals, name)
			}
		}
	}
	out := make([]*tensor.Tensor, len(g.Outputs))
	for i, v := range g.Outputs {
		out[i] = vals[v.Name]
	}
	return out, nil
}

func evalNode(n *Node, vals map[string]*tensor.Tensor, pool *Pool) error {
	c := &call{node: n, in: make([]*tensor.Tensor, len(n.Inputs)), pool: pool}
	infos := make([]Info, len(n.Inputs))
	for i, name := range n.Inputs {
		if name == "" {
			continue
		}
		t := vals[name]
		c.in[i], infos[i] = t, Info{DType: t.DType, Shape: t.Shape, Const: t}
	}
	out, err := outputInfos(n, infos)
	if err != nil {
		return err
	}
	c.out = newOutputs(n, out)
	if slices.ContainsFunc(c.out, func(t *tensor.Tensor) bool { return t != nil && t.Elems() > 0 }) {
		if err := ops[n.Op].forward(c); err != nil {
			return err
		}
	}
	for i, name := range n.Outputs {
		if name != "" {
			vals[name] = c.out[i]
		}
	}
	return nil
}

// lastUses returns for each value the index of the node that reads it last; len(g.Nodes) for an output of g.
func lastUses(g *Graph) map[string]int {
	last := make(map[string]int)
	for i, n := range g.Nodes {
		for _, name := range n.Inputs {
			last[name] = i
		}
	}
	for _, v := range g.Outputs {
		last[v.Name] = len(g.Nodes)
	}
	return last
}

// checkInputs checks that in holds what g takes, with one batch for all.
func checkInputs(g *Graph, in map[string]*tensor.Tensor) error {
	batch := tensor.Free
	for _, v := range g.Inputs {
		t := in[v.Name]
		if t == nil {
			return fmt.Errorf("nn: input %q is missing", v.Name)
		}
		want := v.Shape.Clone()
		if len(want) > 0 && want[0] == tensor.Free && len(t.Shape) > 0 {
			if batch == tensor.Free {
				batch = t.Shape[0]
			}
			want[0] = batch
		}
		if n, err := t.Shape.Elems(); err != nil || n != t.Elems() {
			return fmt.Errorf("nn: input %q: shape %v over %d elements", v.Name, t.Shape, t.Elems())
		}
		if t.DType != v.DType || !want.Equal(t.Shape) {
			return fmt.Errorf("nn: input %q: %v %v, want %v %v", v.Name, t.DType, t.Shape, v.DType, want)
		}
	}
	return nil
}
