package nn

import (
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// MemoryError is the error of a Tape that cannot run a batch in the memory that its options allow.
type MemoryError struct {
	Graph        string
	Batch        int
	Least, Limit int64 // bytes: the least that the batch takes, and what is allowed
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("nn: graph %q: training on batches of %d takes at least %d MB, the limit is %d MB: use smaller batches",
		e.Graph, e.Batch, e.Least/1e6, e.Limit/1e6)
}

// Memory returns the bytes that steps of a batch of n take: values and gradients, parameters, packed weights and the
// frozen values. It lays the program out and runs nothing.
func (t *Tape) Memory(n int) (int64, error) {
	p, err := t.program(n)
	if err != nil {
		return 0, err
	}
	return t.bytes(p, n), nil
}

// Recomputes reports whether steps of a batch of n compute some values a second time, to do with less memory. Memory has
// laid their program out.
func (t *Tape) Recomputes(n int) bool {
	p := t.programs[n]
	return p != nil && p.segments > 1
}

func (t *Tape) bytes(p *tapeProgram, n int) int64 {
	total := int64(p.arena) + int64(len(p.result))
	for _, v := range t.params {
		total += 2 * int64(len(v.F)) // and its gradient
	}
	for _, w := range t.packs {
		total += int64(len(w))
	}
	for _, packed := range t.packedLow {
		for _, p := range packed {
			if p != nil {
				total += int64(p.Len()+3) / 4
			}
		}
	}
	if t.prefix != nil {
		for i := range t.prefix.data {
			total += int64(n) * int64(product(t.prefix.plan.OutputShape(i)))
		}
	}
	return 4 * total
}

// fit lays a program out for a batch of n within the memory that the options allow: it first keeps all values for the
// way back, and then those between more and more segments, of which the others are computed a second time.
func (t *Tape) fit(n int) (*tapeProgram, error) {
	var least int64
	for _, segments := range []int{1, 2, 3, 4, 6, 8, 12, 16, 24, 32} {
		p, err := t.compile(n, segments)
		if err != nil {
			return nil, err
		}
		need := t.bytes(p, n)
		if t.o.Memory <= 0 || need <= t.o.Memory {
			p.segments = segments
			return p, nil
		}
		if least == 0 || need < least {
			least = need
		}
	}
	return nil, &MemoryError{Graph: t.g.Name, Batch: n, Least: least, Limit: t.o.Memory}
}

// segments cuts the nodes into at most k parts of about as many elements of values each, where a single value leads from
// one to the next. It returns where they start, and the end.
func (c *tapeCompiler) segments(k int) []int {
	last, sizes, total := lastUses(c.g), make([]int, len(c.g.Nodes)), 0
	kept := func(name string) bool {
		info := c.infos[name]
		return name != "" && info.Const == nil && info.DType == tensor.Float32
	}
	for i, n := range c.g.Nodes {
		for _, name := range n.Outputs {
			if kept(name) && !c.inner[n] {
				sizes[i] += product(c.infos[name].Shape)
			}
		}
		total += sizes[i]
	}
	cuts, live, size := []int{0}, 0, 0
	ends := make([]int, len(c.g.Nodes)+1) // of values, by the node that reads them last
	for i, n := range c.g.Nodes {
		for _, name := range n.Outputs {
			if kept(name) && last[name] > i {
				live++
				ends[last[name]]++
			}
		}
		live -= ends[i]
		size += sizes[i]
		if live <= 1 && !c.inner[n] && size*k >= total && i+1 < len(c.g.Nodes) {
			cuts, size = append(cuts, i+1), 0
		}
	}
	return append(cuts, len(c.g.Nodes))
}

// recompute forgets the values that the nodes before end make for one another, from start on, and emits what makes them
// again. What later nodes read is kept.
func (c *tapeCompiler) recompute(start, end int) {
	last := lastUses(c.g)
	kept := func(name string) bool { return name == "" || last[name] >= end }
	nodes := c.g.Nodes[start:end]
	for _, n := range nodes {
		for _, name := range n.Outputs {
			if !kept(name) {
				delete(c.rows, name)
				delete(c.pixels, name)
			}
		}
	}
	clear(c.halves.values) // they are made again of what is kept
	c.again = true
	for _, n := range nodes {
		if slices.ContainsFunc(n.Outputs, func(s string) bool { return !kept(s) }) {
			c.forwardNode(n)
		}
	}
	c.again = false
}
