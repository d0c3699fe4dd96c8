package nn

import (
	"fmt"

	"github.com/graft-ml/graft/internal/tensor"
)

// broadcastShapes returns the shape that all of shapes stretch to by the rule of numpy: they are aligned at
// the last axis, and an extent of 1 or an axis that is not there repeats.
func broadcastShapes(shapes ...tensor.Shape) (tensor.Shape, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make(tensor.Shape, rank)
	for i := range out {
		out[i] = 1
	}
	for _, s := range shapes {
		for i, d := range s {
			o := &out[rank-len(s)+i]
			switch {
			case *o == 1:
				*o = d
			case d != 1 && d != *o:
				return nil, fmt.Errorf("shapes %v do not broadcast", shapes)
			}
		}
	}
	return out, nil
}

// broadcastInfos is broadcastShapes for the inputs of a node.
func broadcastInfos(n *Node, in []Info) (tensor.Shape, error) {
	shapes := make([]tensor.Shape, len(in))
	for i, v := range in {
		shapes[i] = v.Shape
	}
	s, err := broadcastShapes(shapes...)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	return s, nil
}

// eachRow walks a broadcast over shape: for each row of the last axis it calls f with the row's first element
// in the dense output, and for each view the row's first element; the rows have n elements, in which view i
// goes on by views[i].steps[last]. at is reused from call to call.
func eachRow(shape []int, views []view, f func(out, n int, at []int)) {
	if product(shape) == 0 {
		return
	}
	at := make([]int, len(views))
	for i, v := range views {
		at[i] = v.off
	}
	if len(shape) == 0 {
		f(0, 1, at)
		return
	}
	last := len(shape) - 1
	index, row := make([]int, last), shape[last]
	for out := 0; ; out += row {
		f(out, row, at)
		k := last - 1
		for ; k >= 0; k-- {
			index[k]++
			if index[k] < shape[k] {
				for i, v := range views {
					at[i] += v.steps[k]
				}
				break
			}
			for i, v := range views {
				at[i] -= v.steps[k] * (shape[k] - 1)
			}
			index[k] = 0
		}
		if k < 0 {
			return
		}
	}
}

// lastStep returns the step of v along the last axis; 0 for a scalar.
func lastStep(v view) int {
	if len(v.steps) == 0 {
		return 0
	}
	return v.steps[len(v.steps)-1]
}

// broadcast2 computes out = f(a, b) element by element over shape, the broadcast of the shapes of a and b.
func broadcast2[A, B, O any](shape tensor.Shape, out []O, a []A, as tensor.Shape, b []B, bs tensor.Shape, f func(A, B) O) {
	views := []view{broadcastTo(as, shape), broadcastTo(bs, shape)}
	da, db := lastStep(views[0]), lastStep(views[1])
	eachRow(shape, views, func(o, n int, at []int) {
		ia, ib := at[0], at[1]
		for i := range n {
			out[o+i] = f(a[ia], b[ib])
			ia += da
			ib += db
		}
	})
}
