package nn

import "slices"

// foldConstants replaces nodes whose outputs do not depend on an input by initialisers: decoded weights,
// shape arithmetic.
func foldConstants(g *Graph) error {
	infos, _, err := inferAny(g)
	if err != nil {
		return err
	}
	dead := map[*Node]bool{}
	for _, n := range g.Nodes {
		if slices.ContainsFunc(n.Outputs, func(o string) bool { return o != "" && infos[o].Const == nil }) {
			continue
		}
		for _, o := range n.Outputs {
			if o != "" {
				g.Init[o] = infos[o].Const
			}
		}
		dead[n] = true
	}
	g.drop(dead)
	return removeDead(g)
}

// removeDead removes nodes and initialisers that no output of g depends on.
func removeDead(g *Graph) error {
	live := map[string]bool{}
	for _, v := range g.Outputs {
		live[v.Name] = true
	}
	dead := map[*Node]bool{}
	for _, n := range slices.Backward(g.Nodes) {
		if !slices.ContainsFunc(n.Outputs, func(o string) bool { return live[o] }) {
			dead[n] = true
			continue
		}
		for _, name := range n.Inputs {
			live[name] = true
		}
	}
	g.drop(dead)
	for name := range g.Init {
		if !live[name] {
			delete(g.Init, name)
		}
	}
	return nil
}

// removeIdentities removes Identity and Dropout. One that joins an input or a constant directly to an output of
// the graph stays, as does a Dropout whose mask is used.
func removeIdentities(g *Graph) error {
	l := newLinks(g)
	output := map[string]bool{}
	for _, v := range g.Outputs {
		output[v.Name] = true
	}
	source := map[string]string{} // what an identity's output is
	final := map[string]string{}  // values that take the name of an output
	dead := map[*Node]bool{}
	for _, n := range g.Nodes {
		for i, name := range n.Inputs {
			if s, ok := source[name]; ok {
				n.Inputs[i] = s
			}
		}
		if n.Op != "Identity" && n.Op != "Dropout" || len(n.Outputs) > 1 && l.uses[n.Outputs[1]] > 0 {
			continue
		}
		from, to := n.Inputs[0], n.Outputs[0]
		switch {
		case !output[to]:
			source[to] = from
		case l.maker[from] != nil && !output[from] && final[from] == "":
			final[from] = to
		default:
			continue
		}
		dead[n] = true
	}
	g.drop(dead)
	for _, n := range g.Nodes {
		for _, names := range [][]string{n.Inputs, n.Outputs} {
			for i, name := range names {
				if to := final[name]; to != "" {
					names[i] = to
				}
			}
		}
	}
	return nil
}

// mergePads moves a Pad with zeros over the spatial axes into the convolution that reads it.
func mergePads(g *Graph) error {
	l := newLinks(g)
	dead := map[*Node]bool{}
	for _, n := range g.Nodes {
		if n.Op != "Conv" || n.Attrs.Str("auto_pad", "NOTSET") != "NOTSET" {
			continue
		}
		pad := l.only(n.Inputs[0], "Pad")
		w := g.constant(n.Inputs[1])
		if pad == nil || w == nil || len(w.Shape) < 3 {
			continue
		}
		more := zeroPads(g, pad, len(w.Shape))
		if more == nil {
			continue
		}
		pads := make([]int64, len(more))
		for i, p := range n.Attrs.Ints("pads") {
			pads[i] = int64(p)
		}
		for i, p := range more {
			pads[i] += p
		}
		n.Attrs["pads"] = pads
		n.Inputs[0] = pad.Inputs[0]
		dead[pad] = true
	}
	g.drop(dead)
	return nil
}

// zeroPads returns by how much pad widens the spatial axes of a value of that rank, in the order of Conv's
// pads; nil if it does anything else.
func zeroPads(g *Graph, pad *Node, rank int) []int64 {
	amounts := g.Init[pad.inputName(1)]
	if pad.Attrs.Str("mode", "constant") != "constant" || pad.inputName(3) != "" || amounts == nil || len(amounts.I) != 2*rank {
		return nil
	}
	if name := pad.inputName(2); name != "" {
		if v := g.constant(name); v == nil || v.F[0] != 0 {
			return nil
		}
	}
	var spatial []int64
	for i, p := range amounts.I {
		switch axis := i % rank; {
		case p < 0 || p > maxWindow || axis < 2 && p != 0:
			return nil
		case axis >= 2:
			spatial = append(spatial, p)
		}
	}
	return spatial
}
