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
	columnSums(dst, a, r)
}

// ColumnSquares adds to dst[c] the sum of (a[row][c] − mean[c])².
func ColumnSquares(dst, a, mean []float32, r Rows) {
	if r.empty() {
		return
	}
	must("column sums", min(len(dst), len(mean)), 0, r.Width)
	must("columns", len(a), 0, r.reach(r.From))
	columnSquares(dst, a, mean, r)
}

// ColumnDots adds to dst[c] the sum of a[row][c]·(b[row][c] − mean[c]).
func ColumnDots(dst, a, b, mean []float32, r Rows) {
	if r.empty() {
		return
	}
	must("column sums", min(len(dst), len(mean)), 0, r.Width)
	must("columns", len(a), 0, r.reach(r.From))
	must("columns", len(b), 0, r.reach(r.From2))
	columnDots(dst, a, b, mean, r)
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

func columnSums(dst, a []float32, r Rows)          { columnSumsGeneric(dst, a, r) }
func columnSquares(dst, a, mean []float32, r Rows) { columnSquaresGeneric(dst, a, mean, r) }
func columnDots(dst, a, b, mean []float32, r Rows) { columnDotsGeneric(dst, a, b, mean, r) }
