package nn

import (
	"slices"

	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/tensor"
)

// A gradient is summed up in the order of the steps backward. Each contribution is a value of its own, computed as what
// the step finds plus the sum so far, and lies in the memory of that sum if nobody else needs it.

// grad returns the gradient of a value as it is, which the caller may overwrite if own; nil if it has none.
func (c *tapeCompiler) grad(name string) (v *planValue, own bool) {
	v = c.grads[name]
	return v, v != nil && c.sharers[v.root()] == 1
}

// drop forgets the gradient of a value that is handed on.
func (c *tapeCompiler) drop(name string) {
	if v := c.grads[name]; v != nil {
		c.sharers[v.root()]--
		delete(c.grads, name)
	}
}

// setGrad makes v the gradient of a value.
func (c *tapeCompiler) setGrad(name string, v *planValue) {
	c.drop(name)
	c.grads[name] = v
	c.sharers[v.root()]++
}

// gradPixels returns the gradient of a value as NHWC with the halo that its producer needs.
func (c *tapeCompiler) gradPixels(name string) (v *planValue, own bool) {
	v, own = c.grad(name)
	if v == nil || v.pixels && v.halo.covers(c.gradHalos[name]) {
		return v, own
	}
	px := c.pixelValue(name, c.gradHalos[name])
	switch {
	case v.pixels:
		c.copyPixels(nil, px, v, px.grid(), v.grid(), px)
	case px.flat():
		px.share(v)
		c.grads[name] = px
		return px, own
	default:
		c.toPixels(px, v, nil, nil)
	}
	c.setGrad(name, px)
	return px, true
}

// gradRows returns the gradient of a value row-major.
func (c *tapeCompiler) gradRows(name string) (v *planValue, own bool) {
	v, own = c.grad(name)
	if v == nil || !v.pixels {
		return v, own
	}
	rows := c.rowValue(name)
	if v.flat() {
		rows.share(v)
		c.grads[name] = rows
		return rows, own
	}
	c.toRows(rows, v)
	c.setGrad(name, rows)
	return rows, true
}

// contribute returns where a step writes what it adds to the gradient of a value, and the sum so far that it adds it
// to, nil if there is none. Both have the layout that is asked for and the same halo; they may be the same memory.
func (c *tapeCompiler) contribute(name string, pixels bool) (dst, sum *planValue) {
	var own bool
	if pixels {
		sum, own = c.gradPixels(name)
		dst = c.pixelValue(name, c.gradHalos[name])
	} else {
		sum, own = c.gradRows(name)
		dst = c.rowValue(name)
	}
	if sum != nil && pixels && own {
		dst = c.pixelValue(name, sum.halo)
	}
	if own {
		dst.share(sum)
	}
	c.setGrad(name, dst)
	return dst, sum
}

// pass makes v, a gradient that is there, a contribution to that of another value. It is not copied.
func (c *tapeCompiler) pass(name string, v *planValue) {
	if c.grads[name] == nil {
		c.setGrad(name, v)
		return
	}
	dst, sum := c.contribute(name, v.pixels)
	c.addStep(dst, sum, v)
}

// addStep emits dst = a + b of one layout.
func (c *tapeCompiler) addStep(dst, a, b *planValue) {
	if dst.pixels {
		c.byRow(nil, dst, []*planValue{a, b}, 4, func(f *frame, pic, y int) {
			kernel.Binary(kernel.Add, f.row(dst, pic, y), f.row(a, pic, y), f.row(b, pic, y))
		})
		return
	}
	parts := newCut(dst.size, 4)
	c.emit(step{reads: []*planValue{a, b}, writes: []*planValue{dst}, tasks: parts.parts, task: func(f *frame, i int) {
		lo, hi := parts.at(i)
		kernel.Binary(kernel.Add, f.of(dst)[lo:hi], f.of(a)[lo:hi], f.of(b)[lo:hi])
	}})
}

// pixelValue returns a new value of the shape of name, NHWC.
func (c *tapeCompiler) pixelValue(name string, h halo) *planValue {
	s := c.infos[name].Shape
	v := &planValue{info: c.infos[name], pixels: true, n: s[0], c: s[1], h: s[2], w: s[3], halo: h, first: -1}
	v.size = v.n * v.grid().Image
	return v
}

// rowValue returns a new value of the shape of name, row-major.
func (c *tapeCompiler) rowValue(name string) *planValue {
	return &planValue{info: c.infos[name], size: product(c.infos[name].Shape), first: -1}
}

// covers reports whether h is at least as wide as o.
func (h halo) covers(o halo) bool { return h.widen(o) == h }

// addsTo reports whether the step that is emitted now adds to the gradient of a parameter what others of the same run
// have left there. Gradients of an earlier run stay where t.add says so.
func (c *tapeCompiler) addsTo(param string) bool {
	added := c.added[param]
	c.added[param] = true
	return added
}

// storeGrads emits what brings gradients of parameters that are values in the arena to where Grad finds them.
func (c *tapeCompiler) storeGrads() {
	for _, in := range c.g.Inputs {
		dst := c.t.grads[in.Name]
		if dst == nil || c.grads[in.Name] == nil {
			continue
		}
		v, _ := c.gradRows(in.Name)
		added := c.addsTo(in.Name)
		c.emit(step{reads: []*planValue{v}, tasks: 1, task: func(f *frame, _ int) {
			if added || c.t.add {
				kernel.Binary(kernel.Add, dst.F, dst.F, f.of(v))
			} else {
				copy(dst.F, f.of(v))
			}
		}})
	}
}

// backwardByDefinition emits the operator's own backward, on rows.
func (c *tapeCompiler) backwardByDefinition(n *Node) {
	c.backwardTo(n, func(int) bool { return true })
}

// backwardTo is backwardByDefinition for some of the inputs. It drops no gradient.
func (c *tapeCompiler) backwardTo(n *Node, some func(i int) bool) {
	s := &definedStep{call: call{node: n, pool: c.plan.pool}, def: c.t.definition(n)}
	for _, name := range n.Inputs {
		s.in = append(s.in, c.definedValue(name, s))
		s.call.in = append(s.call.in, c.definedHeader(name))
	}
	for _, name := range n.Outputs {
		s.out = append(s.out, c.definedValue(name, s))
		s.call.out = append(s.call.out, c.definedHeader(name))
		var dy *planValue
		if c.grads[name] != nil {
			dy, _ = c.gradRows(name)
			s.reads = append(s.reads, dy)
		}
		s.dOut, s.dOutT = append(s.dOut, dy), append(s.dOutT, floatHeader(dy))
	}
	c.definedGradients(n, s, some)
	c.emit(step{node: n, reads: s.reads, writes: s.writes, whole: func(f *frame) error { return s.run(f, c.t.add) }})
}

// definedGradients says where the gradients by the inputs of n go.
func (c *tapeCompiler) definedGradients(n *Node, s *definedStep, some func(i int) bool) {
	for i, name := range n.Inputs {
		k := slices.Index(n.Inputs[:i], name)
		switch {
		case !c.want(n, i) || !some(i):
			s.dIn, s.dInT = append(s.dIn, nil), append(s.dInT, nil)
		case k >= 0:
			s.dIn, s.dInT = append(s.dIn, s.dIn[k]), append(s.dInT, s.dInT[k])
		case c.t.grads[name] != nil:
			s.dIn, s.dInT = append(s.dIn, nil), append(s.dInT, c.t.grads[name])
			if !c.addsTo(name) {
				s.fresh = append(s.fresh, c.t.grads[name].F)
			}
		default:
			dst, sum := c.contribute(name, false)
			s.dIn, s.dInT = append(s.dIn, dst), append(s.dInT, floatHeader(dst))
			s.sums = append(s.sums, [2]*planValue{dst, sum})
			s.writes = append(s.writes, dst)
			if sum != nil {
				s.reads = append(s.reads, sum)
			}
		}
	}
}

// definedStep is a backward by definition.
type definedStep struct {
	call               call
	def                *opDef
	in, out, dOut, dIn []*planValue // what lies in the memory of a run
	dOutT, dInT        []*tensor.Tensor
	sums               [][2]*planValue // a gradient, and what it starts as; nil: zeros
	fresh              [][]float32     // gradients of parameters that nothing was added to before in a run
	reads, writes      []*planValue
}

func (s *definedStep) run(f *frame, add bool) error {
	point(f, s.call.in, s.in)
	point(f, s.call.out, s.out)
	point(f, s.dOutT, s.dOut)
	point(f, s.dInT, s.dIn)
	for _, g := range s.fresh {
		if !add {
			clear(g)
		}
	}
	for _, v := range s.sums {
		switch {
		case v[1] == nil:
			clear(f.of(v[0]))
		case v[1].root() != v[0].root():
			copy(f.of(v[0]), f.of(v[1]))
		}
	}
	return s.def.backward(&s.call, s.dOutT, s.dInT)
}

// definedValue returns the row-major form of a value that is not a constant, and has the step read it.
func (c *tapeCompiler) definedValue(name string, s *definedStep) *planValue {
	if name == "" || c.infos[name].Const != nil {
		return nil
	}
	v := c.rowsOf(name)
	s.reads = append(s.reads, v)
	return v
}

func (c *tapeCompiler) definedHeader(name string) *tensor.Tensor {
	if name == "" {
		return nil
	}
	if k := c.infos[name].Const; k != nil {
		return k
	}
	return c.header(c.rowsOf(name))
}

// floatHeader returns a tensor to be pointed at v in each run, nil for none.
func floatHeader(v *planValue) *tensor.Tensor {
	if v == nil {
		return nil
	}
	return &tensor.Tensor{DType: tensor.Float32, Shape: v.info.Shape}
}
