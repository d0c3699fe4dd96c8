package nn_test

import (
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/tensor"
)

// Each case of the operators, written as an ONNX file and read back, computes the same bits. Gelu is written as the
// nodes that it is made of, which round in other places.
func TestCasesThroughFiles(t *testing.T) {
	for _, g := range nn.CaseGraphs() {
		t.Run(g.Nodes[0].Op+"/"+g.Name, func(t *testing.T) {
			want := evaluated(t, g)
			g.Outputs[0].DType, g.Outputs[0].Shape = tensor.Float32, want.Shape
			data, err := onnx.Encode(&onnx.Model{Graph: g})
			if err != nil {
				t.Fatal(err)
			}
			m, err := onnx.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			got := evaluated(t, m.Graph)
			if !got.Shape.Equal(want.Shape) {
				t.Fatalf("shape %v, want %v", got.Shape, want.Shape)
			}
			limit := float32(0)
			if g.Nodes[0].Op == "Gelu" {
				limit = 1e-6 // some roundings of values around 1
			}
			for i, w := range want.F {
				if d := got.F[i] - w; !(d <= limit && d >= -limit) {
					t.Fatalf("element %d: %v, want %v", i, got.F[i], w)
				}
			}
		})
	}
}

func evaluated(t *testing.T, g *nn.Graph) *tensor.Tensor {
	t.Helper()
	out, err := nn.Eval(t.Context(), g, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}
