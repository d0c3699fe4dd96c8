package backbone

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/weights"
)

// torchRoles are what torch's state dicts call the arrays of a layer.
var torchRoles = map[role]string{weight: "weight", bias: "bias", mean: "running_mean", variance: "running_var", count: "count"}

// keras3Classes are the words under which .weights.h5 counts layers: their classes, in snake case.
var keras3Classes = map[kind]string{convLayer: "conv2d", depthwiseLayer: "depthwise_conv2d", denseLayer: "dense", pointLayer: "dense", denseConvLayer: "conv2d",
	batchNorm: "batch_normalization", layerNorm: "layer_normalization", layerScale: "layer_scale", inputStats: "normalization"}

// torchName is what a state dict calls the array p in this layout.
func (l *layout) torchName(p *param) string {
	name := l.fileName(p.layer)
	if p.kind == layerScale { // a bare parameter
		return name
	}
	return name + "." + torchRoles[p.role]
}

// match finds the array of f for each parameter of n: every array is used once and every parameter has one,
// with its exact shape but for axes of 1. Counters of batches seen in training are left out.
func match(n *net, f *weights.File) ([]*weights.Tensor, error) {
	var found []*weights.Tensor
	var err error
	if n.lay.keras {
		found, err = matchLayers(n, orderedLayers(f, n))
	} else {
		found, err = matchNames(n, f)
	}
	if err != nil {
		return nil, err
	}
	for i, p := range n.params {
		if got, want := found[i].Shape, p.fileShape(n.lay.keras); !squeezed(got).Equal(squeezed(want)) {
			return nil, fmt.Errorf("tensor %q: shape %v, want %v", found[i].Name, got, want)
		}
	}
	return found, nil
}

// matchNames pairs by name, as torch does.
func matchNames(n *net, f *weights.File) ([]*weights.Tensor, error) {
	left := make(map[string]*weights.Tensor, len(f.Tensors))
	for i := range f.Tensors {
		if t := &f.Tensors[i]; !strings.HasSuffix(t.Name, ".num_batches_tracked") {
			left[t.Name] = t
		}
	}
	found := make([]*weights.Tensor, len(n.params))
	var missing []string
	for i, p := range n.params {
		name := n.lay.torchName(p)
		if found[i] = left[name]; found[i] == nil {
			missing = append(missing, name)
		}
		delete(left, name)
	}
	var extra []string
	for i := range f.Tensors { // in the file's order
		if left[f.Tensors[i].Name] != nil {
			extra = append(extra, f.Tensors[i].Name)
		}
	}
	return found, difference(missing, extra)
}

// difference is the error of arrays that are missing and of some that nobody asked for; nil if there are none.
func difference(missing, extra []string) error {
	var parts []string
	for _, d := range []struct {
		what  string
		names []string
	}{{"missing", missing}, {"left over", extra}} {
		if len(d.names) > 0 {
			noun := "tensors"
			if len(d.names) == 1 {
				noun = "tensor"
			}
			parts = append(parts, fmt.Sprintf("%d %s %s (%s)", len(d.names), noun, d.what, some(d.names)))
		}
	}
	if parts == nil {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(parts, ", "))
}

// some is a list that ends early.
func some(names []string) string {
	const shown = 2
	quoted := make([]string, 0, shown+1)
	for _, s := range names[:min(len(names), shown)] {
		quoted = append(quoted, fmt.Sprintf("%q", s))
	}
	if len(names) > shown {
		quoted = append(quoted, "…")
	}
	return strings.Join(quoted, ", ")
}

// fileLayer is a layer of a Keras file: its arrays in the file's order.
type fileLayer struct {
	name    string
	tensors []*weights.Tensor
}

// layersOf groups the arrays of a Keras file by layer, in its order.
func layersOf(f *weights.File) []fileLayer {
	var layers []fileLayer
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if k := len(layers); k == 0 || layers[k-1].name != t.Layer {
			layers = append(layers, fileLayer{name: t.Layer})
		}
		l := &layers[len(layers)-1]
		l.tensors = append(l.tensors, t)
	}
	return layers
}

// orderedLayers returns the layers of a Keras file in the order of n's, as far as its names tell.
func orderedLayers(f *weights.File, n *net) []fileLayer {
	if f.Format == weights.Keras3 {
		return keras3Layers(f, n.params)
	}
	return kerasLayers(f, n)
}

// kerasLayers returns the layers of a file in the order of n's. Keras pairs them by their order, whatever
// their names, because files outlive the names in its code. A file all of whose layers are known by name is
// paired by name: the order of parallel branches has changed over time.
func kerasLayers(f *weights.File, n *net) []fileLayer {
	layers := layersOf(f)
	byName := make(map[string]fileLayer, len(layers))
	for _, l := range layers {
		byName[l.name] = l
	}
	var ordered []fileLayer
	for _, name := range layerNames(n.params) {
		l, ok := byName[n.lay.fileName(name)]
		if !ok {
			return layers
		}
		ordered = append(ordered, l)
	}
	if len(ordered) != len(layers) {
		return layers
	}
	return ordered
}

// keras3Layers returns the layers of a .weights.h5 file in the order of params. Such files count the layers of
// each class: conv2d, conv2d_1, …
func keras3Layers(f *weights.File, params []*param) []fileLayer {
	layers := layersOf(f)
	byName := make(map[string]fileLayer, len(layers))
	for _, l := range layers {
		byName[l.name] = l
	}
	var ordered []fileLayer
	counts := map[string]int{}
	for i, p := range params {
		if i > 0 && params[i-1].layer == p.layer {
			continue
		}
		class := keras3Classes[p.kind]
		name := class
		if k := counts[class]; k > 0 {
			name = fmt.Sprintf("%s_%d", class, k)
		}
		counts[class]++
		l, ok := byName[name]
		if !ok {
			return layers
		}
		ordered = append(ordered, l)
	}
	if len(ordered) != len(layers) {
		return layers
	}
	return ordered
}

// layerNames lists the layers of params, in order.
func layerNames(params []*param) []string {
	var names []string
	for _, p := range params {
		names = append(names, p.layer)
	}
	return slices.Compact(names)
}

// matchLayers pairs array by array, in order. Where a layer of the file ends, one of n's must: a nested model is
// one layer of a file that holds several of n's.
func matchLayers(n *net, layers []fileLayer) ([]*weights.Tensor, error) {
	var found []*weights.Tensor
	for _, l := range layers {
		found = append(found, l.tensors...)
		if at := len(found); at < len(n.params) && n.params[at].layer == n.params[at-1].layer {
			return nil, fmt.Errorf("layer %q: its %d arrays end inside of %s", l.name, len(l.tensors), n.lay.fileName(n.params[at].layer))
		}
	}
	if len(found) != len(n.params) {
		return nil, fmt.Errorf("%d arrays in %d layers, want %d in %d", len(found), len(layers), len(n.params), len(layerNames(n.params)))
	}
	return found, nil
}

// kerasAxes says which axis of Keras's array is each axis of ours, by the kind of layer.
var kerasAxes = map[kind][]int{
	convLayer:      {3, 2, 0, 1}, // [h w I O]
	depthwiseLayer: {2, 3, 0, 1}, // [h w C 1]
	denseLayer:     {1, 0},       // [I O]
	pointLayer:     {1, 0},
	denseConvLayer: {1, 0}, // [1 1 I O], written without the axes of 1
}

// fileShape is the shape that p has in a file.
func (p *param) fileShape(keras bool) tensor.Shape {
	axes := kerasAxes[p.kind]
	if !keras || p.role != weight || axes == nil {
		return p.t.Shape
	}
	s := make(tensor.Shape, len(axes))
	for ours, theirs := range axes {
		s[theirs] = p.t.Shape[ours]
	}
	return s
}

// squeezed is s without its axes of 1.
func squeezed(s tensor.Shape) tensor.Shape {
	out := tensor.Shape{}
	for _, d := range s {
		if d != 1 {
			out = append(out, d)
		}
	}
	return out
}

// fill reads the numbers of n's parameters. Numbers that are not finite are an error.
func fill(n *net, found []*weights.Tensor) error {
	for i, p := range n.params {
		t, err := found[i].Read()
		if err != nil {
			return err
		}
		data := t.F
		if t.DType != tensor.Float32 {
			return fmt.Errorf("tensor %q: %v, want floating-point numbers", found[i].Name, found[i].DType)
		}
		for k, v := range data {
			if v-v != 0 {
				return fmt.Errorf("tensor %q: element %d is %v: the file is damaged or its training diverged", found[i].Name, k, v)
			}
		}
		if axes := kerasAxes[p.kind]; n.lay.keras && p.role == weight && axes != nil {
			data = transposed(data, p.fileShape(true), axes)
		}
		if p.t.F = data; p.kind == inputStats {
			if err := p.checkStats(); err != nil {
				return err
			}
		}
	}
	return nil
}

// transposed returns the elements of src, of shape s, with axis axes[i] as the i-th.
func transposed(src []float32, s tensor.Shape, axes []int) []float32 {
	step := make([]int, len(s)) // of the file's axes
	for i, n := len(s)-1, 1; i >= 0; i-- {
		step[i], n = n, n*s[i]
	}
	dst := make([]float32, 0, len(src))
	var walk func(axis, at int)
	walk = func(axis, at int) {
		d := axes[axis]
		for range s[d] {
			if axis == len(axes)-1 {
				dst = append(dst, src[at])
			} else {
				walk(axis+1, at)
			}
			at += step[d]
		}
	}
	walk(0, 0)
	return dst
}

// inputStats declares the layer in which Keras keeps the statistics of its training pictures. Its numbers are
// checked, not used: the backbone's own normalisation has them.
func (n *net) inputStats(layer string) {
	n.param(layer, inputStats, mean, 3)
	n.param(layer, inputStats, variance, 3)
	n.param(layer, inputStats, count)
}

// checkStats reports statistics that are not ImageNet's. Published files hold the deviation where the name
// says variance.
func (p *param) checkStats() error {
	const tolerance = 1e-3
	want := map[role][][3]float64{
		mean:     {{.485, .456, .406}},
		variance: {{.229, .224, .225}, {.229 * .229, .224 * .224, .225 * .225}},
	}[p.role]
	for _, w := range want {
		near := true
		for c := range w {
			near = near && math.Abs(float64(p.t.F[c])-w[c]) < tolerance
		}
		if near {
			return nil
		}
	}
	if want == nil { // the count
		return nil
	}
	return fmt.Errorf("layer %q: its %s is %v, want ImageNet's %v", p.layer, torchRoles[p.role], p.t.F, want[0])
}
