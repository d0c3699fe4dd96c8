package backbone

import (
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// cut is where a network ends.
type cut struct {
	value    string // the features, before pooling
	channels int    // axis of the features in value: 1, or −1 for what a MatMul reads
	text     string // for people
}

// passed are the operators that may stand between the classifier and the output of the graph: they pick,
// squash, average or rearrange scores, and have no weights of their own. Add is one too if it adds a constant.
var passed = map[string]bool{
	"Relu": true, "Softmax": true, "LogSoftmax": true, "Sigmoid": true,
	"GlobalAveragePool": true, "GlobalMaxPool": true, "AveragePool": true, "MaxPool": true, "ReduceMean": true,
	"Flatten": true, "Reshape": true, "Squeeze": true, "Transpose": true, "Dropout": true, "Identity": true,
}

// findCut decides where to cut.
func (b *Backbone) findCut(infos map[string]nn.Info, o Options) (cut, error) {
	g, at := b.Graph, o.Cut
	if at == "" {
		at = b.Metadata[KeyFeatures]
	}
	switch {
	case at == CutNone || at == "":
		if len(g.Outputs) > 1 {
			return cut{}, fmt.Errorf("the graph has %d outputs, %v: name the tensor that holds the features (--cut TENSOR)",
				len(g.Outputs), g.Outputs)
		}
	case makers(g)[at] == nil:
		return cut{}, fmt.Errorf("no node makes the tensor %q", at)
	}
	if at == "" {
		return findClassifier(g, infos)
	}
	if at == CutNone {
		at = g.Outputs[0].Name
	}
	how := "cut at"
	if at == g.Outputs[0].Name {
		how = "nothing cut: output"
	}
	return cut{value: at, channels: 1, text: fmt.Sprintf("%s %q %v", how, at, batched(infos[at].Shape))}, nil
}

// findClassifier walks from the output towards the input through operators of passed to the classifier: a
// Gemm, a MatMul or a 1×1 Conv with constant weights. The cut is at its input.
func findClassifier(g *nn.Graph, infos map[string]nn.Info) (cut, error) {
	depends, by := live(g), makers(g)
	value := g.Outputs[0].Name
	for {
		n := by[value]
		if n == nil {
			return cut{}, fmt.Errorf("found no classifier (Gemm, MatMul or 1x1 Conv) behind the output: %s", cutHelp)
		}
		if isClassifier(n, infos, depends) {
			c := cut{value: n.Inputs[0], channels: 1}
			if n.Op == "MatMul" {
				c.channels = -1
			}
			c.text = fmt.Sprintf("cut before %s %q: %q %v -> %v", n.Op, n.Name, c.value,
				batched(infos[c.value].Shape), batched(infos[n.Outputs[0]].Shape))
			return c, nil
		}
		isAdd := n.Op == "Add" && depends[n.Inputs[0]] != depends[n.Inputs[1]]
		if !passed[n.Op] && !isAdd {
			return cut{}, fmt.Errorf("found no classifier: the output comes out of %s %q, which is not one and may not follow one: %s",
				n.Op, n.Name, cutHelp)
		}
		value = n.Inputs[0]
		if isAdd && !depends[value] {
			value = n.Inputs[1]
		}
	}
}

const cutHelp = "name the tensor that holds the features (--cut TENSOR), or take the graph's output (--cut none)"

// isClassifier reports whether n is a dense layer, or a convolution that is one at each pixel.
func isClassifier(n *nn.Node, infos map[string]nn.Info, depends map[string]bool) bool {
	if len(n.Inputs) < 2 || !depends[n.Inputs[0]] || depends[n.Inputs[1]] {
		return false
	}
	w := infos[n.Inputs[1]].Shape
	switch n.Op {
	case "Gemm":
		return n.Attrs.Int("transA", 0) == 0
	case "MatMul":
		return len(w) == 2
	case "Conv":
		return len(w) == 4 && w[2] == 1 && w[3] == 1 && n.Attrs.Int("group", 1) == 1
	}
	return false
}

// batched is s as people read it: with its first extent as N.
func batched(s tensor.Shape) tensor.Shape {
	if s = s.Clone(); len(s) > 0 {
		s[0] = tensor.Free
	}
	return s
}

// cutAt makes the value of c the only output of g, as rows of features, and drops what it does not need.
func cutAt(g *nn.Graph, c cut, infos map[string]nn.Info) error {
	shape := infos[c.value].Shape
	if infos[c.value].DType != tensor.Float32 || !live(g)[c.value] {
		return fmt.Errorf("the tensor %q %v %v cannot be features: it is not float or does not depend on the picture",
			c.value, infos[c.value].DType, shape)
	}
	g.Outputs = []nn.Value{{Name: c.value, DType: tensor.Float32}}
	prune(g)
	if makers(g)[c.value] == nil {
		return fmt.Errorf("nothing is left in front of the cut at %q", c.value)
	}
	add := func(op string, attrs nn.Attrs) {
		from := g.Outputs[0].Name
		name := freshName(g, "pool")
		g.Nodes = append(g.Nodes, &nn.Node{Op: op, Name: name, Inputs: []string{from}, Outputs: []string{name}, Attrs: attrs})
		g.Outputs[0].Name = name
	}
	rank := len(shape)
	switch {
	case rank == 2:
	case rank > 2 && c.channels < 0: // pixels or tokens first, features last
		var axes []int64
		for i := 1; i < rank-1; i++ {
			axes = append(axes, int64(i))
		}
		add("ReduceMean", nn.Attrs{"axes": axes, "keepdims": int64(0)})
	case rank == 4:
		if !slices.Equal(shape[2:], []int{1, 1}) {
			add("GlobalAveragePool", nn.Attrs{})
		}
		add("Flatten", nn.Attrs{"axis": int64(1)})
	default:
		return fmt.Errorf("the tensor %q has shape %v, want [N D], or [N C H W], which is pooled: choose another (--cut TENSOR)",
			c.value, batched(shape))
	}
	takeName(g, g.Outputs[0].Name, OutputName)
	return nil
}
