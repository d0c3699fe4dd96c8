package nn

import (
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/tensor"
)

// A pass rewrites a graph into one that computes the same with less work. It may change g.Nodes, the nodes
// and g.Init, but not the data of an initialiser. What it leaves is a valid graph.
type pass struct {
	name string
	run  func(g *Graph) error
}

// passes run in this order, each once. The result still speaks ONNX; fusions that have no ONNX operator are
// in fuse.
var passes = []pass{
	{"fold constants", foldConstants},
	{"remove identities", removeIdentities},
	{"join what is spelled out", joinSpelledOut},
	{"merge pads", mergePads},
	{"turn products into convolutions", productsToConvs},
	{"write affine maps as batch norms", affineToBatchNorm},
	{"merge batch norms", mergeBatchNorms},
	{"fold batch norms", foldBatchNorms},
	{"remove dead nodes", removeDead},
}

// simplify applies all passes to g.
func simplify(g *Graph) error {
	for _, p := range passes {
		if err := p.run(g); err != nil {
			return fmt.Errorf("nn: pass %q: %w", p.name, err)
		}
	}
	return nil
}

// Fold returns a copy of g in which everything that does not depend on an input is an initialiser: weights that a
// file keeps in another type, or spells out, can then be trained.
func Fold(g *Graph) (*Graph, error) {
	g = g.Clone()
	return g, foldConstants(g)
}

// inferAny returns what is known of g's values for any batch, or for a batch of one where the graph works for
// that only.
func inferAny(g *Graph) (infos map[string]Info, any bool, err error) {
	infos, err = Infer(g)
	if err == nil {
		return infos, true, nil
	}
	one, errOne := InferAt(g, 1)
	if errOne != nil {
		return nil, false, err
	}
	return one, false, nil
}

// links says who makes and who reads each value.
type links struct {
	maker map[string]*Node
	uses  map[string]int // readers, and one more for an output of the graph
}

func newLinks(g *Graph) *links {
	l := &links{maker: map[string]*Node{}, uses: map[string]int{}}
	for _, n := range g.Nodes {
		for _, name := range n.Inputs {
			l.uses[name]++
		}
		for _, name := range n.Outputs {
			l.maker[name] = n
		}
	}
	for _, v := range g.Outputs {
		l.uses[v.Name]++
	}
	return l
}

// only returns the node that makes value, if it is an op and nothing but one reader uses what it makes.
func (l *links) only(value string, op ...string) *Node {
	n := l.maker[value]
	if n == nil || !slices.Contains(op, n.Op) || l.uses[value] != 1 || len(n.Outputs) != 1 {
		return nil
	}
	return n
}

// drop removes the nodes that dead holds.
func (g *Graph) drop(dead map[*Node]bool) {
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *Node) bool { return dead[n] })
}

// freshInit adds t to g under a new name that starts with prefix.
func (g *Graph) freshInit(prefix string, t *tensor.Tensor) string {
	taken := func(name string) bool {
		return g.Init[name] != nil || slices.ContainsFunc(g.Nodes, func(n *Node) bool { return slices.Contains(n.Outputs, name) })
	}
	name := prefix
	for i := 1; taken(name); i++ {
		name = fmt.Sprintf("%s_%d", prefix, i)
	}
	g.Init[name] = t
	return name
}

// constant returns the float32 initialiser of that name, or nil.
func (g *Graph) constant(name string) *tensor.Tensor {
	if t := g.Init[name]; t != nil && t.DType == tensor.Float32 {
		return t
	}
	return nil
}

// inputName returns the name of input i of n, "" where it is absent.
func (n *Node) inputName(i int) string {
	if i < len(n.Inputs) {
		return n.Inputs[i]
	}
	return ""
}

// setInput names input i of n, which may lie beyond those that it has.
func (n *Node) setInput(i int, name string) {
	for len(n.Inputs) <= i {
		n.Inputs = append(n.Inputs, "")
	}
	n.Inputs[i] = name
}

// Simplified returns a graph that computes the same as g, which is not changed, with less work: constants are folded,
// batch normalisations are part of the weights. It still speaks ONNX, and the values that are left keep their names.
func Simplified(g *Graph) (*Graph, error) {
	c := g.Clone()
	return c, simplify(c)
}
