package nn

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"unsafe"

	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/tensor"
)

// step is one piece of work of a program: tasks that may run at the same time, or a function that looks after
// its own parallelism.
type step struct {
	node   *Node // for errors; nil for what no node asked for
	reads  []*planValue
	writes []*planValue
	tasks  int
	task   func(f *frame, i int)
	whole  func(f *frame) error

	halo *planValue // its halo is set to zero by further tasks, one a picture
}

// frame is what the steps of a program work on in one run.
type frame struct {
	in, out [][]float32
	arena   []float32
	huge    bool // the arena is so large that large pages pay
	step    *step
	run     func(i int) // runs task i of step; made once, so that a run allocates nothing
	lap     func(i int) // told that step i is done; nil unless the steps are timed
}

// program is a plan laid out for one batch.
type program struct {
	pool  *Pool
	steps []*step
	arena int // elements
}

// run executes the steps in their order.
func (p *program) run(ctx context.Context, f *frame) error {
	if len(f.arena) < p.arena {
		f.arena = nil
		if f.huge { // an allocation does not wait for the collector: there would be two such arenas
			runtime.GC()
		}
		f.arena = make([]float32, p.arena)
		if f.huge {
			hugePages(f.arena)
		}
	}
	if f.run == nil {
		f.run = func(i int) { f.step.do(f, i) }
	}
	for i, s := range p.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.step(f, s); err != nil {
			return err
		}
		if f.lap != nil {
			f.lap(i)
		}
	}
	return nil
}

// step executes one step.
func (p *program) step(f *frame, s *step) error {
	f.step = s
	if s.whole != nil {
		if err := s.whole(f); err != nil {
			return fmt.Errorf("nn: %w", err)
		}
		return nil
	}
	n := s.tasks
	if s.halo != nil {
		n += s.halo.n
	}
	p.pool.Run(n, f.run)
	return nil
}

func (s *step) do(f *frame, i int) {
	if i < s.tasks {
		s.task(f, i)
		return
	}
	s.halo.clearHalo(f, i-s.tasks)
}

// taskWork is the number of multiply-adds, or moves of an element, that make a task: enough to be worth
// handing out, little enough that all workers finish together.
const taskWork = 1 << 18

// cut is a range cut into equal parts, the last one shorter.
type cut struct{ total, part, parts int }

// newCut cuts total units, each of the given work, into tasks.
func newCut(total, work int) cut {
	return cutInto(total, taskWork/max(work, 1))
}

// cutInto cuts total units into parts of about the given size.
func cutInto(total, part int) cut {
	part = max(1, min(part, total))
	return cut{total, part, (total + part - 1) / part}
}

// at returns the bounds of part i.
func (c cut) at(i int) (lo, hi int) { return i * c.part, min((i+1)*c.part, c.total) }

// planValue is a value in one of the two layouts that a program has for it: row-major as ONNX says, or, for a
// picture, NHWC with a halo.
type planValue struct {
	info  Info
	place place
	index int            // of the input or output
	data  []float32      // a constant
	size  int            // elements
	off   int            // in the arena
	alias *planValue     // whose memory this is, under another shape
	other *tensor.Tensor // the memory itself, of a type that is not float32

	first, last int // the steps between which it must be kept

	pixels     bool // NHWC: what follows is set
	n, c, h, w int
	halo       halo
	storage    storage
	quant      kernel.Quant // of bytes
}

// place says where a value lies.
type place int

const (
	inArena place = iota
	inInput
	inOutput
	inConst
)

// halo is the width of the zeros around a picture.
type halo struct{ top, left, bottom, right int }

func (h halo) widen(o halo) halo {
	return halo{max(h.top, o.top), max(h.left, o.left), max(h.bottom, o.bottom), max(h.right, o.right)}
}

// root returns the value that owns the memory.
func (v *planValue) root() *planValue {
	for v.alias != nil {
		v = v.alias
	}
	return v
}

// of returns the memory of v in this run.
func (f *frame) of(v *planValue) []float32 {
	r := v.root()
	switch r.place {
	case inInput:
		return f.in[r.index]
	case inOutput:
		return f.out[r.index]
	case inConst:
		return r.data
	}
	return f.arena[r.off : r.off+r.size]
}

// slots returns the elements of the arena that v takes.
func (v *planValue) slots() int { return (v.size + perFloat[v.storage] - 1) / perFloat[v.storage] }

// bytes returns the memory of v, which is in bytes; nil for no value.
func (f *frame) bytes(v *planValue) []uint8 { return lowMemory[uint8](f, v) }

// halves returns the memory of v, which is in bfloat16; nil for no value.
func (f *frame) halves(v *planValue) []uint16 { return lowMemory[uint16](f, v) }

// lowMemory returns the memory of a low value, which lies in the arena, as what it is.
func lowMemory[T uint8 | uint16](f *frame, v *planValue) []T {
	if v == nil {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&f.arena[v.off])), v.size)
}

// grid places the pixels of an NHWC value.
func (v *planValue) grid() kernel.Grid {
	row := (v.halo.left + v.w + v.halo.right) * v.c
	return kernel.Grid{
		Start: v.halo.top*row + v.halo.left*v.c,
		Image: (v.halo.top + v.h + v.halo.bottom) * row, Row: row, Pixel: v.c,
	}
}

// dense reports whether v, a picture, has no halo.
func (v *planValue) dense() bool { return v.halo == halo{} }

// flat reports whether the layouts of v, a picture, are one and the same.
func (v *planValue) flat() bool { return v.dense() && (v.c == 1 || v.h*v.w == 1) }

// clearHalo sets the halo of picture n to zero.
func (v *planValue) clearHalo(f *frame, n int) {
	switch v.storage {
	case inBytes:
		for a, b := range v.aroundPicture(n) {
			kernel.FillZero(f.bytes(v)[a:b], v.quant)
		}
	case inHalves:
		for a, b := range v.aroundPicture(n) {
			clear(f.halves(v)[a:b])
		}
	default:
		for a, b := range v.aroundPicture(n) {
			clear(f.of(v)[a:b])
		}
	}
}

// aroundPicture returns the ranges of elements that are the halo of picture n.
func (v *planValue) aroundPicture(n int) iter.Seq2[int, int] {
	return func(yield func(a, b int) bool) {
		g := v.grid()
		start, end := n*g.Image, n*g.Image+g.Start
		for y := range v.h {
			if !yield(start, end) {
				return
			}
			start = n*g.Image + g.Start + y*g.Row + v.w*v.c
			end = start + (v.halo.right+v.halo.left)*v.c // the end of a row and the start of the next
		}
		yield(start, (n+1)*g.Image)
	}
}
