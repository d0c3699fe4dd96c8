package nn

// Join returns the network that runs base and then head on base's output. Names of head that base has too are
// given the prefix "head/". The weights are shared with both. head has one
// input.
func Join(base, head *Graph) *Graph {
	g := base.Clone()
	taken := base.Values()
	rename := map[string]string{head.Inputs[0].Name: base.Outputs[0].Name, "": ""}
	fresh := func(name string) string {
		to, known := rename[name]
		if !known {
			to = name
			for taken[to] {
				to = "head/" + to
			}
			rename[name] = to
		}
		return to
	}
	for name, t := range head.Init {
		g.Init[fresh(name)] = t
	}
	for _, n := range head.Clone().Nodes {
		for i, name := range n.Inputs {
			n.Inputs[i] = fresh(name)
		}
		for i, name := range n.Outputs {
			n.Outputs[i] = fresh(name)
		}
		g.Nodes = append(g.Nodes, n)
	}
	g.Outputs = nil
	for _, v := range head.Outputs {
		v.Name = fresh(v.Name)
		g.Outputs = append(g.Outputs, v)
	}
	return g
}
