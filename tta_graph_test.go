package graft

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/transform"
)

// seededNet is a network of seeded weights for pictures of 14×14, to three probabilities.
func seededNet(t *testing.T) *nn.Graph {
	t.Helper()
	b := nn.NewBuilder("seeded")
	init := func(name string, scale float64, shape ...int) string {
		x := tensor.New(tensor.Float32, shape...)
		check.Seeded(x.F, name, 2*scale, -scale)
		return b.Const(name, x)
	}
	x := b.Op("Div", nil, b.Input("input", tensor.Free, 3, 14, 14), b.Const("by", tensor.FromFloats([]float32{255}, 1)))
	x = b.Op("Relu", nil, b.Op("Conv", nn.Attrs{"strides": []int64{2, 2}, "pads": []int64{1, 1, 1, 1}}, x, init("first.weight", .5, 4, 3, 3, 3), init("first.bias", .2, 4)))
	x = b.Op("Relu", nil, b.Op("Conv", nil, x, init("second.weight", .4, 5, 4, 3, 3), init("second.bias", .2, 5)))
	x = b.Op("Flatten", nil, b.Op("GlobalAveragePool", nil, x))
	x = b.Op("Gemm", nil, x, init("head.weight", 3, 5, 3), init("head.bias", .2, 3))
	b.Output("probabilities", b.Op("Softmax", nil, x))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestViewsLikeONNXRuntime writes a network with views, checks that it is the file that is committed, and that ONNX
// Runtime, which testdata/tta/run_ort.py ran on that, gives the same probabilities and the same classes.
func TestViewsLikeONNXRuntime(t *testing.T) {
	const dir = "testdata/tta/"
	text, err := os.ReadFile(dir + "onnxruntime.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string][]float64
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	seen := map[string][]float32{}
	for _, name := range []string{"none", "hflip", "vflip", "crops", "crops,hflip"} {
		t.Run(name, func(t *testing.T) {
			tta, err := transform.ParseViews(name)
			if err != nil {
				t.Fatal(err)
			}
			g, base := seededNet(t), transform.Spec{Width: 14, Height: 14}
			var features string
			for _, n := range g.Nodes {
				if n.Op == "Flatten" {
					features = n.Outputs[0]
				}
			}
			g = withViews(g, features, base, tta)
			path := dir + strings.ReplaceAll(name, ",", "-") + ".onnx"
			var b bytes.Buffer
			if _, err := (&onnx.Model{Graph: g}).WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if file, err := os.ReadFile(path); err != nil || !bytes.Equal(file, b.Bytes()) {
				t.Fatalf("%s: another file: %v", path, err)
			}
			whole := tta.Whole(base)
			x := make([]float32, 12*3*whole.Width*whole.Height)
			check.Seeded(x, "tta pictures", 256, 0)
			for i := range x { // pictures of rising brightness
				x[i] = float32(math.Floor(float64(x[i]) * float64(1+i/(len(x)/12)) / 12))
			}
			got := throughPlan(t, g, x, 12)
			seen[name] = got
			agree(t, got, want[path[len(dir):]], 3)
		})
	}
	if slices.Equal(seen["none"], seen["hflip"]) {
		t.Error("mirroring changes nothing")
	}
}

// throughPlan runs g, from pictures to three classes, on n pictures together, and checks that each gives the same bits alone
// and on several threads.
func throughPlan(t *testing.T, g *nn.Graph, x []float32, n int) []float32 {
	t.Helper()
	size := len(x) / n
	var first []float32
	for _, threads := range []int{1, 2, 5} {
		pool := nn.NewPool(threads)
		p, err := nn.NewPlan(g, nn.PlanOptions{Pool: pool})
		if err != nil {
			t.Fatal(err)
		}
		all, alone := make([]float32, 3*n), make([]float32, 3*n)
		if err := p.Run(t.Context(), [][]float32{all}, [][]float32{x}, n); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := p.Run(t.Context(), [][]float32{alone[3*i : 3*i+3]}, [][]float32{x[i*size:][:size]}, 1); err != nil {
				t.Fatal(err)
			}
		}
		if first == nil {
			first = all
		}
		if !slices.Equal(all, alone) || !slices.Equal(all, first) {
			t.Errorf("%d threads: %v together, %v alone, %v on one thread", threads, all, alone, first)
		}
		pool.Close()
	}
	return first
}

// agree compares probabilities of k classes with ONNX Runtime's, within what float32 rounds in a network this small, and
// the most probable class exactly.
func agree(t *testing.T, got []float32, want []float64, k int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d numbers, ONNX Runtime has %d", len(got), len(want))
	}
	for i := 0; i < len(got); i += k {
		a, b := 0, 0
		for c := range k {
			if math.Abs(float64(got[i+c])-want[i+c]) > 1e-5 {
				t.Errorf("picture %d, class %d: %v, ONNX Runtime says %v", i/k, c, got[i+c], want[i+c])
			}
			if got[i+c] > got[i+a] {
				a = c
			}
			if want[i+c] > want[i+b] {
				b = c
			}
		}
		if a != b {
			t.Errorf("picture %d: class %d, ONNX Runtime says %d", i/k, a, b)
		}
	}
}
