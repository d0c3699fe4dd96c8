package onnx

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// smallModel is a model of some 700 bytes that has one of everything: a float16 weight behind a Cast, integer
// and float initialisers, attributes of several types, an open batch, metadata.
func smallModel() *Model {
	half := &tensor.Tensor{DType: tensor.Float16, Shape: tensor.Shape{2, 3, 1, 1}}
	for _, v := range []float32{0.5, -1, 2, 0.25, 1, -0.125} {
		h := tensor.ToFloat16(v)
		half.Raw = append(half.Raw, byte(h), byte(h>>8))
	}
	node := func(op, out string, attrs nn.Attrs, in ...string) *nn.Node {
		return &nn.Node{Op: op, Name: "node_" + out, Inputs: in, Outputs: []string{out}, Attrs: attrs}
	}
	g := &nn.Graph{
		Name:    "small",
		Inputs:  []nn.Value{{Name: "input", DType: tensor.Float32, Shape: tensor.Shape{tensor.Free, 3, 4, 5}}},
		Outputs: []nn.Value{{Name: "probabilities", DType: tensor.Float32, Shape: tensor.Shape{tensor.Free, 4}}},
		Nodes: []*nn.Node{
			node("Cast", "w", nn.Attrs{"to": int64(1)}, "w16"),
			node("Conv", "conv", nn.Attrs{"kernel_shape": []int64{1, 1}, "pads": []int64{0, 1, 0, 1}, "auto_pad": "NOTSET"}, "input", "w", "b"),
			node("LeakyRelu", "act", nn.Attrs{"alpha": float32(0.125)}, "conv"),
			node("Clip", "clip", nn.Attrs{}, "act", "", "six"),
			node("GlobalAveragePool", "pool", nn.Attrs{}, "clip"),
			node("Reshape", "flat", nn.Attrs{}, "pool", "shape"),
			node("Gemm", "logits", nn.Attrs{"transB": int64(1)}, "flat", "head", "head_b"),
			node("Softmax", "probabilities", nn.Attrs{"axis": int64(-1)}, "logits"),
		},
		Init: map[string]*tensor.Tensor{
			"w16":    half,
			"b":      tensor.FromFloats([]float32{0.5, -0.5}, 2),
			"six":    scalar(6),
			"shape":  tensor.FromInts([]int64{-1, 2}, 2),
			"head":   tensor.FromFloats([]float32{1, -1, 0.5, 2, -2, 0.25, 3, 1}, 4, 2),
			"head_b": tensor.FromFloats([]float32{0, 0.5, 1, 1.5}, 4),
		},
	}
	return &Model{
		Graph: g, Metadata: map[string]string{"classes": "[\"a\",\"b\"]", "empty": ""},
		Producer: "graft", ProducerVersion: "test", Opset: nn.Opset, IRVersion: irWrite,
	}
}

func encoded(t testing.TB, m *Model) []byte {
	data, err := Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func readTestdata(t testing.TB, name string) []byte {
	data, err := os.ReadFile("../../testdata/onnx/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Tolerances of ONNX's own runner of these tests: |got−want| ≤ nodeAtol + nodeRtol·|want|.
const (
	nodeRtol = 1e-3
	nodeAtol = 1e-7
)

// compare returns an error if got is not want within the tolerances. A NaN equals a NaN.
func compare(got, want *tensor.Tensor) error {
	if got.DType != want.DType || !got.Shape.Equal(want.Shape) {
		return fmt.Errorf("%v %v, want %v %v", got.DType, got.Shape, want.DType, want.Shape)
	}
	if !slices.Equal(got.I, want.I) {
		return fmt.Errorf("%v, want %v", got.I, want.I)
	}
	for i, w := range want.F {
		g := got.F[i]
		if d := math.Abs(float64(g) - float64(w)); !(d <= nodeAtol+nodeRtol*math.Abs(float64(w))) && g != w && (g == g || w == w) {
			return fmt.Errorf("element %d of %v: %v, want %v", i, got.Shape, g, w)
		}
	}
	return nil
}
