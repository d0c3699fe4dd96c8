package nn

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/tensor"
)

// Tape trains a graph: it runs it forward, keeping what the way back needs, and then backward to the gradients
// of the initialisers that train. It is for one goroutine at a time.
//
// For each batch that comes up it lays out a program, as a Plan does: pictures are NHWC with a halo, and every value
// and gradient has its place in one arena, for as long as it is needed. What lies before the first trained initialiser
// is frozen and runs as a Plan, exactly as at prediction. An operator without a faster way runs by its definition.
//
// A Tape has its own copy of the trained initialisers; those of the graph are left alone. Memory is kept from
// run to run, so that steps of one batch size allocate next to nothing. Results are the same bit for bit for any number
// of threads.
type Tape struct {
	g      *Graph // the trained part: its inputs are those of the graph that it reads, the frozen values, the parameters
	o      TapeOptions
	inputs []Value // of the graph that was given
	plain  bool    // everything runs by definition

	params map[string]*tensor.Tensor
	grads  map[string]*tensor.Tensor
	path   map[*Node]bool  // nodes that gradients go through
	wants  map[string]bool // values and parameters that have a gradient
	prefix *tapePrefix     // nil if nothing is frozen

	norms     map[*Node]*tapeNorm
	packs     map[packKey][]float32
	packedLow map[packKey][]*kernel.PackedBF16
	scratch   sync.Pool // of *[]float32
	programs  map[int]*tapeProgram
	prog      *tapeProgram // of the last run; nil before it
	frame     frame
	forward   bool // the arena holds the results of a run

	mask func(node *Node, dst []float32) // of the run
	add  bool                            // gradients of parameters are added to those that there are
}

// TapeOptions says what a Tape trains, and how.
type TapeOptions struct {
	Params []string // the initialisers that train, all Float32
	Pool   *Pool    // nil: everything runs on the caller

	// BatchStats normalises the trained part by the statistics of the whole batch in place of those of the file, which
	// follow them with the given Momentum (0: 0.1) as PyTorch's do: the variance that is kept is the unbiased one.
	BatchStats bool
	Momentum   float64

	// Precision BF16 computes the products of the trained part's convolutions, forward and on the ways back, from numbers
	// rounded to bfloat16. Their sums, everything else, the parameters and their gradients are float32, and depthwise
	// convolutions and those of few channels are as with F32. Int8 is an error.
	Precision Precision

	// Memory bounds the bytes of a run, 0: not at all. Where all values do not fit, those between some segments of the
	// graph are kept, and the others computed a second time. What does not fit even so is an error of Forward.
	Memory int64

	byDefinition bool // nothing runs by a faster way: what tests compare with
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
	if o.Precision != F32 && o.Precision != BF16 {
		return nil, fmt.Errorf("nn: graph %q: training in %v, want f32 or bf16", g.Name, o.Precision)
	}
	for _, v := range g.Inputs {
		if v.DType != tensor.Float32 {
			return nil, fmt.Errorf("nn: graph %q: input %v: training needs float32", g.Name, v)
		}
	}
	t := &Tape{g: g.Clone(), o: o, inputs: g.Inputs, params: map[string]*tensor.Tensor{}, grads: map[string]*tensor.Tensor{},
		frame: frame{huge: true}, norms: map[*Node]*tapeNorm{}, packs: map[packKey][]float32{},
		packedLow: map[packKey][]*kernel.PackedBF16{}, programs: map[int]*tapeProgram{}}
	for _, name := range o.Params {
		p := g.Init[name]
		if p == nil || p.DType != tensor.Float32 {
			return nil, fmt.Errorf("nn: graph %q: parameter %q is not a float32 initialiser", g.Name, name)
		}
		if t.g.Init[name] == nil {
			continue // named twice
		}
		t.params[name] = tensor.FromFloats(slices.Clone(p.F), p.Shape...)
		delete(t.g.Init, name)
		t.g.Inputs = append(t.g.Inputs, Value{Name: name, DType: tensor.Float32, Shape: p.Shape})
	}
	if !o.byDefinition {
		if err := joinSpelledOut(t.g); err != nil {
			return nil, err
		}
	}
	infos, err := InferAt(t.g, 1)
	if err != nil {
		return nil, err
	}
	if err := t.findPath(infos); err != nil {
		return nil, err
	}
	t.plain = o.byDefinition
	if err := t.freeze(infos); err != nil {
		return nil, err
	}
	return t, t.findNorms()
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

	t.path, t.wants = map[*Node]bool{}, map[string]bool{}
	for name := range t.params {
		t.wants[name] = true
	}
	for _, n := range t.g.Nodes {
		// Shapes of trained values and the like are constants: no gradient goes through them.
		smooth := func(out string) bool { return infos[out].DType == tensor.Float32 && infos[out].Const == nil }
		if !slices.ContainsFunc(n.Inputs, func(in string) bool { return t.wants[in] }) || !slices.ContainsFunc(n.Outputs, smooth) {
			continue
		}
		if ops[n.Op].backward == nil {
			return fmt.Errorf("nn: %w", n.errorf("the operator has no gradient: what lies before it cannot be trained"))
		}
		t.path[n] = true
		for _, name := range n.Outputs {
			t.wants[name] = name != "" && smooth(name)
		}
	}
	if out := t.g.Outputs[0].Name; !t.wants[out] {
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

// Grad returns the gradient by a trained initialiser that the last Backward computed; zeros before it, and nil before
// the first run.
func (t *Tape) Grad(name string) []float32 {
	if g := t.grads[name]; g != nil {
		return g.F
	}
	return nil
}

// Forward runs the graph on a batch of n. in holds the data of each input, row-major, and must not change until
// Backward. mask fills dst with what the elements of a Dropout node's input are multiplied by; a nil mask
// leaves dropout out, as in prediction. The result is the graph's output, valid until the next run.
func (t *Tape) Forward(n int, in [][]float32, mask func(node *Node, dst []float32)) ([]float32, error) {
	t.forward = false
	prog, err := t.program(n)
	if err != nil {
		return nil, err
	}
	if len(in) != len(t.inputs) {
		return nil, fmt.Errorf("nn: %d inputs, want %d", len(in), len(t.inputs))
	}
	for i, v := range t.inputs {
		if want := product(prog.inputs[i]); len(in[i]) != want {
			return nil, fmt.Errorf("nn: input %q: %d elements, want %d for shape %v", v.Name, len(in[i]), want, prog.inputs[i])
		}
	}
	t.prog, t.mask = prog, mask
	t.frame.in = append(t.frame.in[:0], in...)
	if t.prefix != nil {
		frozen, err := t.prefix.run(in, n)
		if err != nil {
			return nil, err
		}
		t.frame.in = append(t.frame.in, frozen...)
	}
	t.frame.in = append(t.frame.in, nil) // for the gradient of the output
	t.o.Pool.Begin()
	defer t.o.Pool.End()
	if err := prog.runSteps(context.Background(), &t.frame, 0, prog.turn); err != nil {
		return nil, err
	}
	t.forward = true
	return prog.result, nil
}

// Backward computes the gradients of Σ dOut·output at the point of the last Forward; see Grad. It can be called once
// for each Forward: gradients take the place of values.
func (t *Tape) Backward(dOut []float32) error { return t.backward(dOut, false) }

// Accumulate is Backward, but adds to the gradients that the last Backward or Accumulate left: for a batch that is
// computed in parts. Before the first Backward it adds to zeros.
func (t *Tape) Accumulate(dOut []float32) error { return t.backward(dOut, true) }

func (t *Tape) backward(dOut []float32, add bool) error {
	if !t.forward {
		return fmt.Errorf("nn: backward without a forward run before it")
	}
	if len(dOut) != len(t.prog.result) {
		return fmt.Errorf("nn: gradient of %d elements, want %d for output shape %v", len(dOut), len(t.prog.result), t.prog.shape)
	}
	t.forward = false // the arena is used for gradients now
	t.add = add
	t.frame.in[len(t.frame.in)-1] = dOut
	t.o.Pool.Begin()
	defer t.o.Pool.End()
	return t.prog.runSteps(context.Background(), &t.frame, t.prog.turn, len(t.prog.steps))
}
