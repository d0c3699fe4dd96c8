package onnx

import (
	"bytes"
	"os"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// What is written is what ONNX Runtime was seen to read, and it computes the same; see check_written.py.
func TestWritten(t *testing.T) {
	for name, change := range map[string]func(act *nn.Node){
		"small":     func(*nn.Node) {},
		"gelu":      func(n *nn.Node) { n.Op, n.Attrs = "Gelu", nn.Attrs{} },
		"gelu_tanh": func(n *nn.Node) { n.Op, n.Attrs = "Gelu", nn.Attrs{"approximate": "tanh"} },
	} {
		t.Run(name, func(t *testing.T) {
			m := smallModel()
			change(m.Graph.Nodes[2])
			data := encoded(t, m)
			file := "written_" + name
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile("../../testdata/onnx/"+file+".onnx", data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(data, readTestdata(t, file+".onnx")) {
				t.Error("the file written is another one now: UPDATE_GOLDEN=1, then check_written.py")
			}
			x := tensor.New(tensor.Float32, 3, 3, 4, 5)
			for i := range x.F {
				x.F[i] = float32(i*7%23)/4 - 2.5
			}
			got, err := nn.Eval(t.Context(), m.Graph, map[string]*tensor.Tensor{"input": x}, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := floatsOf(readTestdata(t, file+".f32"))
			if err := compare(got[0], tensor.FromFloats(want, 3, 4)); err != nil {
				t.Error(err)
			}
		})
	}
}
