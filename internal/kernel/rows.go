package kernel

// Rows says which elements an elementwise kernel works on: N rows of Width elements, which start To elements
// apart in the result, From in the first source, and From2 in those after it. 0 repeats a row.
type Rows struct{ N, Width, To, From, From2 int }

func (r Rows) empty() bool { return r.N <= 0 || r.Width <= 0 }

// reach returns the elements of a slice whose rows start step apart.
func (r Rows) reach(step int) int { return (r.N-1)*step + r.Width }

// joined returns rows that follow one another everywhere as a single one.
func (r Rows) joined() Rows { return Rows{N: 1, Width: r.N * r.Width} }
