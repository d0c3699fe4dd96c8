package nn

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// gradCase is a node that is differentiated by its inputs. Inputs are spread evenly, in a shuffled order, so that
// the distance from one to the next, and to where a function has a kink, is known: it must exceed the two steps
// of 1/16 that check.GradCheck takes.
type gradCase struct {
	name  string
	op    string
	at    Attrs
	in    []tensor.Shape
	from  float32                // the inputs are spread over [from, from+2)
	scale float32                // … times scale; 0 means 1
	shift float32                // input i is moved by i·shift
	fixed map[int]*tensor.Tensor // inputs that are not differentiated, by their place; in has a nil shape there
	outs  int                    // number of outputs; 0 means 1
}

// graph returns the node, all of whose inputs are initialisers, and those by which it is differentiated. Several
// outputs are joined to one list.
func (c gradCase) graph() (g *Graph, params []string) {
	rng := rand.New(rand.NewPCG(3, 5))
	if c.scale == 0 {
		c.scale = 1
	}
	g = &Graph{Name: c.op, Init: map[string]*tensor.Tensor{}, Outputs: []Value{{Name: "y"}}}
	n := &Node{Op: c.op, Name: "n", Attrs: c.at}
	for i, s := range c.in {
		name := fmt.Sprint("x", i)
		n.Inputs = append(n.Inputs, name)
		if x, ok := c.fixed[i]; ok {
			if g.Init[name] = x; x == nil {
				delete(g.Init, name)
				n.Inputs[i] = ""
			}
			continue
		}
		x := points(rng, product(s), c.from, c.scale)
		for k := range x {
			x[k] += float32(i) * c.shift
		}
		g.Init[name], params = tensor.FromFloats(x, s...), append(params, name)
	}
	g.Nodes = []*Node{n}
	if c.outs == 0 {
		n.Outputs = []string{"y"}
		return g, params
	}
	g.Init["list"] = ints(-1)
	join := &Node{Op: "Concat", Name: "join", Outputs: []string{"y"}}
	for i := range c.outs {
		out, flat := fmt.Sprint("y", i), fmt.Sprint("flat", i)
		n.Outputs, join.Inputs = append(n.Outputs, out), append(join.Inputs, flat)
		g.Nodes = append(g.Nodes, &Node{Op: "Reshape", Name: flat, Inputs: []string{out, "list"}, Outputs: []string{flat}})
	}
	g.Nodes = append(g.Nodes, join)
	return g, params
}

// noGradientBecause says of each operator without a backward why it has none.
var noGradientBecause = map[string]string{
	"And": "the result is not a float", "Equal": "the result is not a float", "Greater": "the result is not a float",
	"Less": "the result is not a float", "Not": "the result is not a float", "Shape": "the result is not a float",
	"Constant":        "it has no inputs",
	"ConstantOfShape": "the input is a shape",
	"Range":           "the inputs decide the shape of the result, so they are constants",
}

func TestEveryOperatorHasGradient(t *testing.T) {
	for op, def := range ops {
		why, without := noGradientBecause[op]
		switch {
		case def.backward == nil && !without:
			t.Errorf("%s has no backward, and no reason for that", op)
		case def.backward != nil && without:
			t.Errorf("%s has a backward, though %s", op, why)
		case !without && len(casesOf(op)) == 0:
			t.Errorf("%s has no case", op)
		}
	}
}

func casesOf(op string) (cases []gradCase) {
	for _, c := range gradCases() {
		if c.op == op {
			cases = append(cases, c)
		}
	}
	return cases
}

func TestGradients(t *testing.T) {
	for _, c := range gradCases() {
		t.Run(c.op+"/"+c.name, func(t *testing.T) {
			g, params := c.graph()
			checkTape(t, g, params, nil, nil)
		})
	}
}

// Every number of workers gives the same bits, for each operator that is defined here.
func TestGradientWorkers(t *testing.T) {
	for _, c := range gradCases() {
		t.Run(c.op+"/"+c.name, func(t *testing.T) {
			g, params := c.graph()
			var want [][]float32
			for _, threads := range []int{1, 2, 5} {
				pool := NewPool(threads)
				got := gradients(t, g, params, pool)
				pool.Close()
				if want == nil {
					want = got
				}
				for i := range want {
					equal(t, tensor.FromFloats(got[i], len(got[i])), tensor.FromFloats(want[i], len(want[i])), 0)
				}
			}
		})
	}
}

// gradients returns the output of g and its gradients by params.
func gradients(t *testing.T, g *Graph, params []string, pool *Pool) [][]float32 {
	t.Helper()
	tape, err := NewTape(g, TapeOptions{Params: params, Pool: pool})
	if err != nil {
		t.Fatal(err)
	}
	y, err := tape.Forward(1, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := [][]float32{append([]float32(nil), y...)}
	dOut := make([]float32, len(y))
	for i := range dOut {
		dOut[i] = float32(i%3) - 0.9
	}
	if err := tape.Backward(dOut); err != nil {
		t.Fatal(err)
	}
	for _, p := range params {
		out = append(out, tape.Grad(p))
	}
	return out
}

// CaseGraphs returns the graphs of the cases, called by their names, to the tests that look at nn from outside.
func CaseGraphs() (graphs []*Graph) {
	for _, c := range gradCases() {
		g, _ := c.graph()
		g.Name = c.name
		graphs = append(graphs, g)
	}
	return graphs
}
