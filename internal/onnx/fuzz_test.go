package onnx

import (
	"testing"

	"github.com/graft-ml/graft/internal/nn"
)

// FuzzDecode checks that no bytes cause a panic, and that what is read can be written and read again, unless
// it is refused by name.
func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, smallModel()))
	gelu := smallModel()
	gelu.Graph.Nodes[2].Op, gelu.Graph.Nodes[2].Attrs = "Gelu", nn.Attrs{"approximate": "tanh"}
	f.Add(encoded(f, gelu))
	f.Add(fileWithRelu("x", "y", func(*rope) {}))
	f.Add(fileWithTensor(func(r *rope) { r.varint(1, 2); r.varint(2, protoFloat16); r.bytes(5, []byte{1, 2}) }))
	// Opset 12 with the attributes that later became inputs.
	old := smallModel()
	old.Graph.Nodes[7].Attrs["axis"] = int64(1)
	f.Add(append(encoded(f, old), 0x42, 2, 16, 9))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			return
		}
		out, err := Encode(m)
		if err != nil {
			return
		}
		if _, err := Decode(out); err != nil {
			t.Errorf("what was written is not read: %v", err)
		}
		nn.Infer(m.Graph)
	})
}
