package kernel

// The functions of columns add, for each column of rows, to what dst holds: a chain over the rows in their order. A
// row of a picture's pixels is one of Rows, a column is a channel; the steps are From for a and From2 for b.

// ColumnSums adds to dst[c] the sum of a[row][c].
func ColumnSums(dst, a []float32, r Rows) {
	if r.empty() {
		return
	}
	must("column sums", len(dst), 0, r.Width)
	must("columns", len(a), 0, r.reach(r.From))
	columns{sum: dst, a: a}.run(columnSumsOf, r)
}

// ColumnSquares adds to dst[c] the sum of (a[row][c] − mean[c])².
func ColumnSquares(dst, a, mean []float32, r Rows) {
	if r.empty() {
		return
	}
	must("column sums", min(len(dst), len(mean)), 0, r.Width)
	must("columns", len(a), 0, r.reach(r.From))
	columns{sum: dst, a: a, mean: mean}.run(columnSquaresOf, r)
}

// ColumnDots adds to dst[c] the sum of a[row][c]·(b[row][c] − mean[c]).
func ColumnDots(dst, a, b, mean []float32, r Rows) {
	if r.empty() {
		return
	}
	must("column sums", min(len(dst), len(mean)), 0, r.Width)
	must("columns", len(a), 0, r.reach(r.From))
	must("columns", len(b), 0, r.reach(r.From2))
	columns{sum: dst, a: a, b: b, mean: mean}.run(columnDotsOf, r)
}

// columnGrads is ColumnSums of a and ColumnDots in one.
func columnGrads(sum, dot, a, b, mean []float32, r Rows) {
	if r.empty() {
		return
	}
	must("column sums", min(len(sum), len(dot), len(mean)), 0, r.Width)
	must("columns", len(a), 0, r.reach(r.From))
	must("columns", len(b), 0, r.reach(r.From2))
	columns{sum: sum, dot: dot, a: a, b: b, mean: mean}.run(columnGradsOf, r)
}

// clipGradsGeneric sets a to zero unless lo < (b − mean)·scale + shift < hi, and is then columnGrads.
func (c columns) clipGradsGeneric(r Rows) {
	sum, dot, mean, scale, shift := c.sum[:r.Width], c.dot[:r.Width], c.mean[:r.Width], c.scale[:r.Width], c.shift[:r.Width]
	for i := range r.N {
		x := c.b[i*r.From2:][:r.Width]
		a := c.a[i*r.From:][:r.Width]
		for ch, g := range a {
			d := x[ch] - mean[ch]
			y := float32(d*scale[ch]) + shift[ch]
			a[ch] = keep(g, y > c.lo && y < c.hi)
			sum[ch] += a[ch]
			dot[ch] += float32(a[ch] * d)
		}
	}
}

// columnKind is what a kernel over columns adds up.
type columnKind int

const (
	columnSumsOf columnKind = iota
	columnSquaresOf
	columnDotsOf
	columnGradsOf
	columnClipGradsOf
)

// columns is what a kernel over columns reads, and the sums that it adds to; dot is for gradients only, and what is
// below it for those that are clipped.
type columns struct {
	sum, dot, a, b, mean []float32
	scale, shift         []float32
	lo, hi               float32
}

func (c columns) runGeneric(kind columnKind, r Rows) {
	switch kind {
	case columnSumsOf:
		columnSumsGeneric(c.sum, c.a, r)
	case columnSquaresOf:
		columnSquaresGeneric(c.sum, c.a, c.mean, r)
	case columnDotsOf:
		columnDotsGeneric(c.sum, c.a, c.b, c.mean, r)
	case columnClipGradsOf:
		c.clipGradsGeneric(r)
	default:
		columnSumsGeneric(c.sum, c.a, r)
		columnDotsGeneric(c.dot, c.a, c.b, c.mean, r)
	}
}

func columnSumsGeneric(dst, a []float32, r Rows) {
	for i := range r.N {
		addRow(dst, a[i*r.From:][:r.Width])
	}
}

func columnSquaresGeneric(dst, a, mean []float32, r Rows) {
	dst, mean = dst[:r.Width], mean[:r.Width]
	for i := range r.N {
		for c, v := range a[i*r.From:][:r.Width] {
			v -= mean[c]
			dst[c] += float32(v * v)
		}
	}
}

func columnDotsGeneric(dst, a, b, mean []float32, r Rows) {
	dst, mean = dst[:r.Width], mean[:r.Width]
	for i := range r.N {
		y := b[i*r.From2:][:r.Width]
		for c, v := range a[i*r.From:][:r.Width] {
			dst[c] += float32(v * (y[c] - mean[c]))
		}
	}
}
