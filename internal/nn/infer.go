package nn

import (
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

const (
	// maxRank bounds the axes of a value. ONNX models of images have at most 6 or so.
	maxRank = 16
	// maxElems bounds one value: 4 GiB of float32. More is a mistake, or a file made to exhaust memory.
	maxElems = 1 << 30
	// maxFold bounds the elements that are computed ahead of a run, beside twice those of the initialisers, so
	// that a small file can not make large constants. What does not fit is computed in each run.
	maxFold = 16 << 20
)

// Two batches that are unlike the extents that networks have. Infer runs with both and sees what differs.
const batchA, batchB = 5, 7

// Infer returns the type and shape of every value of g, with tensor.Free where an extent follows the
// batch, and the values that do not depend on an input. g must be valid (see Validate).
//
// Shape arithmetic (Shape, Gather, Concat, Reshape …) is not done on symbols: the shapes are inferred for two
// different batches, in which all of it is plain constants, and what differs between the two is free. A
// graph that works for one batch only is an error here; use InferAt.
func Infer(g *Graph) (map[string]Info, error) {
	if err := Validate(g); err != nil {
		return nil, err
	}
	a, b := newInference(g, batchA), newInference(g, batchB)
	for _, n := range g.Nodes {
		ia, ib := a.inputs(n), b.inputs(n)
		if err := a.node(n, ia); err != nil {
			return nil, err
		}
		if sameInfos(ia, ib) {
			b.copyOutputs(n, a)
		} else if err := b.node(n, ib); err != nil {
			return nil, err
		}
	}
	out := make(map[string]Info, len(a.infos))
	for name, ia := range a.infos {
		v, err := freeBatch(ia, b.infos[name])
		if err != nil {
			return nil, fmt.Errorf("nn: value %q: %w", name, err)
		}
		out[name] = v
	}
	return out, checkFreeOutputs(g, out, a.infos)
}

// InferAt is Infer for a batch of n: each free extent of an input is n, and all shapes are fixed.
func InferAt(g *Graph, n int) (map[string]Info, error) {
	if err := Validate(g); err != nil {
		return nil, err
	}
	if n < 1 || n > maxElems {
		return nil, fmt.Errorf("nn: batch %d, want 1 to %d", n, maxElems)
	}
	f := newInference(g, n)
	for _, v := range g.Inputs {
		if err := checkSize(f.infos[v.Name].Shape); err != nil {
			return nil, fmt.Errorf("nn: input %q: %w", v.Name, err)
		}
	}
	for _, node := range g.Nodes {
		if err := f.node(node, f.inputs(node)); err != nil {
			return nil, err
		}
	}
	return f.infos, nil
}

// inference is the state of a walk over a graph for one batch.
type inference struct {
	batch int // 0 if no input follows it
	infos map[string]Info
	fold  int // elements that may still be folded
}

func newInference(g *Graph, batch int) *inference {
	f := &inference{infos: make(map[string]Info, len(g.Init)+len(g.Nodes)), fold: maxFold}
	for name, t := range g.Init {
		f.infos[name] = Info{DType: t.DType, Shape: t.Shape, Const: t}
		f.fold += 2 * t.Elems()
	}
	for _, v := range g.Inputs {
		f.infos[v.Name] = Info{DType: v.DType, Shape: atBatch(v.Shape, batch)}
		if slices.Contains(v.Shape, tensor.Free) {
			f.batch = batch
		}
	}
	return f
}

// atBatch returns s with its free extents set to n.
func atBatch(s tensor.Shape, n int) tensor.Shape {
	s = s.Clone()
	for i, d := range s {
		if d == tensor.Free {
			s[i] = n
		}
	}
	return s
}

func (f *inference) inputs(n *Node) []Info {
	in := make([]Info, len(n.Inputs))
	for i, name := range n.Inputs {
		if name != "" {
			in[i] = f.infos[name]
		}
	}
	return in
}

func (f *inference) node(n *Node, in []Info) error {
	out, err := outputInfos(n, in)
	if err != nil && f.batch > 0 {
		return fmt.Errorf("nn: in a batch of %d: %w", f.batch, err)
	}
	if err != nil {
		return fmt.Errorf("nn: %w", err)
	}
	f.foldConst(n, in, out)
	for i, name := range n.Outputs {
		if name != "" {
			f.infos[name] = out[i]
		}
	}
	return nil
}

func (f *inference) copyOutputs(n *Node, from *inference) {
	for _, name := range n.Outputs {
		if name != "" {
			f.infos[name] = from.infos[name]
		}
	}
}

// outputInfos applies the shape rule of n and checks what it says.
func outputInfos(n *Node, in []Info) ([]Info, error) {
	out, err := ops[n.Op].shape(n, in)
	if err != nil {
		return nil, err
	}
	if len(out) < len(n.Outputs) {
		return nil, n.errorf("%d outputs are asked for, there are %d", len(n.Outputs), len(out))
	}
	for i, o := range out {
		if err := checkSize(o.Shape); err != nil {
			return nil, n.errorf("output %d: %w", i, err)
		}
	}
	return out, nil
}

// checkSize refuses a shape with more axes, elements or, should it be empty, extents than are supported, so that
// products of some of its extents fit.
func checkSize(s tensor.Shape) error {
	if len(s) > maxRank {
		return fmt.Errorf("%d axes, at most %d are supported", len(s), maxRank)
	}
	elems, err := s.Elems()
	if err != nil {
		return err
	}
	if elems > maxElems || len(s) > 0 && slices.Max(s) > maxElems {
		return fmt.Errorf("shape %v is too large, at most %d elements are supported", s, maxElems)
	}
	return nil
}

// costly names the operators that are not folded: their time is not bounded by the size of what they make.
var costly = map[string]bool{"Conv": true, "Gemm": true, "MatMul": true, "MaxPool": true, "AveragePool": true, "LRN": true}

// foldConst computes the outputs of n where all its inputs are constant. A node that can not be computed
// (an index out of range, say) is left alone: if it is ever run, the run reports it.
func (f *inference) foldConst(n *Node, in, out []Info) {
	if len(out) == 0 || out[0].Const != nil || costly[n.Op] {
		return
	}
	vals := make([]*tensor.Tensor, len(in))
	for i, v := range in {
		if n.Inputs[i] != "" && v.Const == nil {
			return
		}
		vals[i] = v.Const
	}
	elems := 0
	for _, o := range out[:len(n.Outputs)] {
		k, _ := o.Shape.Elems() // checked by outputInfos
		elems += k
	}
	if elems > f.fold {
		return
	}
	c := &call{node: n, in: vals, out: newOutputs(n, out)}
	if elems > 0 && ops[n.Op].forward(c) != nil {
		return
	}
	f.fold -= elems
	for i, t := range c.out {
		out[i].Const = t
	}
}

// newOutputs allocates the outputs of n; an output without a name is nil.
func newOutputs(n *Node, infos []Info) []*tensor.Tensor {
	out := make([]*tensor.Tensor, len(n.Outputs))
	for i, name := range n.Outputs {
		if name != "" {
			out[i] = tensor.New(infos[i].DType, infos[i].Shape...)
		}
	}
	return out
}

func sameInfos(a, b []Info) bool {
	for i := range a {
		if a[i].Const != b[i].Const || !a[i].Shape.Equal(b[i].Shape) {
			return false
		}
	}
	return true
}

// freeBatch joins what is known of a value for two batches.
func freeBatch(a, b Info) (Info, error) {
	if len(a.Shape) != len(b.Shape) || a.DType != b.DType {
		return Info{}, fmt.Errorf("its rank or type depends on the batch: %v for %d pictures, %v for %d",
			a.Shape, batchA, b.Shape, batchB)
	}
	v := Info{DType: a.DType, Shape: a.Shape.Clone(), Const: a.Const}
	for i := range v.Shape {
		if a.Shape[i] != b.Shape[i] {
			v.Shape[i] = tensor.Free
		}
	}
	if a.Const != b.Const && !equalConst(a.Const, b.Const) {
		v.Const = nil
	}
	return v, nil
}

func equalConst(a, b *tensor.Tensor) bool {
	if a == nil || b == nil || !a.Shape.Equal(b.Shape) || a.DType.IsFloat() {
		return false // equal floats made twice are not worth a comparison
	}
	for i, x := range a.I {
		if b.I[i] != x {
			return false
		}
	}
	return true
}

// checkFreeOutputs refuses a graph whose outputs follow the batch in another way than by having one row for each
// picture. atA is what holds for batchA.
func checkFreeOutputs(g *Graph, infos, atA map[string]Info) error {
	for _, o := range g.Outputs {
		shape := infos[o.Name].Shape
		for i, d := range shape {
			if d != tensor.Free {
				continue
			}
			if i > 0 {
				return fmt.Errorf("nn: output %q: shape %v: axis %d follows the batch, only axis 0 may", o.Name, shape, i)
			}
			if rows := atA[o.Name].Shape[0]; rows != batchA {
				return fmt.Errorf("nn: output %q: shape %v: it has %d rows for %d pictures, want one for each", o.Name, shape, rows, batchA)
			}
		}
	}
	return nil
}
