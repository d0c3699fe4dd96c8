package onnx

import (
	"slices"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// This file holds the differences between the versions of the operator set: how a node of opset 7 to 21 is
// said at opset 17. An operator that is not in the table has meant the same all along, or was made later
// than 17 and is one that nn has beside the standard (Gelu), or differs only by types.
// Source: the changelog of operators of the ONNX project (docs/Changelog.md).

// rules are the adapters by operator. Each adds to a.out what stands for n.
var rules = map[string]func(a *adapter, n *nn.Node) error{
	"AveragePool":        (*adapter).averagePool,
	"BatchNormalization": (*adapter).batchNorm,
	"Cast":               (*adapter).cast,
	"Clip":               (*adapter).clip,
	"Dropout":            (*adapter).dropout,
	"LogSoftmax":         (*adapter).softmax,
	"Pad":                (*adapter).pad,
	"ReduceMax":          (*adapter).reduce,
	"ReduceMean":         (*adapter).reduce,
	"ReduceMin":          (*adapter).reduce,
	"ReduceSum":          (*adapter).reduceSum,
	"Slice":              (*adapter).slice,
	"Softmax":            (*adapter).softmax,
	"Split":              (*adapter).split,
	"Squeeze":            (*adapter).squeeze,
	"Unsqueeze":          (*adapter).squeeze,
}

// inferBudget bounds the nodes that all look-ups of shapes visit together, so that no file takes long.
const inferBudget = 2_000_000

// adapter rewrites a graph node by node.
type adapter struct {
	g      *nn.Graph
	opset  int
	names  *names
	out    []*nn.Node
	budget int
}

// adapt brings g, which means what it means at opset, to opset 17.
func adapt(g *nn.Graph, opset int) error {
	a := &adapter{g: g, opset: opset, names: namesOf(g), budget: inferBudget}
	for _, n := range g.Nodes {
		rule := rules[n.Op]
		if rule == nil {
			a.emit(n)
			continue
		}
		if len(n.Inputs) == 0 || len(n.Outputs) == 0 {
			return formatErrorf("%s %q: no input or no output", n.Op, n.Name)
		}
		if err := rule(a, n); err != nil {
			return err
		}
	}
	g.Nodes = a.out
	return nil
}

func (a *adapter) emit(n *nn.Node) error {
	a.out = append(a.out, n)
	return nil
}

// constant adds an initialiser for node n and returns its name.
func (a *adapter) constant(n *nn.Node, t *tensor.Tensor) string {
	name := a.names.fresh(n.Outputs[0])
	a.g.Init[name] = t
	return name
}

// attrToInput makes the integer list attribute attr the input at index i. An absent attribute is an absent input.
func (a *adapter) attrToInput(n *nn.Node, attr string, i int) {
	v, ok := n.Attrs[attr].([]int64)
	delete(n.Attrs, attr)
	if ok {
		setInput(n, i, a.constant(n, tensor.FromInts(v, len(v))))
	}
}

// setInput makes name the input at index i, with absent ones before it if there are too few.
func setInput(n *nn.Node, i int, name string) {
	for len(n.Inputs) <= i {
		n.Inputs = append(n.Inputs, "")
	}
	n.Inputs[i] = name
}

// constInput returns the value of input i: nil if it is absent, an error if it depends on the pictures.
func (a *adapter) constInput(n *nn.Node, i int) (*tensor.Tensor, error) {
	if i >= len(n.Inputs) || n.Inputs[i] == "" {
		return nil, nil
	}
	if t := a.g.Init[n.Inputs[i]]; t != nil {
		return t, nil
	}
	info, err := a.exactInfo(n, n.Inputs[i])
	if err == nil && info.Const == nil {
		err = unsupportedf("%s %q (opset %d): input %d depends on the pictures, graft wants it constant", n.Op, n.Name, a.opset, i)
	}
	return info.Const, err
}

// exactInfo is info for a caller that wants to know extents, not just the rank.
func (a *adapter) exactInfo(n *nn.Node, value string) (nn.Info, error) {
	for _, v := range a.g.Inputs {
		if openSize(v) {
			return nn.Info{}, unsupportedf("%s %q (opset %d) needs a shape, but the size of %v is open: export the model with a fixed size",
				n.Op, n.Name, a.opset, v)
		}
	}
	return a.info(n, value)
}

// info returns what is known of a value made so far, which n wants to know. Its extents are not to be relied
// on where the file leaves the size of the input open.
func (a *adapter) info(n *nn.Node, value string) (nn.Info, error) {
	if a.budget -= len(a.out); a.budget < 0 {
		return nn.Info{}, unsupportedf("%s %q (opset %d): too many nodes of this kind", n.Op, n.Name, a.opset)
	}
	inputs := slices.Clone(a.g.Inputs)
	for i, v := range inputs {
		if openSize(v) {
			inputs[i].Shape = likelySize(v.Shape)
		}
	}
	prefix := &nn.Graph{Name: a.g.Name, Inputs: inputs, Nodes: a.out, Init: a.g.Init, Outputs: []nn.Value{{Name: value}}}
	infos, err := nn.Infer(prefix)
	if err != nil {
		return nn.Info{}, unsupportedf("%s %q (opset %d) needs a shape: %v", n.Op, n.Name, a.opset, err)
	}
	return infos[value], nil
}

// openSize reports whether the file leaves more than the batch of an input open.
func openSize(v nn.Value) bool { return len(v.Shape) > 1 && slices.Contains(v.Shape[1:], tensor.Free) }

// likelySize returns s with 224, which most networks of pictures take, in place of open extents.
func likelySize(s tensor.Shape) tensor.Shape {
	s = s.Clone()
	for i, d := range s {
		if i > 0 && d == tensor.Free {
			s[i] = 224
		}
	}
	return s
}

// averagePool: opset 19 added dilations, which 17 cannot say.
func (a *adapter) averagePool(n *nn.Node) error {
	for _, d := range n.Attrs.Ints("dilations") {
		if d != 1 {
			return unsupportedf("AveragePool %q (opset %d): a dilation of %d; at opset 17 there are none", n.Name, a.opset, d)
		}
	}
	delete(n.Attrs, "dilations")
	return a.emit(n)
}

// batchNorm: up to opset 8 statistics could be per element (spatial 0); the further outputs are of training.
func (a *adapter) batchNorm(n *nn.Node) error {
	if n.Attrs.Int("spatial", 1) != 1 || n.Attrs.Int("training_mode", 0) != 0 {
		return unsupportedf("BatchNormalization %q (opset %d): spatial 0 or training_mode 1 (export the model for inference)",
			n.Name, a.opset)
	}
	delete(n.Attrs, "spatial")
	delete(n.Attrs, "training_mode")
	n.Outputs = n.Outputs[:1]
	return a.emit(n)
}

// cast: opset 19 added saturate, which concerns 8-bit floats only.
func (a *adapter) cast(n *nn.Node) error {
	delete(n.Attrs, "saturate")
	if to := int64(n.Attrs.Int("to", 0)); dtypes[to] == tensor.Invalid {
		_, err := dtypeOf(to)
		return unsupportedf("Cast %q: %v", n.Name, err)
	}
	return a.emit(n)
}

// clip: up to opset 10 the limits were attributes.
func (a *adapter) clip(n *nn.Node) error {
	for i, key := range []string{"min", "max"} {
		if v, ok := n.Attrs[key].(float32); ok && a.opset < 11 {
			setInput(n, i+1, a.constant(n, scalar(v)))
			delete(n.Attrs, key)
		}
	}
	return a.emit(n)
}

// dropout: up to opset 11 the ratio was an attribute. A node that is set to training is refused.
func (a *adapter) dropout(n *nn.Node) error {
	if v, ok := n.Attrs["ratio"].(float32); ok && a.opset < 12 {
		setInput(n, 1, a.constant(n, scalar(v)))
		delete(n.Attrs, "ratio")
	}
	mode, err := a.constInput(n, 2)
	if err != nil {
		return err
	}
	if mode != nil && slices.Contains(mode.I, 1) {
		return unsupportedf("Dropout %q: training_mode is on (export the model in evaluation mode)", n.Name)
	}
	return a.emit(n)
}

// pad: up to opset 10 pads and value were attributes; opset 18 added axes, 19 a mode.
func (a *adapter) pad(n *nn.Node) error {
	if a.opset < 11 {
		a.attrToInput(n, "pads", 1)
		if v, ok := n.Attrs["value"].(float32); ok {
			setInput(n, 2, a.constant(n, scalar(v)))
			delete(n.Attrs, "value")
		}
	}
	if n.Attrs.Str("mode", "") == "wrap" {
		return unsupportedf("Pad %q (opset %d): mode wrap", n.Name, a.opset)
	}
	axes, err := a.constInput(n, 3)
	if err != nil {
		return err
	}
	if axes != nil {
		if err := a.padAxes(n, axes); err != nil {
			return err
		}
	}
	return a.emit(n)
}

// padAxes replaces the axes of a Pad by pads for every axis.
func (a *adapter) padAxes(n *nn.Node, axes *tensor.Tensor) error {
	pads, err := a.constInput(n, 1)
	if err != nil {
		return err
	}
	x, err := a.info(n, n.Inputs[0])
	if err != nil {
		return err
	}
	shape := x.Shape
	rank, k := len(shape), len(axes.I)
	if pads == nil || len(pads.I) != 2*k {
		return formatErrorf("Pad %q: %d axes need %d pads", n.Name, k, 2*k)
	}
	full := make([]int64, 2*rank)
	for i, axis := range axes.I {
		if axis < 0 {
			axis += int64(rank)
		}
		if axis < 0 || axis >= int64(rank) {
			return formatErrorf("Pad %q: axis %d of %v", n.Name, axes.I[i], shape)
		}
		full[axis], full[rank+int(axis)] = pads.I[i], pads.I[k+i]
	}
	n.Inputs = n.Inputs[:3]
	n.Inputs[1] = a.constant(n, tensor.FromInts(full, len(full)))
	return nil
}

// reduce: opset 18 made the axes an input, of which 17 knows for ReduceSum only.
func (a *adapter) reduce(n *nn.Node) error {
	if a.opset < 18 {
		return a.emit(n)
	}
	axes, err := a.constInput(n, 1)
	if err != nil {
		return err
	}
	noop := n.Attrs.Int("noop_with_empty_axes", 0) != 0
	delete(n.Attrs, "noop_with_empty_axes")
	n.Inputs = n.Inputs[:1]
	switch {
	case axes != nil && len(axes.I) > 0:
		n.Attrs["axes"] = axes.I
	case noop:
		n.Op, n.Attrs = "Identity", nn.Attrs{}
	}
	return a.emit(n)
}

// reduceSum: opset 13 made the axes an input.
func (a *adapter) reduceSum(n *nn.Node) error {
	if a.opset < 13 {
		a.attrToInput(n, "axes", 1)
	}
	return a.emit(n)
}

// slice: up to opset 9 starts, ends and axes were attributes.
func (a *adapter) slice(n *nn.Node) error {
	if a.opset < 10 {
		for i, key := range []string{"starts", "ends", "axes"} {
			a.attrToInput(n, key, i+1)
		}
	}
	return a.emit(n)
}

// squeeze: up to opset 12 the axes of Squeeze and Unsqueeze were an attribute.
func (a *adapter) squeeze(n *nn.Node) error {
	if a.opset < 13 {
		a.attrToInput(n, "axes", 1)
	}
	return a.emit(n)
}

// softmax: up to opset 12 Softmax and LogSoftmax were taken over all axes from axis on, which had the default
// 1; since 13 over axis alone, which has the default −1.
func (a *adapter) softmax(n *nn.Node) error {
	if a.opset >= 13 {
		return a.emit(n)
	}
	axis := n.Attrs.Int("axis", 1)
	n.Attrs["axis"] = int64(axis)
	if axis == -1 {
		return a.emit(n)
	}
	x, err := a.info(n, n.Inputs[0])
	if err != nil {
		return err
	}
	shape := x.Shape
	if axis < 0 {
		axis += len(shape)
	}
	if axis < 0 || axis > len(shape) {
		return formatErrorf("%s %q: axis %d of %v", n.Op, n.Name, axis, shape)
	}
	if axis == len(shape)-1 {
		return a.emit(n)
	}
	if x, err = a.exactInfo(n, n.Inputs[0]); err != nil {
		return err
	}
	// At most the first extent is Free, and −1 is what Reshape takes for one that follows from the others.
	back := make([]int64, len(x.Shape))
	for i, d := range x.Shape {
		back[i] = int64(d)
	}
	y := n.Outputs[0]
	flat, soft := a.names.fresh(y), a.names.fresh(y)
	a.emit(&nn.Node{Op: "Flatten", Name: flat, Inputs: n.Inputs, Outputs: []string{flat}, Attrs: nn.Attrs{"axis": int64(axis)}})
	a.emit(&nn.Node{Op: n.Op, Name: n.Name, Inputs: []string{flat}, Outputs: []string{soft}, Attrs: nn.Attrs{"axis": int64(-1)}})
	to := a.constant(n, tensor.FromInts(back, len(back)))
	return a.emit(&nn.Node{Op: "Reshape", Name: y, Inputs: []string{soft, to}, Outputs: []string{y}, Attrs: nn.Attrs{}})
}

// split: up to opset 12 the sizes were an attribute; opset 18 added num_outputs, and a smaller last part where
// the extent does not divide.
func (a *adapter) split(n *nn.Node) error {
	if a.opset < 13 {
		a.attrToInput(n, "split", 1)
	}
	delete(n.Attrs, "num_outputs")
	if a.opset < 18 || len(n.Inputs) > 1 && n.Inputs[1] != "" {
		return a.emit(n)
	}
	x, err := a.exactInfo(n, n.Inputs[0])
	if err != nil {
		return err
	}
	shape := x.Shape
	axis := n.Attrs.Int("axis", 0)
	if axis < 0 {
		axis += len(shape)
	}
	if axis < 0 || axis >= len(shape) {
		return formatErrorf("Split %q: axis %d of %v", n.Name, axis, shape)
	}
	extent, parts := shape[axis], len(n.Outputs)
	if extent == tensor.Free || extent%parts == 0 {
		return a.emit(n)
	}
	part := (extent + parts - 1) / parts
	sizes := make([]int64, parts)
	for i := range sizes {
		sizes[i] = int64(min(part, max(extent-i*part, 0)))
	}
	setInput(n, 1, a.constant(n, tensor.FromInts(sizes, parts)))
	return a.emit(n)
}
