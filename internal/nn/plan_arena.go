package nn

import (
	"fmt"
	"slices"
)

const (
	// align is a cache line, in elements.
	align = 16
	// maxArena bounds the memory of a program: 16 GiB. More is a mistake.
	maxArena = 1 << 32
)

// gap is a free range of the arena.
type gap struct{ off, size int }

// allocate gives every value a place in the arena such that values needed at the same time do not overlap.
func (c *compiler) allocate() error {
	born, dies := make([][]*planValue, len(c.prog.steps)), make([][]*planValue, len(c.prog.steps))
	for i, s := range c.prog.steps {
		for _, v := range slices.Concat(s.writes, s.reads) {
			r := v.root()
			if r.place != inArena {
				continue
			}
			if r.first < 0 {
				r.first = i
				born[i] = append(born[i], r)
			}
			r.last = i
		}
	}
	var gaps []gap
	top := 0
	for i := range c.prog.steps {
		for _, v := range born[i] {
			dies[v.last] = append(dies[v.last], v)
			size := (v.slots() + align - 1) / align * align
			v.off, gaps = takeGap(gaps, size, top)
			top = max(top, v.off+size)
			if top > maxArena {
				return fmt.Errorf("nn: graph %q needs more than %d GiB for its values; use smaller pictures or batches", c.g.Name, maxArena>>28)
			}
		}
		for _, v := range dies[i] {
			gaps = addGap(gaps, gap{v.off, (v.slots() + align - 1) / align * align})
		}
	}
	c.prog.arena = top
	return nil
}

// takeGap finds size elements in the smallest gap that holds them, or else from the last gap if that reaches
// top, or from top on.
func takeGap(gaps []gap, size, top int) (off int, rest []gap) {
	best := -1
	for i, g := range gaps {
		if g.size >= size && (best < 0 || g.size < gaps[best].size) {
			best = i
		}
	}
	if best >= 0 {
		off = gaps[best].off
		gaps[best].off += size
		gaps[best].size -= size
		if gaps[best].size == 0 {
			gaps = slices.Delete(gaps, best, best+1)
		}
		return off, gaps
	}
	if k := len(gaps); k > 0 && gaps[k-1].off+gaps[k-1].size == top {
		return gaps[k-1].off, gaps[:k-1]
	}
	return top, gaps
}

// addGap adds g to the gaps, which are in order, and joins it with its neighbours.
func addGap(gaps []gap, g gap) []gap {
	i, _ := slices.BinarySearchFunc(gaps, g.off, func(a gap, off int) int { return a.off - off })
	gaps = slices.Insert(gaps, i, g)
	if i+1 < len(gaps) && gaps[i].off+gaps[i].size == gaps[i+1].off {
		gaps[i].size += gaps[i+1].size
		gaps = slices.Delete(gaps, i+1, i+2)
	}
	if i > 0 && gaps[i-1].off+gaps[i-1].size == gaps[i].off {
		gaps[i-1].size += gaps[i].size
		gaps = slices.Delete(gaps, i, i+1)
	}
	return gaps
}
