package nn

import (
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// opReduceSum and opReduceMean reduce some axes of X to one element each. The axes are an input of ReduceSum, an
// attribute of ReduceMean; none means all, or with noop_with_empty_axes nothing.
var (
	opReduceSum  = &opDef{minIn: 1, maxIn: 2, minOut: 1, maxOut: 1, shape: reduceShape, forward: reduceForward(false)}
	opReduceMean = &opDef{minIn: 1, maxIn: 1, minOut: 1, maxOut: 1, shape: reduceShape, forward: reduceForward(true)}
)

func reduceShape(n *Node, in []Info) ([]Info, error) {
	if err := wantNumbers(n, in[:1]); err != nil {
		return nil, err
	}
	axes, ok, err := constInts(n, in, 1)
	if err != nil {
		return nil, err
	}
	if !ok {
		axes = n.Attrs.Ints("axes")
	}
	x := in[0].Shape
	if axes, err = reducedAxes(n, axes, len(x)); err != nil {
		return nil, err
	}
	keep := n.Attrs.Int("keepdims", 1) != 0
	out := tensor.Shape{}
	for i, d := range x {
		switch {
		case !slices.Contains(axes, i):
			out = append(out, d)
		case keep:
			out = append(out, 1)
		}
	}
	return []Info{{DType: in[0].DType, Shape: out}}, nil
}

func reducedAxes(n *Node, axes []int, rank int) ([]int, error) {
	if len(axes) > 0 || n.Attrs.Int("noop_with_empty_axes", 0) != 0 {
		return axesOf(n, axes, rank)
	}
	for i := range rank {
		axes = append(axes, i)
	}
	return axes, nil
}

func reduceForward(mean bool) func(*call) error {
	return func(c *call) error {
		x, y := c.in[0], c.out[0]
		axes := c.ints(1)
		if c.arg(1) == nil {
			axes = c.node.Attrs.Ints("axes")
		}
		axes, err := reducedAxes(c.node, axes, len(x.Shape))
		if err != nil {
			return err
		}
		// Each output sums over the reduced axes, in their order, from where the kept axes put it.
		dense := rowMajor(x.Shape)
		var kept, summed []int
		var keptView, sumView view
		for i, d := range x.Shape {
			if slices.Contains(axes, i) {
				summed, sumView.steps = append(summed, d), append(sumView.steps, dense.steps[i])
			} else {
				kept, keptView.steps = append(kept, d), append(keptView.steps, dense.steps[i])
			}
		}
		count := 1
		if mean {
			count = product(summed)
		}
		step := lastStep(keptView)
		eachRow(kept, []view{keptView}, func(out, n int, at []int) {
			for i := range n {
				from := sumView
				from.off = at[0] + i*step
				if x.DType == tensor.Float32 {
					y.F[out+i] = float32(sumOver[float32, float64](x.F, summed, from) / float64(count))
				} else if count != 0 {
					y.I[out+i] = sumOver[int64, int64](x.I, summed, from) / int64(count)
				} else {
					y.I[out+i] = 0
				}
			}
		})
		return nil
	}
}

// sumOver adds up the elements of x that v sees over shape.
func sumOver[T, S float32 | float64 | int64](x []T, shape []int, v view) S {
	var sum S
	step := lastStep(v)
	eachRow(shape, []view{v}, func(_, n int, at []int) {
		for i := range n {
			sum += S(x[at[0]+i*step])
		}
	})
	return sum
}
