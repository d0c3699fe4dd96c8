package nn

import (
	"context"
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// tapeProgram is a tape laid out for one batch: the steps forward, up to turn, and those backward.
type tapeProgram struct {
	program
	turn     int
	segments int // of which all values are kept while one runs backward
	inputs   []tensor.Shape
	shape    tensor.Shape // of the output
	result   []float32    // the output
}

// runSteps executes the steps [lo, hi).
func (p *tapeProgram) runSteps(ctx context.Context, f *frame, lo, hi int) error {
	part := program{pool: p.pool, steps: p.steps[lo:hi], arena: p.arena}
	return part.run(ctx, f)
}

// tapeCompiler lays out a tapeProgram. The forward steps are those of a Plan where they read no parameter; each step
// backward hands out gradients, which are values of the same two layouts.
type tapeCompiler struct {
	*compiler
	t *Tape

	grads     map[string]*planValue // the gradient of a value as far as it is summed up
	sharers   map[*planValue]int    // of the memory of a gradient: for how many values it stands
	gradHalos map[string]halo       // what the producer of a value needs around its gradient
	added     map[string]bool       // parameters that have a gradient from this run already
	masks     map[*Node]*[]float32  // of dropouts
	convs     map[*Node]*tapeConv
	groups    map[*Node]*normGroup // by their last nodes
	inner     map[*Node]bool       // nodes of groups that are not the last
	packed    map[packKey]bool     // weights that are packed in this program
	prepare   []preparation        // work ahead of the steps, on parameters alone, each of which may run beside the others
	again     bool                 // values are computed a second time
	segmented bool                 // parts of the graph are

	normOf, clipOf map[string]*normGroup     // the group that reads a value first, and that makes one for a single reader
	moments        map[*normGroup]*planValue // sums that another step computes
	clipped        map[*normGroup]*follower
	leaders        map[*Node]*leader
	deferred       map[string]*normGroup // by what they make, which no step computes
	halves         halves
}

// preparation is a piece of work ahead of the steps.
type preparation struct {
	size int // elements
	run  func()
}

// tapeOp is the faster way of an operator on a tape. Each reports false where it does not apply; the definition is then
// what runs. A node runs backward by its faster way only if it did so forward.
type tapeOp struct {
	forward  func(c *tapeCompiler, n *Node) bool // nil: that of a Plan
	backward func(c *tapeCompiler, n *Node) bool // nil: none
	halo     func(c *tapeCompiler, n *Node)      // sets gradHalos of the outputs; nil: they need none
}

// program returns the program for a batch of n, made on first use.
func (t *Tape) program(n int) (*tapeProgram, error) {
	if p := t.programs[n]; p != nil {
		return p, nil
	}
	for name, p := range t.params {
		if t.grads[name] == nil {
			t.grads[name] = tensor.New(tensor.Float32, p.Shape...)
		}
	}
	p, err := t.fit(n)
	if err == nil {
		t.programs[n] = p
	}
	return p, err
}

// compile lays out a program that keeps the values between so many segments of the graph, all of them if it is one.
func (t *Tape) compile(n, segments int) (*tapeProgram, error) {
	infos, err := InferAt(t.g, n)
	if err != nil {
		return nil, err
	}
	p := &tapeProgram{program: program{pool: t.o.Pool}}
	c := &tapeCompiler{t: t, grads: map[string]*planValue{}, sharers: map[*planValue]int{}, gradHalos: map[string]halo{},
		added: map[string]bool{}, masks: map[*Node]*[]float32{}, convs: map[*Node]*tapeConv{}, packed: map[packKey]bool{},
		groups: map[*Node]*normGroup{}, inner: map[*Node]bool{}, normOf: map[string]*normGroup{}, clipOf: map[string]*normGroup{},
		moments: map[*normGroup]*planValue{}, clipped: map[*normGroup]*follower{}, leaders: map[*Node]*leader{}, deferred: map[string]*normGroup{}, segmented: segments > 1, halves: newHalves()}
	c.compiler = &compiler{plan: &Plan{pool: t.o.Pool, packed: map[*Node][]float32{}}, g: t.g, infos: infos,
		rows: map[string]*planValue{}, pixels: map[string]*planValue{}, halos: map[string]halo{}, prog: &p.program}
	for i, v := range t.g.Inputs {
		rows := c.newRows(v.Name)
		rows.place, rows.index = inInput, i
		if param := t.params[v.Name]; param != nil {
			rows.place, rows.data = inConst, param.F
		}
	}
	for _, v := range t.inputs {
		p.inputs = append(p.inputs, infos[v.Name].Shape)
	}
	if !t.plain {
		c.findTapeHalos()
		c.findGroups()
	}
	for _, node := range t.g.Nodes {
		c.forwardNode(node)
	}
	out := t.g.Outputs[0].Name
	c.result(p, out)
	p.turn = len(p.steps)
	c.seed(out)
	c.wayBack(segments)
	c.storeGrads()
	c.begin(p)
	return p, c.allocate()
}

// wayBack emits the steps backward, and those that compute values of a segment again ahead of them.
func (c *tapeCompiler) wayBack(segments int) {
	starts := c.segments(segments)
	for s := len(starts) - 2; s >= 0; s-- {
		if s < len(starts)-2 {
			c.recompute(starts[s], starts[s+1])
		}
		for i := starts[s+1] - 1; i >= starts[s]; i-- {
			c.backwardNode(c.g.Nodes[i])
		}
	}
}

// result emits the copy of the output to memory of its own.
func (c *tapeCompiler) result(p *tapeProgram, name string) {
	v := c.rowsOf(name)
	p.result, p.shape = make([]float32, v.size), c.infos[name].Shape
	c.emit(step{reads: []*planValue{v}, tasks: 1, task: func(f *frame, _ int) { copy(p.result, f.of(v)) }})
}

// seed makes the caller's gradient that of the output.
func (c *tapeCompiler) seed(name string) {
	v := &planValue{info: c.infos[name], size: product(c.infos[name].Shape), place: inInput, index: len(c.g.Inputs) - len(c.t.params), first: -1}
	c.grads[name] = v
	c.sharers[v] = 2 // it is the caller's: nothing is added to it in place
}

// begin puts what is to be prepared in front of the steps.
func (c *tapeCompiler) begin(p *tapeProgram) {
	if len(c.prepare) == 0 {
		return
	}
	slices.SortStableFunc(c.prepare, func(a, b preparation) int { return b.size - a.size }) // the largest first: all threads end together
	first := &step{tasks: len(c.prepare), task: func(_ *frame, i int) { c.prepare[i].run() }}
	p.steps = slices.Insert(p.steps, 0, first)
	p.turn++
}

// forwardNode emits the steps of one node.
func (c *tapeCompiler) forwardNode(n *Node) {
	op := tapeOps[n.Op]
	switch {
	case c.allConst(n) || c.inner[n]:
	case n.Op == "Dropout":
		c.dropout(n)
	case c.t.plain:
		c.defined(n, c.definition(n))
	case c.groups[n] != nil:
		c.normForward(c.groups[n])
	case op.forward != nil && op.forward(c, n):
	case c.t.norms[n] != nil && c.t.norms[n].batch:
		c.defined(n, c.definition(n))
	default:
		c.node(n)
	}
}

// backwardNode emits the steps that hand the gradients of n's outputs to its inputs.
func (c *tapeCompiler) backwardNode(n *Node) {
	has := func(name string) bool { return c.grads[name] != nil }
	if !c.t.path[n] || c.inner[n] || c.allConst(n) || !slices.ContainsFunc(n.Outputs, has) {
		return
	}
	op := tapeOps[n.Op]
	switch {
	case n.Op == "Dropout":
		c.dropoutBackward(n)
	case c.groups[n] != nil:
		c.normBackward(c.groups[n])
	case c.t.plain || op.backward == nil || !op.backward(c, n):
		c.backwardByDefinition(n)
	}
	for _, name := range n.Outputs {
		c.drop(name)
	}
}

// definition returns that of n, which changes no statistics where it is computed again.
func (c *tapeCompiler) definition(n *Node) *opDef {
	if b := c.t.norms[n]; b != nil && b.batch && c.again {
		return &opDef{forward: func(call *call) error { return b.run(call, false) }}
	}
	return c.t.definition(n)
}

// allConst reports whether all that n makes is known before a run.
func (c *tapeCompiler) allConst(n *Node) bool {
	return !slices.ContainsFunc(n.Outputs, func(o string) bool { return o != "" && c.infos[o].Const == nil })
}

// want reports whether input i of n has a gradient.
func (c *tapeCompiler) want(n *Node, i int) bool {
	name := n.inputName(i)
	return name != "" && c.t.wants[name]
}
