package backbone

import (
	"encoding/binary"
	"math"
	"os"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// goldenTolerance is for sums of some thousand products in another order, in units of the largest feature.
const goldenTolerance = 1e-4

// The embedded network gives the features that ONNX Runtime gives; see the script make_graft_s.py.
func TestEmbeddedGolden(t *testing.T) {
	data, err := os.ReadFile("../../testdata/onnx/graft_s_features.f32")
	if err != nil {
		t.Fatal(err)
	}
	want := tensor.New(tensor.Float32, 1, 384)
	for i := range want.F {
		want.F[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	b, err := Embedded(Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := drawn()
	if d := maxRel(t, eval(t, b.Graph, x), want); d > goldenTolerance {
		t.Errorf("features differ by %g of their largest", d)
	}
	p, err := nn.NewPlan(b.Graph, nn.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := tensor.New(tensor.Float32, 1, 384)
	if err := p.Run(t.Context(), [][]float32{got.F}, [][]float32{x.F}, 1); err != nil {
		t.Fatal(err)
	}
	if d := maxRel(t, got, want); d > goldenTolerance {
		t.Errorf("features of the plan differ by %g of their largest", d)
	}
}

// drawn is the picture of make_graft_s.py.
func drawn() *tensor.Tensor {
	p := tensor.New(tensor.Float32, 1, 3, 96, 96)
	for i := range p.F {
		c, y, x := i/(96*96), i/96%96, i%96
		p.F[i] = float32((31*c + 7*y + 13*x + x*y/9) % 256)
	}
	return p
}
