package nn

import (
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// opReshape is Reshape: 0 keeps the extent of the input (unless allowzero), one −1 takes what is left.
var opReshape = &opDef{
	minIn: 2, maxIn: 2, minOut: 1, maxOut: 1,
	shape: reshapeShape, forward: copyForward, backward: passGradient,
}

func reshapeShape(n *Node, in []Info) ([]Info, error) {
	x := in[0].Shape
	target, _, err := constInts(n, in, 1)
	if err != nil {
		return nil, err
	}
	if len(target) > maxRank {
		return nil, n.errorf("%d axes, at most %d are supported", len(target), maxRank)
	}
	out := tensor.Shape(slices.Clone(target))
	rest, known := -1, 1
	for i, d := range out {
		switch {
		case d == -1 && rest < 0:
			rest = i
			continue
		case d < 0 || d > maxElems:
			return nil, n.errorf("target %v", target)
		case d == 0 && n.Attrs.Int("allowzero", 0) == 0:
			if i >= len(x) {
				return nil, n.errorf("target %v keeps axis %d of %v", target, i, x)
			}
			out[i] = x[i]
		}
		if known *= out[i]; known > maxElems {
			return nil, n.errorf("target %v is too large", target)
		}
	}
	elems := product(x)
	if rest >= 0 {
		if known == 0 || elems%known != 0 {
			return nil, n.errorf("%v does not reshape to %v", x, target)
		}
		out[rest] = elems / known
	} else if known != elems {
		return nil, n.errorf("%v does not reshape to %v", x, target)
	}
	return []Info{{DType: in[0].DType, Shape: out}}, nil
}

// copyForward is the forward pass of operators that change the shape only.
func copyForward(c *call) error {
	copyElems(c.out[0], c.in[0])
	return nil
}
