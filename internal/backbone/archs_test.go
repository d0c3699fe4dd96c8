package backbone

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/weights"
)

// everyLayout calls f for each layout of each architecture.
func everyLayout(t *testing.T, f func(t *testing.T, a *arch, lay *layout)) {
	for _, a := range archs {
		for i := range a.layouts {
			lay := &a.layouts[i]
			t.Run(a.name+"/"+lay.name, func(t *testing.T) { f(t, a, lay) })
		}
	}
}

// A file of each layout, with and without classifier, is used whole: each array of it for one parameter.
func TestEveryArrayIsUsedOnce(t *testing.T) {
	everyLayout(t, func(t *testing.T, a *arch, lay *layout) {
		for _, classes := range []int{0, 3} {
			n, err := a.newNet(lay, a.size, a.size, classes)
			if err != nil {
				t.Fatal(err)
			}
			f := seededFile(n)
			names := map[string]bool{}
			for _, array := range f.Tensors {
				if names[array.Name] || strings.HasPrefix(array.Name, ".") || strings.HasPrefix(array.Name, "/") {
					t.Errorf("array %q is there twice, or its layer has no name", array.Name)
				}
				names[array.Name] = true
			}
			got, found, err := a.fit(lay, a.size, a.size, f)
			if err != nil {
				t.Fatal(err)
			}
			if got.classes != classes || len(found) != len(f.Tensors) {
				t.Errorf("%d classes, %d arrays of %d", got.classes, len(found), len(f.Tensors))
			}
			for i, array := range found {
				if array != &f.Tensors[i] {
					t.Errorf("%s of %s is taken from %q", torchRoles[n.params[i].role], n.params[i].layer, array.Name)
				}
			}
		}
	})
}

// Without classifier there are as many trained parameters as the libraries' own networks have in front of theirs.
func TestParametersOfFeatures(t *testing.T) {
	for name, want := range map[string]int64{
		"resnet50": 23_508_032, "mobilenetv2": 2_223_872, "mobilenetv3_large": 2_971_952, "mobilenetv3_small": 927_008, "efficientnet_b0": 4_007_548,
	} {
		a, err := findArch(name)
		if err != nil {
			t.Fatal(err)
		}
		n, err := a.newNet(&a.layouts[0], a.size, a.size, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := trained(n.params); got != want {
			t.Errorf("%s: %d parameters, want %d", name, got, want)
		}
	}
}

// A ResNet for pictures of 64 pixels takes about fifty million multiply-adds, counted by the definition of its
// convolutions; a classifier of 200 classes is a thousandth of that.
func TestSmallResnet(t *testing.T) {
	entries, err := Find("resnet10s")
	if err != nil {
		t.Fatal(err)
	}
	e := entries[0]
	if e.Pixels != 64 || e.Features != 192 || e.Params != 739_424 || e.GFLOPs != 2*51_937_280/1e9 || !e.Untrained() {
		t.Errorf("%+v", e)
	}
	if !strings.Contains(e.ByHand(), "scratch") {
		t.Error(e.ByHand())
	}
}

// Each architecture survives the way to ONNX and back, in each padding and version: its features are the same.
// Those of more than heavy numbers, the largest of their families, are left to GRAFT_GOLDEN=all.
func TestArchsAsONNX(t *testing.T) {
	const heavy, tolerance = 30e6, 1e-5 // GELU is written in steps
	done := map[string]bool{}
	everyLayout(t, func(t *testing.T, a *arch, lay *layout) {
		graph := fmt.Sprint(a.name, lay.same, lay.v1)
		if done[graph] || testing.Short() && lay != &a.layouts[0] {
			t.Skip("the graph of another layout")
		}
		done[graph] = true
		n, err := a.newNet(lay, minInput, minInput, 0)
		if err != nil {
			t.Fatal(err)
		}
		if trained(n.params) > heavy && os.Getenv("GRAFT_GOLDEN") != "all" {
			t.Skip("heavy: GRAFT_GOLDEN=all runs it (make goldens)")
		}
		someNumbers(n)
		g, err := n.graph()
		if err != nil {
			t.Fatal(err)
		}
		data, err := onnx.Encode(&onnx.Model{Graph: g})
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnx.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		want, got := runPlan(t, g, minInput), runPlan(t, m.Graph, minInput)
		low, high := slices.Min(want), slices.Max(want)
		if len(want) != n.features || !(low < high) {
			t.Errorf("%d features from %v to %v, want %d", len(want), low, high, n.features)
		}
		for i, v := range want {
			if d := got[i] - v; !(max(d, -d) <= tolerance*max(high, -low)) {
				t.Fatalf("feature %d is %v, want %v", i, got[i], v)
			}
		}
	})
}

// someNumbers fills the parameters of n with views of the same numbers, about as large as those of weights files.
func someNumbers(n *net) {
	most := 0
	for _, p := range n.params {
		most = max(most, elems(p))
	}
	const step = 7 // from the view of one parameter to that of the next
	most += step * len(n.params)
	kernels, shifts, scales := make([]float32, most), make([]float32, most), make([]float32, most)
	state := uint32(1)
	for i := range most {
		state = state*1664525 + 1013904223
		u := float32(state>>8) / (1 << 24)
		kernels[i], shifts[i], scales[i] = (u-.5)/4, u-.5, u+.5
	}
	for i, p := range n.params {
		from := shifts
		switch {
		case p.role == variance || p.role == weight && len(p.t.Shape) == 1:
			from = scales
		case len(p.t.Shape) > 1:
			from = kernels
		}
		p.t.F = from[step*i:][:elems(p)]
	}
}

// elems counts the numbers of a parameter.
func elems(p *param) int {
	k := 1
	for _, d := range p.t.Shape {
		k *= d
	}
	return k
}

// runPlan gives the features of one picture of size × size.
func runPlan(t *testing.T, g *nn.Graph, size int) []float32 {
	t.Helper()
	plan, err := nn.NewPlan(g, nn.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 3*size*size)
	for i := range x {
		x[i] = float32(i%251)/100 - 1
	}
	k, err := plan.OutputShape(0).Elems()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, k)
	if err := plan.Run(t.Context(), [][]float32{out}, [][]float32{x}, 1); err != nil {
		t.Fatal(err)
	}
	return out
}

// kerasLayer is a line of keras_layers.tsv: a layer of an application, its arrays, and what .weights.h5 calls it.
type kerasLayer struct {
	name   string
	arrays []weights.Tensor
	group  string
}

// readKerasLayers reads the table, in which the layers stand in Keras's order.
func readKerasLayers(t *testing.T) map[string][]kerasLayer {
	t.Helper()
	text, err := os.ReadFile("../../testdata/backbones/keras_layers.tsv")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string][]kerasLayer{}
	for line := range strings.Lines(string(text)) {
		cell := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		layer := kerasLayer{name: cell[1][strings.LastIndex(cell[1], "/")+1:], group: cell[4]}
		for array := range strings.SplitSeq(cell[3], ", ") {
			name, extents, _ := strings.Cut(array, " ")
			var shape tensor.Shape
			for extent := range strings.SplitSeq(extents, "x") {
				if v, err := strconv.Atoi(extent); err == nil { // "-": of a number, none
					shape = append(shape, v)
				}
			}
			layer.arrays = append(layer.arrays, weights.Tensor{Name: name, Shape: shape})
		}
		table[cell[0]] = append(table[cell[0]], layer)
	}
	return table
}

// kerasFile is a file of layers. In one of Keras 3 they are sorted by class and called by their number in it.
func kerasFile(layers []kerasLayer, format weights.Format, prefix string) *weights.File {
	f := &weights.File{Name: "listed", Format: format}
	for _, l := range layers {
		for _, array := range l.arrays {
			array.Layer = prefix + l.name
			if format == weights.Keras3 {
				array.Layer = strings.ReplaceAll(strings.TrimPrefix(l.group, "layers/"), "/layers/", "/")
			}
			array.Name = l.name + "/" + array.Name
			f.Tensors = append(f.Tensors, array)
		}
	}
	if format == weights.Keras3 {
		slices.SortStableFunc(f.Tensors, func(a, b weights.Tensor) int { return cmp.Compare(a.Layer, b.Layer) })
	}
	return f
}

// Files of Keras's are paired by the names of their layers, by their order alone where the names are others, and by
// the numbers of Keras 3.
func TestKerasPairs(t *testing.T) {
	table := readKerasLayers(t)
	application := map[network]string{}
	for golden, which := range goldenNets {
		application[network{arch: which.arch, layout: which.layout}], _ = strings.CutPrefix(golden, "keras.")
	}
	everyLayout(t, func(t *testing.T, a *arch, lay *layout) {
		if !lay.keras || lay.name == "keras-2016" { // of a Keras that is no more
			t.Skip("not a layout of today's Keras")
		}
		layers := table[application[network{arch: a.name, layout: lay.name}]]
		if layers == nil {
			t.Fatal("the table lacks it")
		}
		n, err := a.newNet(lay, a.size, a.size, 1000)
		if err != nil {
			t.Fatal(err)
		}
		checkPairs(t, a, lay, kerasFile(layers, weights.KerasH5, ""), n)
		checkPairs(t, a, lay, kerasFile(layers, weights.KerasH5, "renamed_"), n)
		if a.name != "convnext_tiny" { // its nested models count apart
			checkPairs(t, a, lay, kerasFile(layers, weights.Keras3, ""), n)
		}
	})
}

// checkPairs fits a to f and checks by the arrays' names that each parameter has its own.
func checkPairs(t *testing.T, a *arch, lay *layout, f *weights.File, n *net) {
	t.Helper()
	_, found, err := a.fit(lay, a.size, a.size, f)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range n.params {
		if want := lay.fileName(p.layer) + "/" + kerasRoles[p.kind][p.role]; found[i].Name != want {
			t.Fatalf("%s: %s is taken from %q", f.Format, want, found[i].Name)
		}
	}
}
