package nn

import (
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// compiler lays out a program: it walks the fused graph and emits steps, converting a value between its two
// layouts where a step wants the other one.
type compiler struct {
	plan   *Plan
	g      *Graph
	infos  map[string]Info
	rows   map[string]*planValue // row-major
	pixels map[string]*planValue // NHWC
	low    map[string]*planValue // NHWC, in the plan's low precision
	halos  map[string]halo       // what the convolutions that read a value need
	bands  map[*Node]band        // by their last node
	slices map[*Node]slice       // by their last node
	skip   map[*Node]bool        // nodes that a band or slice computes along
	prog   *program
}

// lowerings are the operators that have a faster way than their definition. A lowering reports false where it
// does not apply; the operator's own forward is then the step.
var lowerings = map[string]func(c *compiler, n *Node) bool{
	"Conv": lowerConv, "Gemm": lowerLinear, "MatMul": lowerLinear,
	"MaxPool": lowerPool, "AveragePool": lowerPool,
	"GlobalAveragePool": lowerGlobalPool, "GlobalMaxPool": lowerGlobalPool, "ReduceMean": lowerGlobalPool,
	"Add": lowerBinary, "Sub": lowerBinary, "Mul": lowerBinary, "Div": lowerBinary, "Max": lowerBinary, "Min": lowerBinary,
	"LayerNormalization": lowerLayerNorm, opChannelNorm: lowerChannelNorm, "Softmax": lowerSoftmax,
	"BatchNormalization": lowerBatchNorm, "Concat": lowerConcat, "Transpose": lowerTranspose,
	"Reshape": lowerReshape, "Flatten": lowerReshape, "Squeeze": lowerReshape, "Unsqueeze": lowerReshape, "Identity": lowerReshape,
}

// compile lays out p's graph for a batch of n.
func compile(p *Plan, n int) (*program, error) {
	infos, err := InferAt(p.base, n)
	if err != nil {
		return nil, err
	}
	c := &compiler{plan: p, g: p.fused, infos: infos, rows: map[string]*planValue{}, pixels: map[string]*planValue{}, low: map[string]*planValue{},
		halos: map[string]halo{}, bands: map[*Node]band{}, slices: map[*Node]slice{}, skip: map[*Node]bool{}, prog: &program{pool: p.pool}}
	for i, v := range c.g.Inputs {
		c.newRows(v.Name)
		c.rows[v.Name].place, c.rows[v.Name].index = inInput, i
	}
	c.findHalos()
	c.findBands()
	for _, node := range c.g.Nodes {
		c.node(node)
	}
	if err := c.outputs(n); err != nil {
		return nil, err
	}
	return c.prog, c.allocate()
}

// node emits the steps of one node.
func (c *compiler) node(n *Node) {
	if b, ok := c.bands[n]; ok {
		c.lowerBand(b)
		return
	}
	if s, ok := c.slices[n]; ok {
		c.lowerSlice(n, s)
		return
	}
	if c.skip[n] {
		return
	}
	if !slices.ContainsFunc(n.Outputs, func(o string) bool { return o != "" && c.infos[o].Const == nil }) {
		return
	}
	lower := lowerings[n.Op]
	act, isAct := activation(c.g, n)
	switch float := c.infos[n.Outputs[0]].DType == tensor.Float32; {
	case float && lower != nil && lower(c, n):
	case float && isAct:
		c.unary(n, act)
	default:
		c.byDefinition(n)
	}
}

// emit appends a step. If it writes a picture, its halo is cleared along.
func (c *compiler) emit(s step) {
	for _, v := range s.writes {
		if v.pixels && !v.dense() {
			s.halo = v
		}
	}
	c.prog.steps = append(c.prog.steps, &s)
}

// newRows makes the row-major form of a value.
func (c *compiler) newRows(name string) *planValue {
	info := c.infos[name]
	v := &planValue{info: info, size: product(info.Shape), first: -1}
	c.rows[name] = v
	return v
}

// newPixels makes the NHWC form of a value, with the halo that its readers need.
func (c *compiler) newPixels(name string) *planValue {
	s := c.infos[name].Shape
	v := &planValue{info: c.infos[name], pixels: true, n: s[0], c: s[1], h: s[2], w: s[3], halo: c.halos[name], first: -1}
	v.size = v.n * v.grid().Image
	c.pixels[name] = v
	return v
}

// share makes v use the memory of owner.
func (v *planValue) share(owner *planValue) *planValue {
	v.alias = owner
	return v
}

// isPicture reports whether a value can be NHWC: four axes and no empty one.
func (c *compiler) isPicture(name string) bool {
	info := c.infos[name]
	return info.DType == tensor.Float32 && len(info.Shape) == 4 && product(info.Shape) > 0
}

// inPixels reports whether a value was computed as NHWC.
func (c *compiler) inPixels(name string) bool { return c.pixels[name] != nil || c.low[name] != nil }

// rowsOf returns the row-major form of a value, converting it if need be.
func (c *compiler) rowsOf(name string) *planValue {
	if v := c.rows[name]; v != nil {
		return v
	}
	if k := c.infos[name].Const; k != nil {
		v := c.newRows(name)
		v.place = inConst
		if k.DType == tensor.Float32 {
			v.data = k.F
		}
		return v
	}
	px := c.pixelsOf(name)
	v := c.newRows(name)
	if px.flat() {
		return v.share(px)
	}
	c.toRows(v, px)
	return v
}

// pixelsOf returns the NHWC form of a value, converting it if need be.
func (c *compiler) pixelsOf(name string) *planValue {
	if v := c.pixels[name]; v != nil {
		return v
	}
	if k := c.infos[name].Const; k != nil {
		c.pixels[name] = constPixels(k.F, k.Shape, c.halos[name])
		return c.pixels[name]
	}
	if low := c.low[name]; low != nil {
		return c.raise(name, low)
	}
	rows := c.rowsOf(name)
	v := c.newPixels(name)
	if v.flat() {
		return v.share(rows)
	}
	c.toPixels(v, rows, nil, nil)
	return v
}

// outputs sees that every output of the graph ends up where the caller wants it.
func (c *compiler) outputs(batch int) error {
	for i, o := range c.g.Outputs {
		v := c.rowsOf(o.Name)
		if want := batch * product(c.plan.outputs[i]); v.size != want {
			return fmt.Errorf("nn: output %q: shape %v for %d pictures: it does not follow the batch", o.Name, v.info.Shape, batch)
		}
		if r := v.root(); r.place == inArena && r.size == v.size {
			r.place, r.index = inOutput, i
			continue
		}
		dst := &planValue{info: v.info, size: v.size, place: inOutput, index: i}
		c.emit(step{reads: []*planValue{v}, tasks: 1, task: func(f *frame, _ int) { copy(f.of(dst), f.of(v)) }})
	}
	return nil
}
