package nn

// Memory returns the bytes that a plan takes once it has run batches of n: the weights as it holds them, as they are and
// packed, and the values between the nodes. It lays the program out and runs nothing.
func (p *Plan) Memory(n int) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	prog, err := p.program(p.nextBatch(max(n, 1)))
	if err != nil {
		return 0, err
	}
	total := int64(max(prog.arena, len(p.frame.arena)))
	for _, t := range p.fused.Init {
		total += int64(len(t.F))
	}
	for _, w := range p.packed {
		total += int64(len(w))
	}
	return 4 * total, nil
}

// Frozen returns the bytes that the part of the graph before everything trained takes in steps of a batch of n, beside what
// it gives, which Memory counts.
func (t *Tape) Frozen(n int) (int64, error) {
	if t.prefix == nil {
		return 0, nil
	}
	return t.prefix.plan.Memory(n)
}
