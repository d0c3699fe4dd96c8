package nn

import "github.com/graft-ml/graft/internal/tensor"

// opPad is Pad in the modes constant, reflect and edge: data, pads (first all the leading ones, then all the trailing
// ones; a negative one crops), constant_value (optional).
var opPad = &opDef{minIn: 2, maxIn: 3, minOut: 1, maxOut: 1, shape: padShape, forward: padForward, backward: padBackward}

func padShape(n *Node, in []Info) ([]Info, error) {
	if err := wantPlain(n, in[0]); err != nil {
		return nil, err
	}
	v := input(in, 2)
	if k, _ := v.Shape.Elems(); v.DType != tensor.Invalid && (v.DType != in[0].DType || k != 1) {
		return nil, n.errorf("constant_value is %v %v, want a scalar of %v", v.DType, v.Shape, in[0].DType)
	}
	pads, _, err := constInts(n, in, 1)
	if err != nil {
		return nil, err
	}
	maps, err := padMaps(n, in[0].Shape, pads, false)
	if err != nil {
		return nil, err
	}
	out := make(tensor.Shape, len(maps))
	for i, m := range maps {
		out[i] = m.n
	}
	return []Info{{DType: in[0].DType, Shape: out}}, nil
}

// padMap says where the elements along one axis of the output come from.
type padMap struct {
	n    int   // extent of the output
	from []int // index in the input, −1 for padding
}

// padMaps returns a map for each axis; the indices only if filled.
func padMaps(n *Node, x tensor.Shape, pads []int, filled bool) ([]padMap, error) {
	if len(pads) != 2*len(x) {
		return nil, n.errorf("%d pads, want %d", len(pads), 2*len(x))
	}
	maps := make([]padMap, len(x))
	for i, d := range x {
		begin, end := pads[i], pads[len(x)+i]
		if max(begin, end) > maxElems || min(begin, end) < -d {
			return nil, n.errorf("pads of %d and %d on axis %d of %v", begin, end, i, x)
		}
		size := begin + d + end
		if size < 0 {
			return nil, n.errorf("pads %v crop more than axis %d of %v has", pads, i, x)
		}
		maps[i].n = size
		at, err := padIndex(n, d, size)
		if err != nil {
			return nil, err
		}
		if filled {
			maps[i].from = make([]int, size)
			for j := range size {
				maps[i].from[j] = at(j - begin)
			}
		}
	}
	return maps, nil
}

// padIndex returns a function that maps an index on an axis of d elements, or beyond its ends, to one on it by the
// mode of n, or to −1. The output has size elements there.
func padIndex(n *Node, d, size int) (func(i int) int, error) {
	mode := n.Attrs.Str("mode", "constant")
	if mode != "constant" && d == 0 && size > 0 {
		return nil, n.errorf("mode %s pads an axis without elements", mode)
	}
	switch mode {
	case "constant":
		return func(i int) int {
			if i < 0 || i >= d {
				return -1
			}
			return i
		}, nil
	case "edge":
		return func(i int) int { return max(0, min(i, d-1)) }, nil
	case "reflect":
		period := max(1, 2*(d-1))
		return func(i int) int {
			i = ((i % period) + period) % period
			return min(i, period-i) % d
		}, nil
	}
	return nil, n.errorf("mode %q, want constant, reflect or edge", mode)
}

func padForward(c *call) error {
	x, y, v := c.in[0], c.out[0], c.arg(2)
	maps, err := padMaps(c.node, x.Shape, c.ints(1), true)
	if err != nil {
		return err
	}
	steps := rowMajor(x.Shape).steps
	if x.DType == tensor.Float32 {
		pad(y.F, x.F, maps, steps, scalarOr(v, floatsOf))
	} else {
		pad(y.I, x.I, maps, steps, scalarOr(v, intsOf))
	}
	return nil
}

// scalarOr returns the element of t, or 0 if it is absent.
func scalarOr[T any](t *tensor.Tensor, elems func(*tensor.Tensor) []T) T {
	if p := first(t, elems); p != nil {
		return *p
	}
	return *new(T)
}

// pad fills dst, a dense block whose axes are maps and none of them empty, from src, and returns what is left
// of dst. A nil src is padding throughout.
func pad[T any](dst, src []T, maps []padMap, steps []int, fill T) []T {
	if len(maps) == 0 {
		dst[0] = fill
		if src != nil {
			dst[0] = src[0]
		}
		return dst[1:]
	}
	for _, k := range maps[0].from {
		var part []T
		if src != nil && k >= 0 {
			part = src[k*steps[0]:]
		}
		dst = pad(dst, part, maps[1:], steps[1:], fill)
	}
	return dst
}

// padBackward adds up the gradients of all that an element of the input was copied to, in the order of the output,
// and gives those of the padding to constant_value.
func padBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	x, dy := c.in[0].Shape, dOut[0].F
	maps, err := padMaps(c.node, x, c.ints(1), true)
	if err != nil {
		return err
	}
	steps := rowMajor(x).steps
	sums, padding := make([]float64, product(x)), 0.0
	eachPadded(maps, steps, 0, 0, func(out, in int) {
		if in < 0 {
			padding += float64(dy[out])
		} else {
			sums[in] += float64(dy[out])
		}
	})
	if dIn[0] != nil {
		addSums(dIn[0].F, sums)
	}
	if d := grad(dIn, 2); d != nil {
		d.F[0] += float32(padding)
	}
	return nil
}

// eachPadded calls f for each element of a dense block whose axes are maps, out being the index of the first, with its
// index in the input, −1 for padding. It returns the index behind the block.
func eachPadded(maps []padMap, steps []int, out, in int, f func(out, in int)) int {
	if len(maps) == 0 {
		f(out, in)
		return out + 1
	}
	for _, k := range maps[0].from {
		at := -1
		if in >= 0 && k >= 0 {
			at = in + k*steps[0]
		}
		out = eachPadded(maps[1:], steps[1:], out, at, f)
	}
	return out
}
