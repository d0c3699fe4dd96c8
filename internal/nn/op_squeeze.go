package nn

import (
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// opSqueeze drops axes of extent 1: those of the input axes, or all.
var opSqueeze = &opDef{
	minIn: 1, maxIn: 2, minOut: 1, maxOut: 1,
	shape: squeezeShape, forward: copyForward, backward: passGradient,
}

func squeezeShape(n *Node, in []Info) ([]Info, error) {
	x := in[0].Shape
	axes, given, err := constInts(n, in, 1)
	if err != nil {
		return nil, err
	}
	if axes, err = axesOf(n, axes, len(x)); err != nil {
		return nil, err
	}
	out := tensor.Shape{}
	for i, d := range x {
		drop := slices.Contains(axes, i) || !given && d == 1
		if drop && d != 1 {
			return nil, n.errorf("axis %d of %v is not 1", i, x)
		}
		if !drop {
			out = append(out, d)
		}
	}
	return []Info{{DType: in[0].DType, Shape: out}}, nil
}

// opUnsqueeze adds axes of extent 1 where the input axes says, by their place in the output.
var opUnsqueeze = &opDef{
	minIn: 2, maxIn: 2, minOut: 1, maxOut: 1,
	shape: unsqueezeShape, forward: copyForward, backward: passGradient,
}

func unsqueezeShape(n *Node, in []Info) ([]Info, error) {
	axes, _, err := constInts(n, in, 1)
	if err != nil {
		return nil, err
	}
	rank := len(in[0].Shape) + len(axes)
	if rank > maxRank {
		return nil, n.errorf("%d axes, at most %d are supported", rank, maxRank)
	}
	if axes, err = axesOf(n, axes, rank); err != nil {
		return nil, err
	}
	x, out := in[0].Shape, make(tensor.Shape, 0, rank)
	for i := range rank {
		if slices.Contains(axes, i) {
			out = append(out, 1)
			continue
		}
		out, x = append(out, x[0]), x[1:]
	}
	return []Info{{DType: in[0].DType, Shape: out}}, nil
}
