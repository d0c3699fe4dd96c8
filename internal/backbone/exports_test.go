package backbone

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/tensor"
)

// Networks that torch has written as ONNX, by both of its exporters at several opsets, compute what torch
// computes. The committed ones are narrow; testdata/backbones/export_onnx.py made them.
func TestExports(t *testing.T) {
	const dir, side = "../../testdata/backbones/exports", 64
	expected := openGolden(t, filepath.Join(dir, "expected.safetensors"))
	if len(expected.data) == 0 {
		t.Fatal("no exports")
	}
	for name, want := range expected.data {
		t.Run(name, func(t *testing.T) {
			data, err := onnx.ReadBytes(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			norm := expected.normalise(t, "")
			got, _ := run(t, data, name, Options{Normalise: &norm, Cut: CutNone}, side)
			if d := maxRel(t, got, want); d > goldenTol {
				t.Errorf("logits differ by %.3g of their largest, want at most %g", d, goldenTol)
			}
			if _, b := run(t, data, name, Options{Normalise: &norm}, side); !strings.HasPrefix(b.Cut, "cut before ") {
				t.Errorf("the classifier is not found: %s", b.Cut)
			}
		})
	}
}

// run computes what a model makes of the two seeded pictures.
func run(t *testing.T, data []byte, name string, o Options, side int) (*tensor.Tensor, *Backbone) {
	t.Helper()
	b, err := FromONNX(data, name, o)
	if err != nil {
		t.Fatal(err)
	}
	out := tensor.New(tensor.Float32, 2, b.Width)
	plan, err := nn.NewPlan(b.Graph, nn.PlanOptions{MaxBatch: 2})
	if err == nil {
		err = plan.Run(t.Context(), [][]float32{out.F}, [][]float32{seededPixels(side, side)}, 2)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out, b
}

// The whole networks' exports, in the folder that GRAFT_FULL names, give the golden features.
func TestFullExports(t *testing.T) {
	dir := os.Getenv("GRAFT_FULL")
	if dir == "" {
		t.Skip("GRAFT_FULL names no folder (make full)")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.onnx"))
	if err != nil || len(files) == 0 {
		t.Skipf("no exports in %s, %v", dir, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			which, ok := networkOf(name)
			if !ok {
				t.Fatal("not named like a golden file")
			}
			parts := strings.Split(name, ".")
			g := openGolden(t, filepath.Join(goldenDir, parts[0]+"."+parts[1]+".safetensors"))
			data, err := onnx.ReadBytes(file)
			if err != nil {
				t.Fatal(err)
			}
			m, err := onnx.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			side := m.Graph.Inputs[0].Shape[2]
			norm := g.normalise(t, which.inside)
			out, _ := run(t, data, name, Options{Normalise: &norm}, side)
			g.compare(t, fmt.Sprintf("%dx%d", side, side), "features", out.F, out.Shape)
		})
	}
}
