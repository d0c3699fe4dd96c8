package nn

// scratch is memory that a task has to itself while it runs: in the arena, one piece for each thread.
type scratch struct {
	v     *planValue
	size  int
	slots chan int // pieces that are free
}

// newScratch gives the tasks of s scratch of so many elements.
func (c *compiler) newScratch(s *step, size int) *scratch {
	threads := c.plan.pool.Threads()
	m := &scratch{v: &planValue{size: threads * size, first: -1}, size: size, slots: make(chan int, threads)}
	for i := range threads {
		m.slots <- i
	}
	s.writes = append(s.writes, m.v)
	return m
}

// take returns a piece and its number; give must follow.
func (m *scratch) take(f *frame) (slot int, data []float32) {
	slot = <-m.slots
	return slot, f.of(m.v)[slot*m.size : (slot+1)*m.size]
}

func (m *scratch) give(slot int) { m.slots <- slot }
