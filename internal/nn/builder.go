package nn

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/graft-ml/graft/internal/tensor"
)

// Builder makes a Graph node by node. Values are referred to by the names that its methods return. The first
// error is kept and returned by Build, so that the code of a model needs no checks of its own.
type Builder struct {
	g    *Graph
	used map[string]bool
	err  error
}

// NewBuilder returns a Builder of a graph called name.
func NewBuilder(name string) *Builder {
	return &Builder{g: &Graph{Name: name, Init: map[string]*tensor.Tensor{}}, used: map[string]bool{}}
}

// Input adds a Float32 input. tensor.Free as the first extent is the batch.
func (b *Builder) Input(name string, shape ...int) string {
	b.claim(name)
	b.g.Inputs = append(b.g.Inputs, Value{Name: name, DType: tensor.Float32, Shape: shape})
	return name
}

// Const adds an initialiser. t is kept, not copied.
func (b *Builder) Const(name string, t *tensor.Tensor) string {
	b.claim(name)
	b.g.Init[name] = t
	return name
}

// Ints adds a list of integers (axes, a shape) as an initialiser with a name of its own.
func (b *Builder) Ints(v ...int64) string {
	return b.Const(b.fresh("ints"), tensor.FromInts(v, len(v)))
}

// Op adds a node with one output and returns the output's name. An empty input is absent.
func (b *Builder) Op(op string, attrs Attrs, inputs ...string) string {
	return b.OpN(1, op, attrs, inputs...)[0]
}

// OpN adds a node with outputs outputs, at least 1, and returns their names.
func (b *Builder) OpN(outputs int, op string, attrs Attrs, inputs ...string) []string {
	n := &Node{Op: op, Name: b.fresh(strings.ToLower(op)), Inputs: slices.Clone(inputs), Attrs: attrs}
	b.claim(n.Name)
	n.Outputs = []string{n.Name}
	for i := 1; i < outputs; i++ {
		name := b.fresh(n.Name)
		b.claim(name)
		n.Outputs = append(n.Outputs, name)
	}
	b.g.Nodes = append(b.g.Nodes, n)
	return n.Outputs
}

// Output makes value, the output of a node, an output of the graph under a name of its own.
func (b *Builder) Output(name, value string) {
	found := false
	for _, n := range b.g.Nodes {
		found = found || slices.Contains(n.Outputs, value)
	}
	if !found {
		b.fail(fmt.Errorf("output %q: no node makes %q", name, value))
	}
	if name != value {
		b.claim(name)
		for _, n := range b.g.Nodes {
			rename(n.Inputs, value, name)
			rename(n.Outputs, value, name)
		}
	}
	b.g.Outputs = append(b.g.Outputs, Value{Name: name})
}

// Build returns the graph, with the types and shapes of its outputs filled in, or the first error met.
func (b *Builder) Build() (*Graph, error) {
	if b.err != nil {
		return nil, b.err
	}
	infos, err := Infer(b.g)
	if err != nil {
		return nil, err
	}
	for i := range b.g.Outputs {
		o := &b.g.Outputs[i]
		o.DType, o.Shape = infos[o.Name].DType, infos[o.Name].Shape
	}
	return b.g, nil
}

// claim takes a name for a value.
func (b *Builder) claim(name string) {
	if name == "" {
		b.fail(errors.New("a value without a name"))
	}
	if b.used[name] {
		b.fail(fmt.Errorf("value %q is made twice", name))
	}
	b.used[name] = true
}

// fresh returns an unused name that starts with prefix.
func (b *Builder) fresh(prefix string) string {
	for i := len(b.g.Nodes) + 1; ; i++ {
		if name := fmt.Sprintf("%s_%d", prefix, i); !b.used[name] {
			return name
		}
	}
}

func (b *Builder) fail(err error) {
	if b.err == nil {
		b.err = fmt.Errorf("nn: graph %q: %w", b.g.Name, err)
	}
}

func rename(names []string, from, to string) {
	for i, s := range names {
		if s == from {
			names[i] = to
		}
	}
}
