package kernel

// Op is an elementwise operation of two variables.
type Op int

const (
	Add Op = iota
	Sub
	Mul
	Div
	Max
	Min
)

// Binary sets dst[i] = a[i] op b[i]. Where a or b has one element it stands for all. dst may be a or b.
func Binary(op Op, dst, a, b []float32) {
	switch n := len(dst); {
	case len(a) == 1 && n != 1:
		must("binary operand", len(b), 0, n)
		binaryLeft(op, dst, a[0], b[:n])
	case len(b) == 1 && n != 1:
		must("binary operand", len(a), 0, n)
		binaryRight(op, dst, a[:n], b[0])
	default:
		must("binary operand", min(len(a), len(b)), 0, n)
		binary(op, dst, a[:n], b[:n])
	}
}

func binary(op Op, dst, a, b []float32) {
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

func binaryRight(op Op, dst, a []float32, y float32) {
	dst = dst[:len(a)]
	switch op {
	case Add:
		for i, x := range a {
			dst[i] = x + y
		}
	case Sub:
		for i, x := range a {
			dst[i] = x - y
		}
	case Mul:
		for i, x := range a {
			dst[i] = x * y
		}
	case Div:
		for i, x := range a {
			dst[i] = x / y
		}
	case Max:
		for i, x := range a {
			dst[i] = max(x, y)
		}
	case Min:
		for i, x := range a {
			dst[i] = min(x, y)
		}
	}
}

// binaryLeft computes y op b[i]; all but two operations commute.
func binaryLeft(op Op, dst []float32, y float32, b []float32) {
	dst = dst[:len(b)]
	switch op {
	case Sub:
		for i, x := range b {
			dst[i] = y - x
		}
	case Div:
		for i, x := range b {
			dst[i] = y / x
		}
	default:
		binaryRight(op, dst, b, y)
	}
}

// ScaleShift sets dst[i] = src[i]·scale[i%C] + shift[i%C] for C = len(scale), rounded after the product as
// after the sum. dst may be src and is as long, a multiple of C.
func ScaleShift(dst, src, scale, shift []float32) {
	c := len(scale)
	must("scale", len(shift), 0, c)
	must("scale input", len(src), 0, len(dst))
	shift = shift[:c]
	for ; len(dst) >= c && c > 0; dst, src = dst[c:], src[c:] {
		d, s := dst[:c], src[:c]
		for i, k := range scale {
			d[i] = float32(s[i]*k) + shift[i]
		}
	}
}
