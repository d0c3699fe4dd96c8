package onnx

import (
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// An old Softmax needs the rank of its input, which is known even where the file leaves the size of pictures
// open; the extents are not.
func TestSoftmaxOfOpenSize(t *testing.T) {
	for _, c := range []struct {
		op, value string
		ok        bool
	}{{"logits", "probabilities", true}, {"conv", "act", false}} {
		m := smallModel()
		m.Graph.Inputs[0].Shape = tensor.Shape{tensor.Free, 3, tensor.Free, tensor.Free}
		for _, n := range m.Graph.Nodes {
			if n.Outputs[0] == c.value {
				n.Op, n.Attrs = "Softmax", nn.Attrs{"axis": int64(1)}
			}
		}
		data := append(encoded(t, m), 0x42, 2, 16, 11) // opset 11
		got, err := Decode(data)
		if (err == nil) != c.ok {
			t.Errorf("softmax of %s: %v", c.op, err)
		}
		if err != nil && !strings.Contains(err.Error(), "fixed size") {
			t.Errorf("softmax of %s: error %v does not say what to do", c.op, err)
		}
		if err == nil && len(got.Graph.Nodes) != len(m.Graph.Nodes) {
			t.Errorf("softmax of %s became %d nodes", c.op, len(got.Graph.Nodes)-len(m.Graph.Nodes)+1)
		}
	}
}
