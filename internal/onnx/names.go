package onnx

import (
	"strconv"

	"github.com/graft-ml/graft/internal/nn"
)

// names makes names for new values of a graph.
type names struct {
	used map[string]bool
	last int
}

func namesOf(g *nn.Graph) *names {
	s := &names{used: map[string]bool{"": true}}
	for name := range g.Init {
		s.used[name] = true
	}
	for _, v := range g.Inputs {
		s.used[v.Name] = true
	}
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			s.used[name] = true
		}
	}
	return s
}

// fresh returns a name that starts with base and that no value has. The numbers are never tried twice, so
// that no file makes the search long.
func (s *names) fresh(base string) string {
	for {
		s.last++
		if name := base + "_" + strconv.Itoa(s.last); !s.used[name] {
			s.used[name] = true
			return name
		}
	}
}
