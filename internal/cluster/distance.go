package cluster

import "github.com/graft-ml/graft/internal/kernel"

// centreSet is a set of centres in the form in which many vectors are compared with them: the squared distance from x
// to c is |x|² − 2x·c + |c|², and the last two terms for all centres are one matrix product.
type centreSet struct {
	gemm   kernel.Gemm
	packed []float32
}

func newCentreSet(centres []float32, k, d int) *centreSet {
	s := &centreSet{gemm: kernel.Gemm{N: k, K: d}}
	scaled, bias := make([]float32, len(centres)), make([]float32, k)
	for i, v := range centres {
		scaled[i] = -2 * v
	}
	for j := range bias {
		bias[j] = float32(squares(centres[j*d : (j+1)*d]))
	}
	s.packed = make([]float32, s.gemm.PackedLen())
	s.gemm.Pack(s.packed, scaled, bias, true)
	return s
}

// rowsATask is the number of vectors that are compared with all centres in one task.
const rowsATask = 128

// each calls f, in parallel, for each vector i of rows, or of all if rows is nil, with its squared distances to the
// centres [K] less its own squared length. f must not keep the slice. at is the position in rows.
func (p *points) each(s *centreSet, rows []int, f func(at, i int, d2 []float32)) {
	n := p.n
	if rows != nil {
		n = len(rows)
	}
	k := s.gemm.N
	p.pool.Run((n+rowsATask-1)/rowsATask, func(task int) {
		lo, hi := task*rowsATask, min((task+1)*rowsATask, n)
		x := p.gather(rows, lo, hi)
		g := s.gemm
		g.M = hi - lo
		d2 := make([]float32, g.M*k)
		g.Run(d2, x, nil, s.packed, 0, g.M, 0, g.Blocks())
		for at := lo; at < hi; at++ {
			i := at
			if rows != nil {
				i = rows[at]
			}
			f(at, i, d2[(at-lo)*k:][:k])
		}
	})
}

// gather returns the vectors at the positions [lo, hi) of rows; those of x itself if rows is nil.
func (p *points) gather(rows []int, lo, hi int) []float32 {
	if rows == nil {
		return p.x[lo*p.d : hi*p.d]
	}
	x := make([]float32, 0, (hi-lo)*p.d)
	for _, i := range rows[lo:hi] {
		x = append(x, p.row(i)...)
	}
	return x
}

// nearest returns the index of the least of d2, the first of equal ones.
func nearest(d2 []float32) int {
	best := 0
	for j, v := range d2 {
		if v < d2[best] {
			best = j
		}
	}
	return best
}

// squared returns the squared distance behind an entry of d2: never below zero, whatever its rounding.
func (p *points) squared(i int, d2 float32) float64 { return max(0, p.norms[i]+float64(d2)) }
