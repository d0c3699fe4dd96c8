package nn

import (
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// mixesPictures reports whether g computes along the batch: reduces it away, normalises over it, shifts or
// reverses it. A result would then depend on which pictures happen to be computed together.
func mixesPictures(g *Graph, infos map[string]Info) bool {
	follows := func(name string) bool { return slices.Contains(infos[name].Shape, tensor.Free) }
	for _, n := range g.Nodes {
		out := infos[n.Outputs[0]]
		if out.DType == tensor.Float32 && out.Const == nil && slices.ContainsFunc(n.Inputs, follows) && !follows(n.Outputs[0]) {
			return true
		}
		x := infos[n.inputName(0)].Shape
		for _, axis := range axesAlong(n, infos, len(x)) {
			if axis < 0 {
				axis += len(x)
			}
			if axis >= 0 && axis < len(x) && x[axis] == tensor.Free {
				return true
			}
		}
	}
	return slices.ContainsFunc(g.Outputs, func(v Value) bool { return !follows(v.Name) })
}

// axesAlong returns the axes along which n, whose first input has rank axes, makes an element of its output of
// several of its input, or of one in another place.
func axesAlong(n *Node, infos map[string]Info, rank int) []int {
	switch n.Op {
	case "Softmax", "LogSoftmax":
		return []int{n.Attrs.Int("axis", -1)}
	case "LayerNormalization":
		first := n.Attrs.Int("axis", -1)
		if first < 0 {
			first += rank
		}
		var axes []int
		for axis := first; axis < rank; axis++ {
			axes = append(axes, axis)
		}
		return axes
	case "Pad":
		pads, axes := constList(infos, n, 1), constList(infos, n, 3)
		return changedAxes(axes, len(pads)/2, func(i int) bool { return pads[i] != 0 })
	case "Slice":
		starts, ends, steps := constList(infos, n, 1), constList(infos, n, 2), constList(infos, n, 4)
		return changedAxes(constList(infos, n, 3), len(starts), func(i int) bool {
			return starts[i] != 0 || i < len(ends) && ends[i] < maxElems || i < len(steps) && steps[i] != 1
		})
	}
	return nil
}

// changedAxes returns those of axes, by default the first k, of which changed holds.
func changedAxes(axes []int64, k int, changed func(i int) bool) []int {
	var out []int
	for i := range k {
		axis := i
		if i < len(axes) {
			axis = int(axes[i])
		}
		if changed(i) {
			out = append(out, axis)
		}
	}
	return out
}

// constList returns the integers of input i of n, nil if it is absent or not constant.
func constList(infos map[string]Info, n *Node, i int) []int64 {
	if k := infos[n.inputName(i)].Const; k != nil {
		return k.I
	}
	return nil
}
