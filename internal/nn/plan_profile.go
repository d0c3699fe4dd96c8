package nn

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/tensor"
)

// StepTime is one step of a plan, and how long it took.
type StepTime struct {
	// Op is the operator and what is fused into it, as "Conv+Add+Relu". Several that one step computes are joined by
	// " > ", and so are their geometries. "ToNHWC", "ToNCHW" and "Copy" are a plan's own.
	Op       string
	Node     string // name of the node, of several the last; "" of a plan's own steps
	Geometry string // for people, without the batch: "3x3/2 64->128, 28x28" has a stride of 2 and an output of 28×28

	// MACs are the multiply-adds that the definition of Conv, Gemm and MatMul takes, whatever the algorithm; 0 of
	// other operators. Bytes are those of inputs, constants and output, each counted once.
	MACs, Bytes int64

	Time time.Duration
}

// Profile is Run, told step by step. n is at most the plan's MaxBatch or a multiple of it, and a power of two where
// it is less, so that the pictures are all computed by the same steps; their times are added up.
func (p *Plan) Profile(ctx context.Context, dst, src [][]float32, n int) ([]StepTime, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.nextBatch(max(n, 1))
	if n < 1 || n%b != 0 {
		return nil, fmt.Errorf("nn: profile of %d pictures: want a multiple of %d, which are computed together", n, b)
	}
	prog, err := p.program(b)
	if err != nil {
		return nil, err
	}
	infos, err := InferAt(p.base, b)
	if err != nil {
		return nil, err
	}
	steps := newDescriber(p.fused, infos, prog.steps).all(int64(n / b))
	last := time.Now()
	p.frame.lap = func(i int) {
		now := time.Now()
		steps[i].Time += now.Sub(last)
		last = now
	}
	defer func() { p.frame.lap = nil }()
	return steps, p.run(ctx, dst, src, n)
}

// describer says in the words of the graph what steps are.
type describer struct {
	g     *Graph
	infos map[string]Info // for the batch of the program
	steps []*step

	// along are the nodes that have no step of their own because that of another, a reader of theirs, computes them.
	along map[*Node][]*Node
}

func newDescriber(g *Graph, infos map[string]Info, steps []*step) *describer {
	d := &describer{g, infos, steps, map[*Node][]*Node{}}
	own, reader := map[*Node]bool{}, map[string]*Node{}
	for _, s := range steps {
		own[s.node] = true
	}
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			reader[in] = n
		}
	}
	for _, n := range g.Nodes {
		if own[n] || infos[n.Outputs[0]].Const != nil || d.taps(n) == 0 {
			continue
		}
		by := reader[n.Outputs[0]]
		for by != nil && !own[by] {
			by = reader[by.Outputs[0]]
		}
		d.along[by] = append(d.along[by], n)
	}
	return d
}

// shape returns that of a value; a constant may be one that fusing has made.
func (d *describer) shape(name string) tensor.Shape {
	if k := d.g.constant(name); k != nil {
		return k.Shape
	}
	return d.infos[name].Shape
}

// all describes the steps where each is run so many times.
func (d *describer) all(times int64) []StepTime {
	list := make([]StepTime, len(d.steps))
	for i, s := range d.steps {
		list[i] = d.step(s)
		list[i].MACs *= times
		list[i].Bytes *= times
	}
	return list
}

func (d *describer) step(s *step) StepTime {
	n, out := s.node, s.writes[0]
	if n == nil {
		moved := int64(4 * (out.slots() + s.reads[0].slots()))
		return StepTime{Op: ownStep(out, s.reads[0]), Geometry: extentText(perPicture(out.shape())), Bytes: moved}
	}
	t := StepTime{Node: n.Name}
	var ops, geometries, inside []string
	moved := []string{n.Outputs[0]}
	for _, m := range slices.Concat(d.along[n], []*Node{n}) {
		ops, geometries = append(ops, fusedName(m)), append(geometries, d.geometry(m))
		t.MACs += int64(product(d.shape(m.Outputs[0]))) * int64(d.taps(m))
		for _, in := range m.Inputs {
			if in != "" && !slices.Contains(inside, in) {
				moved = append(moved, in)
			}
		}
		inside = append(inside, m.Outputs[0])
	}
	for i, name := range moved {
		stored := out.storage
		if i > 0 && len(s.reads) > 0 { // what is read in low precision, weights too, is so as the input is
			stored = s.reads[0].storage
		}
		t.Bytes += 4 * int64(product(d.shape(name))) / int64(perFloat[stored])
	}
	t.Op, t.Geometry = strings.Join(ops, " > "), strings.Join(geometries, " > ")
	return t
}

// ownStep names a step that no node asked for: a change of layout, or a copy to an output.
func ownStep(out, in *planValue) string {
	switch {
	case out.storage == inBytes:
		return "Quantise"
	case in.storage == inBytes:
		return "Dequantise"
	case out.storage == inHalves:
		return "ToBF16"
	case in.storage == inHalves:
		return "FromBF16"
	case out.pixels:
		return "ToNHWC"
	case in.pixels:
		return "ToNCHW"
	}
	return "Copy"
}

// shape returns what v is to the graph.
func (v *planValue) shape() tensor.Shape {
	if v.pixels {
		return tensor.Shape{v.n, v.c, v.h, v.w}
	}
	return v.info.Shape
}

// taps returns the length of the sum behind an element of the output of n, 0 where it is not one of products.
func (d *describer) taps(n *Node) int {
	switch x := d.shape(n.Inputs[0]); {
	case n.Op == "Conv":
		return product(d.shape(n.Inputs[1])[1:])
	case n.Op == "MatMul":
		return x[len(x)-1]
	case n.Op == "Gemm":
		return x[1-n.Attrs.Int("transA", 0)]
	}
	return 0
}

// geometry describes the extents of n.
func (d *describer) geometry(n *Node) string {
	out := d.shape(n.Outputs[0])
	if len(out) < 2 {
		return extentText(perPicture(out))
	}
	switch n.Op {
	case "Gemm", "MatMul":
		text := fmt.Sprintf("%d->%d", d.taps(n), out[len(out)-1])
		if rows := out[1 : len(out)-1]; len(rows) > 0 {
			text += ", " + extentText(rows)
		}
		return text
	case "Conv":
		w, groups := d.shape(n.Inputs[1]), n.Attrs.Int("group", 1)
		channels := fmt.Sprintf("%d->%d", groups*w[1], w[0])
		switch {
		case groups > 1 && w[1] == 1 && w[0] == groups:
			channels = fmt.Sprintf("depthwise %d", groups)
		case groups > 1:
			channels += fmt.Sprintf(" in %d groups", groups)
		}
		return fmt.Sprintf("%s%s %s, %s", extentText(w[2:]), stride(n), channels, extentText(out[2:]))
	case "MaxPool", "AveragePool":
		return fmt.Sprintf("%s%s %d, %s", extentText(n.Attrs.Ints("kernel_shape")), stride(n), out[1], extentText(out[2:]))
	}
	return extentText(perPicture(out))
}

// perPicture is s without its first axis.
func perPicture(s tensor.Shape) tensor.Shape { return s[min(1, len(s)):] }

// extentText writes 56x56, and 1 for a single number.
func extentText(s []int) string {
	if len(s) == 0 {
		return "1"
	}
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(s), "[]"), " ", "x")
}

// stride writes the stride of a window if it has one.
func stride(n *Node) string {
	switch s := n.Attrs.Ints("strides"); {
	case len(s) == 0 || product(s) == 1:
		return ""
	case len(s) == 2 && s[0] == s[1]:
		return fmt.Sprintf("/%d", s[0])
	default:
		return "/" + extentText(s)
	}
}

// fusedName joins the operator of n with those of its epilogue.
func fusedName(n *Node) string {
	name := strings.TrimPrefix(n.Op, "graft.")
	act, residual := epilogue(n)
	if residual != "" {
		name += "+Add"
	}
	if act.Func != kernel.Identity {
		name += "+" + actName(act.Func)
	}
	return name
}

// actName is the operator whose function f is.
func actName(f kernel.Func) string {
	switch f {
	case kernel.Relu:
		return "Relu"
	case kernel.Clip:
		return "Clip"
	case kernel.LeakyRelu:
		return "LeakyRelu"
	case kernel.HardSigmoid:
		return "HardSigmoid"
	case kernel.GeluTanh:
		return "Gelu"
	}
	for op, g := range plainActivations {
		if g == f {
			return strings.TrimPrefix(op, "graft.")
		}
	}
	return "Act"
}
