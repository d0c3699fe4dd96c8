package kernel

// Op is an elementwise operation of two variables.
type Op int

const (
	Add Op = iota
	Sub
	Mul
	Div
	Max // NaN if one is
	Min // NaN if one is
)

// Binary sets dst[i] = a[i] op b[i]. Where a or b has one element it stands for all. dst may be a or b.
func Binary(op Op, dst, a, b []float32) {
	switch n := len(dst); {
	case n == 0:
	case len(a) == 1 && n != 1:
		must("binary operand", len(b), 0, n)
		binaryScalar(op, dst, b[:n], a[0], op == Sub || op == Div)
	case len(b) == 1 && n != 1:
		must("binary operand", len(a), 0, n)
		binaryScalar(op, dst, a[:n], b[0], false)
	default:
		BinaryRows(op, dst, a, b, Rows{N: 1, Width: n})
	}
}

// BinaryRows sets the elements of rows to those of a op those of b. dst may be a or b where the steps are alike.
func BinaryRows(op Op, dst, a, b []float32, r Rows) {
	if r.empty() {
		return
	}
	must("binary output", len(dst), 0, r.reach(r.To))
	must("binary operand", len(a), 0, r.reach(r.From))
	must("binary operand", len(b), 0, r.reach(r.From2))
	if r.To == r.Width && r.From == r.Width && r.From2 == r.Width {
		r = r.joined()
	}
	binaryRows(op, dst, a, b, r)
}

// binaryRowsGeneric is BinaryRows in plain Go.
func binaryRowsGeneric(op Op, dst, a, b []float32, r Rows) {
	for i := range r.N {
		binaryRow(op, dst[i*r.To:][:r.Width], a[i*r.From:][:r.Width], b[i*r.From2:][:r.Width])
	}
}

func binaryRow(op Op, dst, a, b []float32) {
	b, dst = b[:len(a)], dst[:len(a)]
	switch op {
	case Add:
		for i, x := range a {
			dst[i] = x + b[i]
		}
	case Sub:
		for i, x := range a {
			dst[i] = x - b[i]
		}
	case Mul:
		for i, x := range a {
			dst[i] = x * b[i]
		}
	case Div:
		for i, x := range a {
			dst[i] = x / b[i]
		}
	case Max:
		for i, x := range a {
			dst[i] = max(x, b[i])
		}
	case Min:
		for i, x := range a {
			dst[i] = min(x, b[i])
		}
	}
}

// binaryScalarGeneric sets dst[i] = x[i] op y, or y op x[i] if left, in plain Go.
func binaryScalarGeneric(op Op, dst, x []float32, y float32, left bool) {
	var block [64]float32
	for i := range block {
		block[i] = y
	}
	for i := 0; i < len(x); i += len(block) {
		n := min(len(block), len(x)-i)
		a, b := x[i:][:n], block[:n]
		if left {
			a, b = b, a
		}
		binaryRow(op, dst[i:][:n], a, b)
	}
}

// ScaleShift sets dst[i] = src[i]·scale[i%C] + shift[i%C] for C = len(scale), rounded after the product as
// after the sum. dst may be src and is as long, a multiple of C.
func ScaleShift(dst, src, scale, shift []float32) {
	c := len(scale)
	if c == 0 || len(dst) < c {
		return
	}
	must("scale", len(shift), 0, c)
	must("scale input", len(src), 0, len(dst))
	scaleShift(dst, src, scale, shift, Rows{N: len(dst) / c, Width: c, To: c, From: c})
}

// scaleShiftGeneric is ScaleShift in plain Go.
func scaleShiftGeneric(dst, src, scale, shift []float32, r Rows) {
	shift = shift[:len(scale)]
	for i := range r.N {
		d, s := dst[i*r.To:][:r.Width], src[i*r.From:][:r.Width]
		for j, k := range scale {
			d[j] = float32(s[j]*k) + shift[j]
		}
	}
}
