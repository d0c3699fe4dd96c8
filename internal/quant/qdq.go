package quant

import (
	"fmt"
	"maps"
	"math"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// QDQ returns g, which is not changed, simplified and with its low convolutions written in ONNX's form for quantised
// networks: each value that has a Quant goes through QuantizeLinear and DequantizeLinear, and weights come as int8 through
// a DequantizeLinear for each output channel. Runtimes that know the form compute with the integers.
func QDQ(g *nn.Graph, quants map[string]nn.Quant) (*nn.Graph, error) {
	simple, err := nn.Simplified(g)
	if err != nil {
		return nil, fmt.Errorf("quant: %w", err)
	}
	w := writer{g: simple, quants: quants, taken: simple.Values(), low: map[string]string{}}
	nodes := simple.Nodes
	simple.Nodes = nil
	for _, n := range nodes {
		if err := w.node(n); err != nil {
			return nil, fmt.Errorf("quant: %s %q: %w", n.Op, n.Name, err)
		}
	}
	w.dropUnused()
	return simple, nil
}

// writer rewrites a graph node by node.
type writer struct {
	g      *nn.Graph
	quants map[string]nn.Quant
	taken  map[string]bool
	low    map[string]string // from the name of a value to that of what was quantised
}

func (w *writer) node(n *nn.Node) error {
	input := n.Inputs[0]
	for i, name := range n.Inputs {
		if low := w.low[name]; low != "" {
			n.Inputs[i] = low
		}
	}
	if n.Op == "Conv" && w.low[input] != "" {
		if err := w.weights(n, w.quants[input]); err != nil {
			return err
		}
	}
	w.g.Nodes = append(w.g.Nodes, n)
	if q, ok := w.quants[n.Outputs[0]]; ok && w.low[n.Outputs[0]] == "" {
		w.low[n.Outputs[0]] = w.value(n.Outputs[0], q)
	}
	return nil
}

// dropUnused removes the initialisers that no node reads any more.
func (w *writer) dropUnused() {
	used := map[string]bool{}
	for _, n := range w.g.Nodes {
		for _, name := range n.Inputs {
			used[name] = true
		}
	}
	maps.DeleteFunc(w.g.Init, func(name string, _ *tensor.Tensor) bool { return !used[name] })
}

// fresh returns a name that no value has.
func (w *writer) fresh(name string) string {
	for w.taken[name] {
		name += "_"
	}
	w.taken[name] = true
	return name
}

// constant adds an initialiser and returns its name.
func (w *writer) constant(name string, t *tensor.Tensor) string {
	name = w.fresh(name)
	w.g.Init[name] = t
	return name
}

func (w *writer) op(op string, attrs nn.Attrs, output string, inputs ...string) string {
	output = w.fresh(output)
	w.g.Nodes = append(w.g.Nodes, &nn.Node{Op: op, Name: output, Inputs: inputs, Outputs: []string{output}, Attrs: attrs})
	return output
}

// value adds the two nodes behind a value and returns the name of what comes out of them.
func (w *writer) value(name string, q nn.Quant) string {
	scale := w.constant(name+"/scale", scalar(q.Scale))
	zero := w.constant(name+"/zero", &tensor.Tensor{DType: tensor.Uint8, I: []int64{int64(q.Zero)}})
	return w.op("DequantizeLinear", nn.Attrs{}, name+"/dequantised", w.op("QuantizeLinear", nn.Attrs{}, name+"/quantised", name, scale, zero), scale, zero)
}

func scalar(v float32) *tensor.Tensor { return &tensor.Tensor{DType: tensor.Float32, F: []float32{v}} }

// weights makes those of a convolution that reads a value stored as q integers, and its bias.
func (w *writer) weights(n *nn.Node, q nn.Quant) error {
	t := w.g.Init[n.Inputs[1]]
	if t == nil || t.DType != tensor.Float32 {
		return nil // the plan computes such a one in float32
	}
	var bias []float32
	if len(n.Inputs) > 2 && n.Inputs[2] != "" {
		b := w.g.Init[n.Inputs[2]]
		if b == nil || b.DType != tensor.Float32 {
			return nil
		}
		bias = b.F
	}
	low := nn.NewLowWeights(t.F, t.Shape, n.Attrs.Int("group", 1), bias, q)
	name := n.Inputs[1]
	axis := nn.Attrs{"axis": int64(0)}
	scale := w.constant(name+"/scale", tensor.FromFloats(low.Scale, len(low.Scale)))
	zero := w.constant(name+"/zero", tensor.New(tensor.Int8, len(low.Scale)))
	ints := &tensor.Tensor{DType: tensor.Int8, Shape: t.Shape, I: widen(low.W)}
	n.Inputs = append(n.Inputs[:1:1], w.op("DequantizeLinear", axis, name+"/dequantised", w.constant(name+"/quantised", ints), scale, zero))

	steps, sums := make([]float32, len(low.Scale)), make([]int64, len(low.Scale))
	for c, s := range low.Scale {
		steps[c] = s * q.Scale
		v := math.RoundToEven(float64(low.Bias[c]) / float64(steps[c]))
		if math.IsNaN(v) || math.Abs(v) > math.MaxInt32 {
			return fmt.Errorf("bias %v of channel %d does not fit into 32 bits of steps of %v", low.Bias[c], c, steps[c])
		}
		sums[c] = int64(v)
	}
	step := w.constant(name+"/bias_scale", tensor.FromFloats(steps, len(steps)))
	none := w.constant(name+"/bias_zero", tensor.New(tensor.Int32, len(steps)))
	whole := w.constant(name+"/bias_quantised", &tensor.Tensor{DType: tensor.Int32, Shape: tensor.Shape{len(sums)}, I: sums})
	n.Inputs = append(n.Inputs, w.op("DequantizeLinear", axis, name+"/bias", whole, step, none))
	return nil
}

func widen(q []int8) []int64 {
	out := make([]int64, len(q))
	for i, v := range q {
		out[i] = int64(v)
	}
	return out
}
