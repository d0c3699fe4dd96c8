// Package nn is the network: a graph of ONNX operators, its shapes, its rewriting passes, and the two ways
// to run it: a Plan for inference and a Tape for training.
//
// A graph speaks ONNX at opset 17: operators, attributes and meanings are those of the standard, so that
// reading and writing a model file is one codec and not a translation. Losses and dropout masks belong to
// training and are not operators here. Images are [N,C,H,W] at every edge of a graph; what a Plan does
// inside is its own affair.
package nn

import (
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// Opset is the version of the ONNX operator set whose semantics a Graph has. Older and newer files are
// brought to it by the reader.
const Opset = 17

// Value describes an input or output of a graph. The extent tensor.Free stands for the batch.
type Value struct {
	Name  string
	DType tensor.DType
	Shape tensor.Shape
}

func (v Value) String() string { return fmt.Sprintf("%s %v %v", v.Name, v.DType, v.Shape) }

// Node is one application of an operator. Values are named; an absent optional input is "".
type Node struct {
	Op      string
	Name    string
	Inputs  []string
	Outputs []string
	Attrs   Attrs
}

// Attrs holds a node's attributes by ONNX name. A value is an int64, float32, string, []int64, []float32,
// []string or *tensor.Tensor.
type Attrs map[string]any

// Int returns the integer attribute name, or def if the node has none.
func (a Attrs) Int(name string, def int) int {
	if v, ok := a[name].(int64); ok {
		return int(v)
	}
	return def
}

// Float returns the float attribute name, or def.
func (a Attrs) Float(name string, def float32) float32 {
	if v, ok := a[name].(float32); ok {
		return v
	}
	return def
}

// Str returns the string attribute name, or def.
func (a Attrs) Str(name, def string) string {
	if v, ok := a[name].(string); ok {
		return v
	}
	return def
}

// Ints returns the integer list name, or nil.
func (a Attrs) Ints(name string) []int {
	v, ok := a[name].([]int64)
	if !ok {
		return nil
	}
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(x)
	}
	return out
}

// Graph is a network. Nodes stand in an order in which every value is made before it is used; each value
// is made once. Init holds the constants: weights, and the small integer tensors of shape arithmetic.
type Graph struct {
	Name    string
	Inputs  []Value
	Outputs []Value
	Nodes   []*Node
	Init    map[string]*tensor.Tensor
}

// Clone returns a copy of g that can be rewritten freely: its nodes are copied, the data of its
// initialisers is shared and must not be written to.
func (g *Graph) Clone() *Graph {
	c := &Graph{Name: g.Name, Inputs: slices.Clone(g.Inputs), Outputs: slices.Clone(g.Outputs)}
	c.Init = make(map[string]*tensor.Tensor, len(g.Init))
	for k, v := range g.Init {
		c.Init[k] = v
	}
	for _, n := range g.Nodes {
		m := *n
		m.Inputs, m.Outputs = slices.Clone(n.Inputs), slices.Clone(n.Outputs)
		m.Attrs = make(Attrs, len(n.Attrs))
		for k, v := range n.Attrs {
			m.Attrs[k] = v
		}
		c.Nodes = append(c.Nodes, &m)
	}
	return c
}

// Values returns the names of all values of g: inputs, initialisers and what nodes make.
func (g *Graph) Values() map[string]bool {
	all := map[string]bool{}
	for name := range g.Init {
		all[name] = true
	}
	for _, v := range g.Inputs {
		all[v.Name] = true
	}
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			all[name] = true
		}
	}
	return all
}
