package nn

import "sync"

// matrix is a matrix in a slice: the element (i, j) is at i·row + j·col, so that a transpose costs nothing.
type matrix struct {
	data     []float32
	row, col int
}

// dense returns the matrix of data with n columns, stored row by row.
func dense(data []float32, n int) matrix { return matrix{data, n, 1} }

// t returns the transpose of m.
func (m matrix) t() matrix { return matrix{m.data, m.col, m.row} }

// product of matrices: the part that one task computes, and the tile that is kept in registers.
const (
	gemmRows, gemmCols = 32, 16
	tileRows, tileCols = 4, 4
)

// gemm adds alpha·a·b to dst: a is m×k, b is k×n, dst m×n, stored row by row. Each sum runs over k in
// order, whatever m and n are.
func (c *call) gemm(dst []float32, a, b matrix, m, n, k int, alpha float32) {
	down, across := (m+gemmRows-1)/gemmRows, (n+gemmCols-1)/gemmCols
	c.parallel(down*across, func(t int) {
		i, j := t/across*gemmRows, t%across*gemmCols
		gemmPart(dst, a, b, part{i, min(m, i+gemmRows), j, min(n, j+gemmCols), k, n, alpha})
	})
}

// part is a rectangle [i0,i1)×[j0,j1) of a product, k terms a sum, in a matrix of n columns.
type part struct {
	i0, i1, j0, j1, k, n int
	alpha                float32
}

// panels recycles the buffers into which the inputs of a part are packed.
var panels = sync.Pool{New: func() any { return new([]float32) }}

func gemmPart(dst []float32, a, b matrix, p part) {
	buf := panels.Get().(*[]float32)
	defer panels.Put(buf)
	if need := (gemmRows + gemmCols) * p.k; cap(*buf) < need {
		*buf = make([]float32, need)
	}
	ap, bp := (*buf)[:gemmRows*p.k], (*buf)[gemmRows*p.k:(gemmRows+gemmCols)*p.k]
	pack(ap, a, p.i0, p.i1, p.k)
	pack(bp, b.t(), p.j0, p.j1, p.k)
	for j := p.j0; j < p.j1; j += tileCols {
		right := bp[(j-p.j0)*p.k:][:tileCols*p.k]
		for i := p.i0; i < p.i1; i += tileRows {
			var sum [tileRows * tileCols]float32
			multiplyTile(&sum, ap[(i-p.i0)*p.k:][:tileRows*p.k], right)
			for y := range min(tileRows, p.i1-i) {
				row := dst[(i+y)*p.n:][:p.n]
				for x := range min(tileCols, p.j1-j) {
					row[j+x] += p.alpha * sum[y*tileCols+x]
				}
			}
		}
	}
}

// pack lays rows i0 to i1 of m, k long, out in groups of four: the group's first elements, its second ones
// and so on. Rows that are missing in the last group are zero.
func pack(dst []float32, m matrix, i0, i1, k int) {
	for i := i0; i < i1; i += tileRows {
		group := dst[(i-i0)*k:][:tileRows*k]
		for y := range tileRows {
			if i+y >= i1 {
				for p := range k {
					group[p*tileRows+y] = 0
				}
				continue
			}
			at := (i + y) * m.row
			for p := range k {
				group[p*tileRows+y] = m.data[at]
				at += m.col
			}
		}
	}
}

// multiplyTile sets sum to the product of four packed rows and four packed columns.
func multiplyTile(sum *[tileRows * tileCols]float32, a, b []float32) {
	multiplyHalf((*[8]float32)(sum[:8]), a, b)
	multiplyHalf((*[8]float32)(sum[8:]), a[min(2, len(a)):], b)
}

// multiplyHalf is multiplyTile for the first two rows: eight sums, as many as stay in registers with the
// factors.
func multiplyHalf(sum *[8]float32, a, b []float32) {
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	for len(b) >= 4 && len(a) >= 2 {
		a0, a1 := a[0], a[1]
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		s00 += a0 * b0
		s01 += a0 * b1
		s02 += a0 * b2
		s03 += a0 * b3
		s10 += a1 * b0
		s11 += a1 * b1
		s12 += a1 * b2
		s13 += a1 * b3
		a, b = a[min(4, len(a)):], b[4:]
	}
	*sum = [8]float32{s00, s01, s02, s03, s10, s11, s12, s13}
}
