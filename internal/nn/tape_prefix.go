package nn

import (
	"context"
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// tapePrefix is the part of a graph that lies before everything trained. It keeps nothing for a way back.
type tapePrefix struct {
	plan *Plan
	data [][]float32 // of the values that the trained part reads, for the largest batch so far
}

// freeze makes a Plan of the nodes that no gradient goes through, and leaves the others to t. A graph that a Plan
// would not take is computed in one piece.
func (t *Tape) freeze(infos map[string]Info) error {
	free, err := Infer(t.g) // shapes for any batch
	if t.plain || err != nil {
		return nil
	}
	g, made := t.frozenPart(infos)
	if len(made) == 0 {
		return nil
	}
	read := map[string]bool{}
	for _, n := range t.g.Nodes {
		for _, name := range n.Inputs {
			if !t.path[n] || !made[name] || read[name] {
				continue
			}
			read[name] = true
			v := Value{Name: name, DType: free[name].DType, Shape: free[name].Shape}
			if v.DType != tensor.Float32 || len(v.Shape) == 0 || v.Shape[0] != tensor.Free {
				return nil
			}
			g.Outputs = append(g.Outputs, v)
		}
	}
	plan, err := NewPlan(g, PlanOptions{Pool: t.o.Pool})
	if err != nil {
		return err
	}
	t.prefix = &tapePrefix{plan: plan, data: make([][]float32, len(g.Outputs))}
	t.g.Nodes = slices.DeleteFunc(t.g.Nodes, func(n *Node) bool { return made[n.Outputs[0]] })
	t.g.Inputs = slices.Concat(t.inputs, g.Outputs, t.g.Inputs[len(t.inputs):])
	return nil
}

// frozenPart returns the nodes that depend on nothing trained as a graph without outputs, and which values that are
// no constants they make.
func (t *Tape) frozenPart(infos map[string]Info) (g *Graph, made map[string]bool) {
	g = &Graph{Name: t.g.Name, Inputs: t.inputs, Init: t.g.Init}
	made = map[string]bool{}
	behind := map[string]bool{} // values that are computed behind something trained, and parameters
	for name := range t.params {
		behind[name] = true
	}
	for _, n := range t.g.Nodes {
		late := slices.ContainsFunc(n.Inputs, func(s string) bool { return behind[s] })
		if !late {
			g.Nodes = append(g.Nodes, n)
		}
		for _, name := range n.Outputs {
			behind[name] = late && name != ""
			if !late && name != "" && infos[name].Const == nil {
				made[name] = true
			}
		}
	}
	return g, made
}

// run computes the frozen values for a batch of n.
func (p *tapePrefix) run(in [][]float32, n int) ([][]float32, error) {
	out := make([][]float32, len(p.data))
	for i := range p.data {
		size := n * product(p.plan.OutputShape(i))
		if cap(p.data[i]) < size {
			p.data[i] = make([]float32, size)
		}
		out[i] = p.data[i][:size]
	}
	return out, p.plan.Run(context.Background(), out, in, n)
}
