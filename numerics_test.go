package graft

import (
	"reflect"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/cpu"
	"github.com/graft-ml/graft/internal/nn"
)

// What a model file says of its precision is read as it was, and no text in its place is taken for it.
func TestNumericsInMetadata(t *testing.T) {
	for _, n := range []numerics{{}, {precision: nn.BF16}, {nn.Int8, map[string]nn.Quant{
		"a": {Scale: 0.1, Zero: 3, Mean: []float32{1, -2.5}}, "b/c": {Scale: 1e-30, Zero: 255}}}} {
		m := map[string]string{}
		if err := n.encode(m); err != nil {
			t.Fatal(err)
		}
		if got, err := decodeNumerics(m); err != nil || !reflect.DeepEqual(got, n) {
			t.Errorf("%+v becomes %+v, %v", n, got, err)
		}
	}
	for _, bad := range []map[string]string{
		{keyPrecision: "int4"}, {keyPrecision: "int8"}, {keyPrecision: "int8", keyQuants: `{"a":{"scale":"x"}}`},
		{keyPrecision: "int8", keyQuants: `{"a":{"scale":1,"zero":256}}`}, {keyPrecision: "int8", keyQuants: `{"a":{"scale":1,"mean":"AAA="}}`},
	} {
		if n, err := decodeNumerics(bad); err == nil {
			t.Errorf("%v is read as %+v", bad, n)
		}
	}
}

// The path of features tells precisions and ranges apart.
func TestNumericsPath(t *testing.T) {
	quants := func(scale float32, mean ...float32) map[string]nn.Quant {
		return map[string]nn.Quant{"a": {Scale: scale, Mean: mean}}
	}
	seen := map[string]bool{}
	for _, n := range []numerics{{}, {precision: nn.BF16}, {nn.Int8, quants(1)}, {nn.Int8, quants(2)}, {nn.Int8, quants(2, 1)}} {
		path := n.path()
		if seen[path] || !strings.HasPrefix(path, cpu.Path()) {
			t.Errorf("path %s", path)
		}
		seen[path] = true
	}
}

// A model in a precision that this processor has not runs in float32, and says so.
func TestMissingPrecision(t *testing.T) {
	m := &Model{info: &info{numerics: numerics{precision: nn.BF16}}}
	if info, note := m.Precision(); info.Name != "f32" || !strings.Contains(note, "bf16") {
		t.Errorf("%v, %q", info, note)
	}
}
