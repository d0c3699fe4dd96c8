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

// The part of a product that one task computes at most, and the tile that is kept in registers.
const (
	partRows, partCols = 32, 32
	tileRows, tileCols = 2, 4
)

// gemm adds alpha·a·b to dst: a is m×k, b is k×n, dst m×n, stored row by row. Each sum runs over k in
// order, whatever m, n and the parts are.
func (c *call) gemm(dst []float32, a, b matrix, m, n, k int, alpha float32) {
	rows, cols := partRows, partCols
	if m <= partRows {
		cols = partCols / 2 // more tasks where there is one row of them
	}
	down, across := (m+rows-1)/rows, (n+cols-1)/cols
	c.parallel(down*across, func(t int) {
		i, j := t/across*rows, t%across*cols
		gemmPart(dst, a, b, part{i, min(m, i+rows), j, min(n, j+cols), k, n, alpha})
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
	if need := (partRows + partCols) * p.k; cap(*buf) < need {
		*buf = make([]float32, need)
	}
	ap, bp := (*buf)[:partRows*p.k], (*buf)[partRows*p.k:(partRows+partCols)*p.k]
	pack(ap, a, p.i0, p.i1, p.k, tileRows)
	pack(bp, b.t(), p.j0, p.j1, p.k, tileCols)
	for j := p.j0; j < p.j1; j += tileCols {
		right := bp[(j-p.j0)*p.k:][:tileCols*p.k]
		for i := p.i0; i < p.i1; i += tileRows {
			sum := multiplyTile(ap[(i-p.i0)*p.k:][:tileRows*p.k], right)
			for y := range min(tileRows, p.i1-i) {
				row := dst[(i+y)*p.n+j:][:min(tileCols, p.j1-j)]
				for x, v := range sum[y*tileCols:][:len(row)] {
					row[x] += p.alpha * v
				}
			}
		}
	}
}

// pack lays rows i0 to i1 of m, k long, out in groups of size, which is even: the first elements of the group's
// rows, their second ones and so on. Rows that are missing in the last group are zero.
func pack(dst []float32, m matrix, i0, i1, k, size int) {
	for i := i0; i < i1; i += size {
		group := dst[(i-i0)*k:][:size*k]
		for y := 0; y < size; y += 2 {
			at, next := (i+y)*m.row, (i+y+1)*m.row
			switch {
			case i+y+1 < i1:
				for p := y; p+1 < len(group); p += size {
					group[p], group[p+1] = m.data[at], m.data[next]
					at, next = at+m.col, next+m.col
				}
			case i+y < i1:
				for p := y; p+1 < len(group); p += size {
					group[p], group[p+1] = m.data[at], 0
					at += m.col
				}
			default:
				for p := y; p+1 < len(group); p += size {
					group[p], group[p+1] = 0, 0
				}
			}
		}
	}
}

// multiplyTile returns the product of two packed rows and four packed columns, row by row: eight sums, as many
// as stay in registers together with the factors.
func multiplyTile(a, b []float32) [tileRows * tileCols]float32 {
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	for len(a) >= 4 && len(b) >= 8 {
		a0, a1, b0, b1, b2, b3 := a[0], a[1], b[0], b[1], b[2], b[3]
		s00 += a0 * b0
		s01 += a0 * b1
		s02 += a0 * b2
		s03 += a0 * b3
		s10 += a1 * b0
		s11 += a1 * b1
		s12 += a1 * b2
		s13 += a1 * b3
		a0, a1, b0, b1, b2, b3 = a[2], a[3], b[4], b[5], b[6], b[7]
		s00 += a0 * b0
		s01 += a0 * b1
		s02 += a0 * b2
		s03 += a0 * b3
		s10 += a1 * b0
		s11 += a1 * b1
		s12 += a1 * b2
		s13 += a1 * b3
		a, b = a[4:], b[8:]
	}
	if len(a) >= 2 && len(b) >= 4 {
		a0, a1, b0, b1, b2, b3 := a[0], a[1], b[0], b[1], b[2], b[3]
		s00 += a0 * b0
		s01 += a0 * b1
		s02 += a0 * b2
		s03 += a0 * b3
		s10 += a1 * b0
		s11 += a1 * b1
		s12 += a1 * b2
		s13 += a1 * b3
	}
	return [tileRows * tileCols]float32{s00, s01, s02, s03, s10, s11, s12, s13}
}
