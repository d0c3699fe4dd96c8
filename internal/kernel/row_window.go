package kernel

// RowWindow holds some consecutive rows of a picture, each made just before it is needed, with zeros around the
// picture: what a window of taps slides over while it is still in a cache.
type RowWindow struct {
	H, W, C     int // of the picture
	Left, Right int // zeros beside it; above and below there are as many as are asked for
	Rows        int // that are held at most

	// Fill makes row y of picture n, W·C elements.
	Fill func(dst []float32, n, y int)

	data     []float32
	n, a, b  int // the picture, and its rows that are held
	occupied bool
}

// Row returns the number of elements of a row.
func (w *RowWindow) Row() int { return (w.Left + w.W + w.Right) * w.C }

// Len returns the number of elements that Start needs.
func (w *RowWindow) Len() int { return w.Rows * w.Row() }

// Grid places the pixels of what At returns, of which the first is left of the picture's.
func (w *RowWindow) Grid() Grid { return Grid{Row: w.Row(), Pixel: w.C} }

// Start makes the window empty; it is kept in data, Len elements.
func (w *RowWindow) Start(data []float32) {
	must("row window", len(data), 0, w.Len())
	w.data, w.occupied = data[:w.Len()], false
	for i := range w.Rows {
		row := w.data[i*w.Row():][:w.Row()]
		clear(row[:w.Left*w.C])
		clear(row[(w.Left+w.W)*w.C:])
	}
}

// At returns the rows [y0, y1) of picture n, at most Rows; some may lie above or below it. It is fastest if they are
// those behind the last ones, of which some may be needed again.
func (w *RowWindow) At(n, y0, y1 int) []float32 {
	if !w.occupied || n != w.n || y0 < w.a || y0 > w.b {
		w.n, w.a, w.b, w.occupied = n, y0, y0, true
	}
	row := w.Row()
	if y1-w.a > w.Rows {
		copy(w.data, w.data[(y0-w.a)*row:(w.b-w.a)*row])
		w.a = y0
	}
	for ; w.b < y1; w.b++ {
		dst := w.data[(w.b-w.a)*row:][w.Left*w.C:][:w.W*w.C]
		if w.b < 0 || w.b >= w.H {
			clear(dst)
		} else {
			w.Fill(dst, w.n, w.b)
		}
	}
	return w.data[(y0-w.a)*row : (y1-w.a)*row]
}

// windowCache is the number of elements that a window has about, if they are enough for its taps.
const windowCache = 40 << 10

// newRowWindow returns a window for taps that reach over so many rows, which move on by step rows, and the number of
// steps that are taken together.
func newRowWindow(h, w, c, left, right, reach, step int) (win RowWindow, steps int) {
	win = RowWindow{H: h, W: w, C: c, Left: left, Right: right}
	held := max(windowCache/max(1, win.Row()), reach+step)
	steps = max(1, min(4, (held-reach)/(2*step)))
	win.Rows = max(held, reach+(steps-1)*step)
	return win, steps
}
