package onnx

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// planOps are the operators of which at least one case must go through a Plan.
const planOps = `Conv BatchNormalization Relu Clip LeakyRelu PRelu Sigmoid HardSigmoid HardSwish Gelu Erf Tanh Softmax
	LogSoftmax MaxPool AveragePool GlobalAveragePool GlobalMaxPool ReduceMean Gemm MatMul Add Mul Sub Div Pow Sqrt Max
	Min Split Slice ReduceSum Flatten Transpose Squeeze Unsqueeze Pad Identity Dropout LayerNormalization LRN`

// mixesBatch lists the cases whose results for one picture depend on the others, which no network of
// pictures does, and which a Plan therefore may compute otherwise.
var mixesBatch = []string{"node/test_*softmax_axis_0", "node/test_mvn_expanded*"}

// The cases that can be put in the form of a picture network (one float input whose first axis is the batch,
// everything else constant, float outputs by batch) give the same through a Plan.
func TestNodesThroughPlan(t *testing.T) {
	cases := readCases(t, nodeArchive)
	ran := map[string]bool{}
	count := 0
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		isOut := func(r scopeRule) bool { return matches(t, r.pattern, name) }
		mixes := func(pattern string) bool { return matches(t, pattern, name) }
		if slices.ContainsFunc(outOfScope, isOut) || slices.ContainsFunc(mixesBatch, mixes) {
			continue
		}
		g, x := asPictureNet(t, cases[name])
		if g == nil {
			continue
		}
		if err := runPlan(t, g, x, cases[name]); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		count++
		for _, n := range g.Nodes {
			ran[n.Op] = true
		}
	}
	for _, op := range strings.Fields(planOps) {
		if !ran[op] {
			t.Errorf("no case of %s went through a plan", op)
		}
	}
	if count < 150 {
		t.Errorf("%d cases went through a plan, want at least 150", count)
	}
	t.Logf("%d cases of %d", count, len(cases))
}

// asPictureNet returns the case's graph with all but the first input constant, and that input's value; nil
// where the graph is not one that a Plan takes.
func asPictureNet(t *testing.T, files map[string][]byte) (*nn.Graph, *tensor.Tensor) {
	model, inputs, err := bindInputs(files, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode(model)
	if err != nil || len(m.Graph.Inputs) != 1 {
		return nil, nil
	}
	g := m.Graph
	in := g.Inputs[0]
	x := inputs[in.Name]
	if in.DType != tensor.Float32 || len(in.Shape) == 0 || len(x.F) == 0 {
		return nil, nil
	}
	g.Inputs[0].Shape = append(tensor.Shape{tensor.Free}, in.Shape[1:]...)
	for _, n := range []int{1, 2, 8} {
		infos, err := nn.InferAt(g, n)
		if err != nil {
			return nil, nil // the case does not keep the batch
		}
		for _, o := range g.Outputs {
			if v := infos[o.Name]; v.DType != tensor.Float32 || len(v.Shape) == 0 || v.Shape[0] != n {
				return nil, nil
			}
		}
	}
	return g, x
}

func runPlan(t *testing.T, g *nn.Graph, x *tensor.Tensor, files map[string][]byte) error {
	p, err := nn.NewPlan(g, nn.PlanOptions{})
	if err != nil {
		return err
	}
	n := x.Shape[0]
	got := make([]*tensor.Tensor, len(g.Outputs))
	dst := make([][]float32, len(got))
	for i := range got {
		got[i] = tensor.New(tensor.Float32, append(tensor.Shape{n}, p.OutputShape(i)...)...)
		dst[i] = got[i].F
	}
	if err := p.Run(t.Context(), dst, [][]float32{x.F}, n); err != nil {
		return err
	}
	for i, v := range got {
		_, want, err := decodeTensor(files[fmt.Sprintf("output_%d.pb", i)])
		if err != nil {
			return err
		}
		if err := compare(v, want); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}
