package backbone

import (
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/tensor"
)

// What a file says of its views is believed as far as its graph bears it out.
func TestViewsOfAFile(t *testing.T) {
	b := nn.NewBuilder("views")
	x := b.Input("input", tensor.Free, 3, 10, 10)
	cut := b.Op("Slice", nil, x, b.Const("starts", tensor.FromInts([]int64{1, 1}, 2)), b.Const("ends", tensor.FromInts([]int64{9, 9}, 2)),
		b.Const("axes", tensor.FromInts([]int64{2, 3}, 2)))
	views := b.Op("Concat", nn.Attrs{"axis": int64(0)}, cut, cut)
	each := b.Op("Flatten", nil, b.Op("GlobalAveragePool", nil, b.Op("Relu", nil, views)))
	parts := b.OpN(2, "Split", nil, each)
	b.Output("logits", b.Op("Add", nil, parts[0], parts[1]))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ views, want string }{
		{`{"resize":"stretch 8x8 bilinear","input":"` + views + `","features":"` + each + `"}`, ""},
		{`{`, "unexpected end of JSON"},
		{`{"resize":"8x8"}`, "unknown resize rule"},
		{`{"resize":"stretch 8x8 bilinear","input":"input","features":"` + each + `"}`, `no tensors "input" and`},
		{`{"resize":"stretch 8x8 bilinear","input":"` + views + `","features":"x"}`, `and "x" between`},
		{`{"resize":"stretch 8x8 bilinear","input":"` + views + `","features":"` + views + `"}`, "is made by no node"},
		{`{"resize":"stretch 8x8 bilinear","input":"` + each + `","features":"` + views + `"}`, "features have shape"},
	} {
		data, err := onnx.Encode(&onnx.Model{Graph: g.Clone(), Metadata: map[string]string{KeyViews: c.views, KeyInput: "raw", KeyResize: "stretch 10x10 bilinear"}})
		if err != nil {
			t.Fatal(err)
		}
		b, err := FromONNX(data, "file", Options{})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.views, err)
		case c.want == "" && (b.Spec.Width != 8 || b.Width != 3 || len(b.Graph.Nodes) != 3):
			t.Errorf("%s: %v, %d features, %d nodes", c.views, b.Spec, b.Width, len(b.Graph.Nodes))
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error %v, want %s", c.views, err, c.want)
		}
	}
}
