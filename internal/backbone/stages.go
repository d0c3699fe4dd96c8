package backbone

import (
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// Stage is a part of a network through which pictures keep their size.
type Stage struct {
	Start int          // the index of its first node
	Input string       // the value that it begins with: all that it reads of what lies before
	Shape tensor.Shape // of Input, for one picture
}

// Stages divides g, from a picture to whatever it gives, into stages. A stage ends where the height and width of
// pictures halve, at the nearest place where a single value carries all that is known, and the smallest one there:
// behind a pooling, in front of a residual block with a stride, or in front of the convolution that widens a
// picture for such a block. The first stage begins with the input, and each has weights of its own.
func Stages(g *nn.Graph) ([]Stage, error) {
	infos, err := nn.InferAt(g, 1)
	if err != nil {
		return nil, err
	}
	s := &stager{g: g, infos: infos, crossing: crossings(g)}
	stages := []Stage{{Input: g.Inputs[0].Name, Shape: infos[g.Inputs[0].Name].Shape}}
	for r, n := range g.Nodes {
		if !s.halves(n) {
			continue
		}
		at := s.boundary(r)
		if at < 0 || !s.hasWeights(g.Nodes[stages[len(stages)-1].Start:at+1]) || !s.hasWeights(g.Nodes[at+1:]) {
			continue
		}
		value := s.crossing[at]
		stages = append(stages, Stage{Start: at + 1, Input: value, Shape: infos[value].Shape})
	}
	return stages, nil
}

type stager struct {
	g        *nn.Graph
	infos    map[string]nn.Info
	crossing []string
	area     int // of the smallest pictures so far; 0: none yet
}

// halves reports whether n makes pictures of at most half the area of its input's, smaller than any before.
func (s *stager) halves(n *nn.Node) bool {
	if n.Op != "Conv" && n.Op != "MaxPool" && n.Op != "AveragePool" {
		return false
	}
	in, out := area(s.infos[n.Inputs[0]].Shape), area(s.infos[n.Outputs[0]].Shape)
	if out <= 1 || 2*out > in || s.area != 0 && out >= s.area {
		return false
	}
	s.area = out
	return true
}

// area is H·W of a picture [N C H W], 0 of anything else.
func area(shape tensor.Shape) int {
	if len(shape) != 4 {
		return 0
	}
	return shape[2] * shape[3]
}

// boundary returns the index of the node behind which the stage ends that node r ends, or −1.
func (s *stager) boundary(r int) int {
	if s.g.Nodes[r].Op != "Conv" && s.size(r) > 0 {
		return r // pooled pictures are smaller than any before
	}
	at := r - 1
	for at >= 0 && s.size(at) == 0 { // a branch that began before r
		at--
	}
	best := at
	for convs, apart := 0, 0; at >= 0; at-- {
		switch n := s.size(at); {
		case n == 0:
			if apart++; apart > 1 { // one is what lies between an activation's input and its product with it
				return best
			}
		case n < s.size(best):
			best, apart = at, 0
		default:
			apart = 0
		}
		if s.g.Nodes[at].Op == "Conv" {
			if convs++; convs > 1 {
				return best
			}
		}
	}
	return best
}

// size is how many numbers the one picture has that crosses the place behind node at; 0 where there is none.
func (s *stager) size(at int) int {
	shape := s.infos[s.crossing[at]].Shape
	if s.crossing[at] == "" || area(shape) == 0 {
		return 0
	}
	n, _ := shape.Elems()
	return n
}

func (s *stager) hasWeights(nodes []*nn.Node) bool {
	return slices.ContainsFunc(nodes, func(n *nn.Node) bool {
		return (n.Op == "Conv" || n.Op == "Gemm" || n.Op == "MatMul") && len(n.Inputs) > 1 && s.infos[n.Inputs[1]].Const != nil
	})
}

// crossings returns, for each node, the one value that depends on the picture, was made up to there and is used
// behind it; "" where there are several.
func crossings(g *nn.Graph) []string {
	depends, last := live(g), map[string]int{}
	for i, n := range g.Nodes {
		for _, name := range n.Inputs {
			last[name] = i
		}
	}
	for _, v := range g.Outputs {
		last[v.Name] = len(g.Nodes)
	}
	open := map[string]bool{}
	for _, v := range g.Inputs {
		open[v.Name] = true
	}
	out := make([]string, len(g.Nodes))
	for i, n := range g.Nodes {
		for _, name := range n.Inputs {
			if last[name] == i {
				delete(open, name)
			}
		}
		for _, name := range n.Outputs {
			if depends[name] && last[name] > i {
				open[name] = true
			}
		}
		if len(open) == 1 {
			for name := range open {
				out[i] = name
			}
		}
	}
	return out
}

// SplitAt returns the two parts of g, which has one input: from its input to value, and from value to its outputs.
// It is an error if the second part needs anything else that depends on the input.
func SplitAt(g *nn.Graph, value string) (before, after *nn.Graph, err error) {
	infos, err := nn.Infer(g)
	if err != nil {
		return nil, nil, err
	}
	info, ok := infos[value]
	if !ok || info.DType != tensor.Float32 || info.Const != nil {
		return nil, nil, fmt.Errorf("no float value %q that depends on the picture", value)
	}
	edge := nn.Value{Name: value, DType: info.DType, Shape: info.Shape}
	before, after = g.Clone(), g.Clone()
	before.Outputs = []nn.Value{edge}
	prune(before)
	after.Nodes = slices.DeleteFunc(after.Nodes, func(n *nn.Node) bool { return slices.Contains(n.Outputs, value) })
	after.Inputs = []nn.Value{edge}
	prune(after)
	if err := nn.Validate(after); err != nil {
		return nil, nil, fmt.Errorf("at %q the network cannot be split: %w", value, err)
	}
	return before, after, nil
}
