package nn

import "github.com/graft-ml/graft/internal/tensor"

// opTranspose permutes the axes: axis i of the output is axis perm[i] of the input; without perm in reverse.
var opTranspose = &opDef{
	minIn: 1, maxIn: 1, minOut: 1, maxOut: 1,
	shape: transposeShape, forward: transposeForward, backward: transposeBackward,
}

// permutation returns the attribute perm, or its default for a value of the given rank.
func permutation(n *Node, rank int) ([]int, error) {
	perm := n.Attrs.Ints("perm")
	if perm == nil {
		for i := range rank {
			perm = append(perm, rank-1-i)
		}
	}
	seen := make([]bool, rank)
	for _, p := range perm {
		if len(perm) != rank || p < 0 || p >= rank || seen[p] {
			return nil, n.errorf("perm %v of a value of rank %d", perm, rank)
		}
		seen[p] = true
	}
	if len(perm) != rank {
		return nil, n.errorf("perm %v of a value of rank %d", perm, rank)
	}
	return perm, nil
}

func transposeShape(n *Node, in []Info) ([]Info, error) {
	if err := wantPlain(n, in[0]); err != nil {
		return nil, err
	}
	perm, err := permutation(n, len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	out := make(tensor.Shape, len(perm))
	for i, p := range perm {
		out[i] = in[0].Shape[p]
	}
	return []Info{{DType: in[0].DType, Shape: out}}, nil
}

func transposeForward(c *call) error {
	x, y := c.in[0], c.out[0]
	v, err := transposeView(c.node, x.Shape)
	if err != nil {
		return err
	}
	move(y.Shape, y, rowMajor(y.Shape), x, v)
	return nil
}

func transposeBackward(c *call, dOut, dIn []*tensor.Tensor) error {
	v, err := transposeView(c.node, c.in[0].Shape)
	if err != nil || dIn[0] == nil {
		return err
	}
	dy := dOut[0]
	c.addThrough(dy.Shape, dIn[0].F, v, dy.F, rowMajor(dy.Shape))
	return nil
}

// transposeView returns the way to walk a value of shape x along the axes of the output.
func transposeView(n *Node, x tensor.Shape) (view, error) {
	perm, err := permutation(n, len(x))
	if err != nil {
		return view{}, err
	}
	dense, v := rowMajor(x), view{steps: make([]int, len(perm))}
	for i, p := range perm {
		v.steps[i] = dense.steps[p]
	}
	return v, nil
}
