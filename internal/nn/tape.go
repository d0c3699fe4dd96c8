package nn

import (
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// Tape trains a graph: it runs it forward, keeping what the way back needs, and then backward to the gradients
// of the initialisers that train. It is for one goroutine at a time.
//
// A Tape has its own copy of the trained initialisers; those of the graph are left alone. Memory is kept from
// run to run, so that steps of one batch size allocate next to nothing.
type Tape struct {
	g       *Graph // the graph with the trained initialisers as inputs, so that nothing folds them away
	inputs  []Value
	pool    *Pool
	params  map[string]*tensor.Tensor
	grads   map[string]*tensor.Tensor // gradients of the values on the way from the parameters to the output
	steps   []*tapeStep
	vals    map[string]*tensor.Tensor
	store   map[string][]float32 // the memory of vals and grads, by name, for the largest batch so far
	batch   int                  // the batch that vals and steps are laid out for
	forward bool                 // vals hold the results of a run
}

// tapeStep is a node of the graph as the Tape runs it.
type tapeStep struct {
	def      *opDef
	call     call
	dOut     []*tensor.Tensor
	dIn      []*tensor.Tensor // nil elements where no gradient is wanted
	gradient bool             // the node is on the way from the parameters to the output
	fixed    bool             // its outputs do not depend on a run
	mask     []float32        // the multipliers of a dropout in this run; empty: none
}

// TapeOptions says what a Tape trains.
type TapeOptions struct {
	Params []string // the initialisers that train, all Float32
	Pool   *Pool    // nil: everything runs on the caller
}

// NewTape returns a Tape for g, whose inputs are Float32 and which has one output. An operator without a
// gradient on the way from a parameter to the output is an error that names the node.
func NewTape(g *Graph, o TapeOptions) (*Tape, error) {
	if err := Validate(g); err != nil {
		return nil, err
	}
	if len(g.Outputs) != 1 {
		return nil, fmt.Errorf("nn: graph %q has %d outputs, training needs exactly one", g.Name, len(g.Outputs))
	}
	for _, v := range g.Inputs {
		if v.DType != tensor.Float32 {
			return nil, fmt.Errorf("nn: graph %q: input %v: training needs float32", g.Name, v)
		}
	}
	t := &Tape{g: g.Clone(), inputs: g.Inputs, pool: o.Pool, params: map[string]*tensor.Tensor{}, store: map[string][]float32{}}
	for _, name := range o.Params {
		p := g.Init[name]
		if p == nil || p.DType != tensor.Float32 {
			return nil, fmt.Errorf("nn: graph %q: parameter %q is not a float32 initialiser", g.Name, name)
		}
		t.params[name] = tensor.FromFloats(slices.Clone(p.F), p.Shape...)
		if _, ok := t.g.Init[name]; ok {
			delete(t.g.Init, name)
			t.g.Inputs = append(t.g.Inputs, Value{Name: name, DType: tensor.Float32, Shape: p.Shape})
		}
	}
	infos, err := InferAt(t.g, 1)
	if err != nil {
		return nil, err
	}
	return t, t.findPath(infos)
}

// findPath drops the nodes that the output does not need and marks those that gradients go through.
func (t *Tape) findPath(infos map[string]Info) error {
	wanted := map[string]bool{t.g.Outputs[0].Name: true}
	t.g.Nodes = slices.DeleteFunc(reversed(t.g.Nodes), func(n *Node) bool {
		used := slices.ContainsFunc(n.Outputs, func(s string) bool { return wanted[s] })
		for _, name := range n.Inputs {
			wanted[name] = wanted[name] || used
		}
		return !used
	})
	slices.Reverse(t.g.Nodes)

	trained := map[string]bool{}
	for name := range t.params {
		trained[name] = true
	}
	for _, n := range t.g.Nodes {
		s := &tapeStep{def: ops[n.Op], call: call{node: n, pool: t.pool}}
		// Shapes of trained values and the like are constants: no gradient goes through them.
		smooth := func(out string) bool { return infos[out].DType == tensor.Float32 && infos[out].Const == nil }
		s.gradient = slices.ContainsFunc(n.Inputs, func(in string) bool { return trained[in] }) && slices.ContainsFunc(n.Outputs, smooth)
		if s.gradient && s.def.backward == nil {
			return fmt.Errorf("nn: %w", n.errorf("the operator has no gradient: what lies before it cannot be trained"))
		}
		for _, name := range n.Outputs {
			trained[name] = s.gradient && smooth(name)
		}
		t.steps = append(t.steps, s)
	}
	t.grads = map[string]*tensor.Tensor{}
	for name, on := range trained {
		if on {
			t.grads[name] = nil // made by layOut
		}
	}
	if out := t.g.Outputs[0].Name; !trained[out] {
		return fmt.Errorf("nn: graph %q: output %q depends on none of the parameters %v", t.g.Name, out, t.g.Inputs[len(t.inputs):])
	}
	return nil
}

func reversed(nodes []*Node) []*Node {
	nodes = slices.Clone(nodes)
	slices.Reverse(nodes)
	return nodes
}

// Param returns the values of a trained initialiser, which an optimiser changes in place; nil for another name.
func (t *Tape) Param(name string) []float32 {
	if p := t.params[name]; p != nil {
		return p.F
	}
	return nil
}

// Grad returns the gradient by a trained initialiser that the last Backward computed; nil before the first run.
func (t *Tape) Grad(name string) []float32 {
	if t.params[name] == nil || t.grads[name] == nil {
		return nil
	}
	return t.grads[name].F
}

// Forward runs the graph on a batch of n. in holds the data of each input, row-major, and must not change until
// Backward. mask fills dst with what the elements of a Dropout node's input are multiplied by; a nil mask
// leaves dropout out, as in prediction. The result is the graph's output, valid until the next run.
func (t *Tape) Forward(n int, in [][]float32, mask func(node *Node, dst []float32)) ([]float32, error) {
	t.forward = false
	if err := t.layOut(n); err != nil {
		return nil, err
	}
	if len(in) != len(t.inputs) {
		return nil, fmt.Errorf("nn: %d inputs, want %d", len(in), len(t.inputs))
	}
	for i, v := range t.inputs {
		x := t.vals[v.Name]
		if want := product(x.Shape); len(in[i]) != want {
			return nil, fmt.Errorf("nn: input %q: %d elements, want %d for shape %v", v.Name, len(in[i]), want, x.Shape)
		}
		x.F = in[i]
	}
	t.pool.Begin()
	defer t.pool.End()
	for _, s := range t.steps {
		if s.fixed {
			continue
		}
		if err := s.def.forward(&s.call); err != nil {
			return nil, fmt.Errorf("nn: %w", err)
		}
		s.drop(mask)
	}
	t.forward = true
	return t.vals[t.g.Outputs[0].Name].F, nil
}

// drop applies the mask to the output of a Dropout node.
func (s *tapeStep) drop(mask func(node *Node, dst []float32)) {
	s.mask = s.mask[:0]
	if mask == nil || s.call.node.Op != "Dropout" {
		return
	}
	y := s.call.out[0].F
	s.mask = slices.Grow(s.mask, len(y))[:len(y)]
	mask(s.call.node, s.mask)
	for i, m := range s.mask {
		y[i] *= m
	}
}

// Backward computes the gradients of Σ dOut·output at the point of the last Forward; see Grad.
func (t *Tape) Backward(dOut []float32) error {
	out := t.grads[t.g.Outputs[0].Name]
	if !t.forward {
		return fmt.Errorf("nn: backward without a forward run before it")
	}
	if len(dOut) != len(out.F) {
		return fmt.Errorf("nn: gradient of %d elements, want %d for output shape %v", len(dOut), len(out.F), out.Shape)
	}
	for _, g := range t.grads {
		clear(g.F)
	}
	copy(out.F, dOut)
	t.pool.Begin()
	defer t.pool.End()
	for i := len(t.steps) - 1; i >= 0; i-- {
		if err := t.steps[i].backward(); err != nil {
			return fmt.Errorf("nn: %w", err)
		}
	}
	return nil
}

func (s *tapeStep) backward() error {
	if !s.gradient || s.fixed {
		return nil
	}
	if len(s.mask) > 0 && s.dIn[0] != nil {
		dx, dy := s.dIn[0].F, s.dOut[0].F
		for i, m := range s.mask {
			dx[i] += m * dy[i]
		}
		return nil
	}
	return s.def.backward(&s.call, s.dOut, s.dIn)
}

// layOut infers the shapes for a batch of n and gives every value and gradient its memory.
func (t *Tape) layOut(n int) error {
	if n == t.batch {
		return nil
	}
	infos, err := InferAt(t.g, n)
	if err != nil {
		return err
	}
	t.batch = 0
	t.vals = make(map[string]*tensor.Tensor, len(infos))
	for name, info := range infos {
		t.vals[name] = info.Const
	}
	for name, p := range t.params {
		t.vals[name] = p
	}
	for _, v := range t.inputs {
		t.vals[v.Name] = &tensor.Tensor{DType: v.DType, Shape: infos[v.Name].Shape} // Forward sets the data
	}
	for _, s := range t.steps {
		for _, name := range s.call.node.Outputs {
			if name != "" && t.vals[name] == nil {
				t.vals[name] = t.newValue(name, infos[name])
			}
		}
	}
	for name := range t.grads {
		t.grads[name] = t.stored("gradient "+name, infos[name].Shape)
	}
	for _, s := range t.steps {
		s.connect(t.vals, t.grads, infos)
	}
	t.batch = n
	return nil
}

// connect points the step at the tensors of its node.
func (s *tapeStep) connect(vals, grads map[string]*tensor.Tensor, infos map[string]Info) {
	c := &s.call
	c.in, c.out, s.dIn, s.dOut = nil, nil, nil, nil
	s.fixed = true
	for _, name := range c.node.Inputs {
		c.in = append(c.in, vals[name])
		s.dIn = append(s.dIn, grads[name])
	}
	for _, name := range c.node.Outputs {
		c.out = append(c.out, vals[name])
		s.dOut = append(s.dOut, grads[name])
		s.fixed = s.fixed && (name == "" || infos[name].Const != nil)
	}
}

func (t *Tape) newValue(name string, v Info) *tensor.Tensor {
	if v.DType == tensor.Float32 {
		return t.stored("value "+name, v.Shape)
	}
	return tensor.New(v.DType, v.Shape...)
}

// stored returns a tensor over the memory kept under key, which grows to the largest need.
func (t *Tape) stored(key string, shape tensor.Shape) *tensor.Tensor {
	n := product(shape)
	if cap(t.store[key]) < n {
		t.store[key] = make([]float32, n)
	}
	return tensor.FromFloats(t.store[key][:n], shape...)
}
