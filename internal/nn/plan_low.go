package nn

import (
	"slices"

	"github.com/graft-ml/graft/internal/kernel"
	"github.com/graft-ml/graft/internal/tensor"
)

// lowNodes says what of a fused graph is computed in low precision.
type lowNodes struct {
	nodes map[*Node]bool  // convolutions
	read  map[string]bool // values that one of them reads, perhaps behind a MaxPool
}

// findLow finds the convolutions of a fused graph that are computed in low precision, where known reports of which
// values it is known how they are stored. The graph is walked backwards, because a depthwise convolution is one of
// them only if what it makes is read by another.
func findLow(g *Graph, infos map[string]Info, known func(value string) bool) lowNodes {
	l := lowNodes{map[*Node]bool{}, map[string]bool{}}
	for _, n := range slices.Backward(g.Nodes) {
		out := n.Outputs[0]
		if n.Op == "MaxPool" && l.read[out] && len(n.Outputs) == 1 {
			l.read[n.Inputs[0]] = true
		}
		if !isLowConv(g, infos, n) || !known(n.Inputs[0]) {
			continue
		}
		res := n.inputName(residualInput)
		if res != "" && !known(res) || isDepthwise(g, infos, n) && (res != "" || !l.read[out] || !known(out)) {
			continue
		}
		l.nodes[n], l.read[n.Inputs[0]] = true, true
		if res != "" {
			l.read[res] = true
		}
	}
	return l
}

// lowChannels is the least number of channels that a picture has which a low convolution reads.
const lowChannels = 4

// isLowConv reports whether n, a node of a fused graph, is a convolution that is worth low precision, and that its
// kernels can run: of a picture of more than one pixel and of several channels, with an activation that clips.
func isLowConv(g *Graph, infos map[string]Info, n *Node) bool {
	if n.Op != "Conv" || infos[n.Inputs[0]].Const != nil || infos[n.Inputs[0]].DType != tensor.Float32 {
		return false
	}
	switch act, _ := epilogue(n); act.Func {
	case kernel.Identity, kernel.Relu, kernel.Clip:
	default:
		return false
	}
	_, ok := fastConv(g, infos, n)
	s := infos[n.Inputs[0]].Shape
	return ok && s[1] >= lowChannels && s[2]*s[3] > 1 && product(g.constant(n.Inputs[1]).Shape[1:]) <= kernel.MaxTaps
}

// isDepthwise reports whether n, a Conv that kernels can run, has a kernel of its own for each channel.
func isDepthwise(g *Graph, infos map[string]Info, n *Node) bool {
	w, c := g.constant(n.Inputs[1]).Shape, infos[n.Inputs[0]].Shape[1]
	return w[0] == c && w[1] == 1 && n.Attrs.Int("group", 1) == c && c > 1
}

// LowValues returns the names of the values that a Plan of g keeps in eight bits if it is told their Quants, in the
// order in which they are computed: those that convolutions read, but for a network's first, whose few channels are
// not worth it. What a residual sum is added to is none of them: it is float32.
func LowValues(g *Graph) ([]string, error) {
	base := g.Clone()
	if err := simplify(base); err != nil {
		return nil, err
	}
	infos, _, err := inferAny(base)
	if err != nil {
		return nil, err
	}
	fused := base.Clone()
	fuse(fused, infos)
	low := findLow(fused, infos, func(string) bool { return true })
	want, maker := map[string]bool{}, newLinks(fused).maker
	for name := range low.read {
		want[name] = true
	}
	for _, n := range fused.Nodes {
		if n.Op == "MaxPool" && low.read[n.Outputs[0]] && !low.nodes[maker[n.Inputs[0]]] {
			delete(want, n.Inputs[0]) // no convolution makes it, so that it is not stored low
		}
	}
	for n := range low.nodes {
		want[n.Inputs[0]] = true
	}
	var names []string
	for _, n := range base.Nodes {
		for _, out := range n.Outputs {
			if want[out] {
				names = append(names, out)
			}
		}
	}
	return names, nil
}
