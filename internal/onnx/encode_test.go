package onnx

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// What is written is read back as it was, and writes the same bytes again.
func TestRoundTrip(t *testing.T) {
	m := smallModel()
	m.Graph.Init["bf16"] = &tensor.Tensor{DType: tensor.BFloat16, Shape: tensor.Shape{2}, Raw: []byte{1, 2, 3, 4}}
	m.Graph.Init["i32"] = &tensor.Tensor{DType: tensor.Int32, Shape: tensor.Shape{3}, I: []int64{-1 << 31, 0, 1<<31 - 1}}
	m.Graph.Init["u8"] = &tensor.Tensor{DType: tensor.Uint8, Shape: tensor.Shape{1, 2}, I: []int64{0, 255}}
	m.Graph.Init["bool"] = &tensor.Tensor{DType: tensor.Bool, Shape: tensor.Shape{2}, I: []int64{1, 0}}
	m.Graph.Init["none"] = &tensor.Tensor{DType: tensor.Float32, Shape: tensor.Shape{0, 3}, F: []float32{}}
	m.Graph.Nodes[0].Attrs["ints"] = []int64{-5, 1 << 40}
	m.Graph.Nodes[0].Attrs["floats"] = []float32{1.5, -0}
	m.Graph.Nodes[0].Attrs["strings"] = []string{"x", ""}
	m.Graph.Nodes[0].Attrs["tensor"] = tensor.FromFloats([]float32{1, 2}, 2)
	data := encoded(t, m)
	got, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m, got); d != "" {
		t.Errorf("read back (-want +got):\n%s", d)
	}
	if again := encoded(t, got); !bytes.Equal(data, again) {
		t.Errorf("written again: %d bytes that differ from the %d", len(again), len(data))
	}
	var w bytes.Buffer
	if n, err := m.WriteTo(&w); err != nil || n != int64(len(data)) || !bytes.Equal(w.Bytes(), data) {
		t.Errorf("WriteTo: %d bytes, %v; Encode gave %d", n, err, len(data))
	}
}

func TestEncodeRefuses(t *testing.T) {
	for want, spoil := range map[string]func(m *Model){
		"without a graph":           func(m *Model) { m.Graph = nil },
		"not UTF-8":                 func(m *Model) { m.Metadata["classes"] = "caf\xe9" },
		"not an operator":           func(m *Model) { m.Graph.Nodes[2].Op = "Frobnicate" },
		"value of type int":         func(m *Model) { m.Graph.Nodes[2].Attrs["alpha"] = 1 },
		"shape [3] over 2 elements": func(m *Model) { m.Graph.Init["b"].Shape = tensor.Shape{3} },
		"element 0 is 256": func(m *Model) {
			m.Graph.Init["u8"] = &tensor.Tensor{DType: tensor.Uint8, Shape: tensor.Shape{1}, I: []int64{256}}
		},
		"element type invalid": func(m *Model) { m.Graph.Outputs[0].DType = tensor.Invalid },
		"nothing makes":        func(m *Model) { m.Graph.Outputs[0].Name = "nowhere" },
		`approximate "cubic"`: func(m *Model) {
			m.Graph.Nodes[2].Op, m.Graph.Nodes[2].Attrs = "Gelu", nn.Attrs{"approximate": "cubic"}
		},
	} {
		t.Run(want, func(t *testing.T) {
			m := smallModel()
			spoil(m)
			_, err := Encode(m)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			}
		})
	}
}

// Two floats over the limit, without the memory: their parts are the same slice many times.
func TestEncodeLimit(t *testing.T) {
	m := smallModel()
	big := make([]float32, 1<<22)
	for i := range 128 {
		m.Graph.Init["big"+strings.Repeat("x", i)] = tensor.FromFloats(big, 1<<22)
	}
	_, err := m.WriteTo(failingWriter{})
	if err == nil || !strings.Contains(err.Error(), "2 GiB") {
		t.Errorf("error %v, want one that names the limit", err)
	}
}

type failingWriter struct{}

var errWriter = errors.New("no room")

func (failingWriter) Write([]byte) (int, error) { return 0, errWriter }

func TestWriteToReportsTheWriter(t *testing.T) {
	if n, err := smallModel().WriteTo(failingWriter{}); n != 0 || !errors.Is(err, errWriter) {
		t.Errorf("%d, %v; want the writer's error", n, err)
	}
}

// Both forms of Gelu are written as nodes of opset 17 that compute the same.
func TestGeluIsLowered(t *testing.T) {
	for _, form := range []string{"none", "tanh"} {
		m := smallModel()
		x := tensor.New(tensor.Float32, 3, 3, 4, 5)
		for i := range x.F {
			x.F[i] = float32(i%17)/4 - 2
		}
		gelu := m.Graph.Nodes[2]
		gelu.Op, gelu.Attrs = "Gelu", nn.Attrs{"approximate": form}
		m.Graph.Outputs = []nn.Value{{Name: "act", DType: tensor.Float32, Shape: tensor.Shape{tensor.Free, 2, 4, 7}}}
		want, err := nn.Eval(t.Context(), m.Graph, map[string]*tensor.Tensor{"input": x}, nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(encoded(t, m))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range back.Graph.Nodes {
			if n.Op == "Gelu" {
				t.Errorf("%s: a Gelu was written", form)
			}
		}
		if gelu.Op != "Gelu" {
			t.Errorf("%s: the model itself was changed", form)
		}
		got, err := nn.Eval(t.Context(), back.Graph, map[string]*tensor.Tensor{"input": x}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want[0].F {
			if d := got[0].F[i] - w; d > 1e-6 || d < -1e-6 {
				t.Fatalf("%s: element %d: %v, want %v", form, i, got[0].F[i], w)
			}
		}
	}
}
