package backbone

import (
	"strconv"

	"github.com/graft-ml/graft/internal/nn"
)

// freshName returns base, or base with a number where g has a value of that name.
func freshName(g *nn.Graph, base string) string {
	all := g.Values()
	name := base
	for i := 2; all[name]; i++ {
		name = base + "_" + strconv.Itoa(i)
	}
	return name
}

// renameValue makes everything that makes or reads the value from speak of to.
func renameValue(g *nn.Graph, from, to string) {
	swap := func(names []string) {
		for i, s := range names {
			if s == from {
				names[i] = to
			}
		}
	}
	for _, n := range g.Nodes {
		swap(n.Inputs)
		swap(n.Outputs)
	}
	for _, list := range [][]nn.Value{g.Inputs, g.Outputs} {
		for i := range list {
			if list[i].Name == from {
				list[i].Name = to
			}
		}
	}
	if t, ok := g.Init[from]; ok {
		delete(g.Init, from)
		g.Init[to] = t
	}
}

// takeName renames the value from to name. Another value of that name gets a new one.
func takeName(g *nn.Graph, from, name string) {
	if from == name {
		return
	}
	if g.Values()[name] {
		renameValue(g, name, freshName(g, name))
	}
	renameValue(g, from, name)
}

// makers returns the node that makes each value.
func makers(g *nn.Graph) map[string]*nn.Node {
	by := make(map[string]*nn.Node, len(g.Nodes))
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			by[name] = n
		}
	}
	return by
}

// live returns the values that depend on the picture.
func live(g *nn.Graph) map[string]bool {
	set := map[string]bool{}
	for _, v := range g.Inputs {
		set[v.Name] = true
	}
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			if !set[in] {
				continue
			}
			for _, out := range n.Outputs {
				set[out] = true
			}
			break
		}
	}
	return set
}

// prune drops the nodes and initialisers that the outputs of g do not need.
func prune(g *nn.Graph) {
	needed := map[string]bool{}
	for _, v := range g.Outputs {
		needed[v.Name] = true
	}
	keep := make([]*nn.Node, 0, len(g.Nodes))
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		used := false
		for _, out := range n.Outputs {
			used = used || needed[out]
		}
		if !used {
			continue
		}
		keep = append(keep, n)
		for _, in := range n.Inputs {
			needed[in] = true
		}
	}
	g.Nodes = g.Nodes[:0]
	for i := len(keep) - 1; i >= 0; i-- {
		g.Nodes = append(g.Nodes, keep[i])
	}
	for name := range g.Init {
		if !needed[name] {
			delete(g.Init, name)
		}
	}
}
