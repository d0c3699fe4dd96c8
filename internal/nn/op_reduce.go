package nn

import (
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// opReduceSum and opReduceMean reduce some axes of X to one element each. The axes are an input of ReduceSum, an
// attribute of ReduceMean; none means all, or with noop_with_empty_axes nothing.
var (
	opReduceSum = &opDef{
		minIn: 1, maxIn: 2, minOut: 1, maxOut: 1,
		shape: reduceShape, forward: reduceForward(false), backward: reduceBackward(false),
	}
	opReduceMean = &opDef{
		minIn: 1, maxIn: 1, minOut: 1, maxOut: 1,
		shape: reduceShape, forward: reduceForward(true), backward: reduceBackward(true),
	}
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
		r, err := newReduction(c)
		if err != nil {
			return err
		}
		count := r.count(mean)
		step := lastStep(r.keptView)
		eachRow(r.kept, []view{r.keptView}, func(out, n int, at []int) {
			for i := range n {
				from := r.sumView
				from.off = at[0] + i*step
				if x.DType == tensor.Float32 {
					y.F[out+i] = float32(sumOver[float32, float64](x.F, r.summed, from) / float64(count))
				} else if count != 0 {
					y.I[out+i] = sumOver[int64, int64](x.I, r.summed, from) / int64(count)
				} else {
					y.I[out+i] = 0
				}
			}
		})
		return nil
	}
}

// reduction is how a call reduces X: each output sums over the summed extents, in their order, from where the kept
// ones put it.
type reduction struct {
	axes              []int
	kept, summed      []int
	keptView, sumView view
}

func newReduction(c *call) (reduction, error) {
	x, axes := c.in[0].Shape, c.ints(1)
	if c.arg(1) == nil {
		axes = c.node.Attrs.Ints("axes")
	}
	axes, err := reducedAxes(c.node, axes, len(x))
	if err != nil {
		return reduction{}, err
	}
	r, dense := reduction{axes: axes}, rowMajor(x)
	for i, d := range x {
		if slices.Contains(axes, i) {
			r.summed, r.sumView.steps = append(r.summed, d), append(r.sumView.steps, dense.steps[i])
		} else {
			r.kept, r.keptView.steps = append(r.kept, d), append(r.keptView.steps, dense.steps[i])
		}
	}
	return r, nil
}

// count returns what a sum is divided by: for a mean its number of terms.
func (r reduction) count(mean bool) int {
	if mean {
		return product(r.summed)
	}
	return 1
}

// reduceBackward adds to each element of X the gradient of the sum that it is in, divided by its number of terms for a
// mean.
func reduceBackward(mean bool) func(c *call, dOut, dIn []*tensor.Tensor) error {
	return func(c *call, dOut, dIn []*tensor.Tensor) error {
		x := c.in[0].Shape
		r, err := newReduction(c)
		if err != nil || dIn[0] == nil {
			return err
		}
		count := float64(r.count(mean))
		dy := make([]float32, len(dOut[0].F))
		for i, v := range dOut[0].F {
			dy[i] = float32(float64(v) / count)
		}
		stretched := view{steps: make([]int, len(x))}
		steps := rowMajor(r.kept).steps
		for i := range x {
			if !slices.Contains(r.axes, i) {
				stretched.steps[i], steps = steps[0], steps[1:]
			}
		}
		c.addThrough(x, dIn[0].F, rowMajor(x), dy, stretched)
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
