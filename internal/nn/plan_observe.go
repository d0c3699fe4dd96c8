package nn

import (
	"context"
	"errors"
)

// Observe is Run for n pictures of the first input, and calls visit with what nodes compute on the way: for every
// value that is a picture with its name, how many channels it has, and the elements of a row of pixels, [W, C], row
// after row. A row is valid until visit returns. The plan must have been made with Apart; a value that is never a
// picture of NHWC within it is not seen.
func (p *Plan) Observe(ctx context.Context, src []float32, n int, visit func(value string, channels int, row []float32)) error {
	if !p.apart {
		return errors.New("nn: a plan that is observed is made with Apart")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	dst := make([][]float32, len(p.outputs))
	for i, s := range p.outputs {
		dst[i] = make([]float32, n*product(s))
	}
	p.frame.lap = func(i int) { p.visit(p.frame.step, visit) }
	defer func() { p.frame.lap = nil }()
	return p.run(ctx, dst, [][]float32{src}, n)
}

// visit calls f with the rows of what step s has written.
func (p *Plan) visit(s *step, f func(value string, channels int, row []float32)) {
	if s.node == nil || s.whole != nil {
		return
	}
	for _, v := range s.writes {
		if !v.pixels {
			continue
		}
		for y := range v.n * v.h {
			f(s.node.Outputs[0], v.c, p.frame.row(v, y/v.h, y%v.h))
		}
	}
}
