package backbone

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// Depth is a place where a backbone can end: the earlier, the more general and the cheaper are its features.
type Depth struct {
	Name   string // "1", "2" … from the input on; the last one is the backbone's own end
	Value  string // the tensor, [N Width H W]; at the last depth the features themselves
	Width  int    // channels, and so features
	Height int    // of the tensor in pixels; 0 at the last depth
	Cols   int    // its width in pixels
}

// AllDepths, as the only name that At is given, means each depth.
const AllDepths = "all"

// Depths returns the depths of b, the last of which is its own features. The others are where everything behind the
// tensor depends on it alone, the last such place at each size in pixels: in front of the layer that halves it. Early
// ones that are as large as the input are left out, and so is one with nothing but pooling between it and the
// features.
func (b *Backbone) Depths() ([]Depth, error) {
	infos, err := inferAny(b.Graph.Clone())
	if err != nil {
		return nil, fmt.Errorf("backbone: %s: %w", b.Name, err)
	}
	var all []Depth
	for _, name := range crossings(b.Graph) {
		if name == "" {
			continue
		}
		s := infos[name].Shape
		if len(s) != 4 || infos[name].DType != tensor.Float32 || s[2] >= b.Spec.Height && s[3] >= b.Spec.Width || s[2]*s[3] == 1 {
			continue
		}
		d := Depth{Value: name, Width: s[1], Height: s[2], Cols: s[3]}
		if k := len(all) - 1; k >= 0 && all[k].Height == d.Height && all[k].Cols == d.Cols {
			all[k] = d
			continue
		}
		all = append(all, d)
	}
	if k := len(all) - 1; k >= 0 && !weighs(b.Graph, all[k].Value) {
		all = all[:k]
	}
	all = append(all, Depth{Value: OutputName, Width: b.Width})
	for i := range all {
		all[i].Name = strconv.Itoa(i + 1)
	}
	return all, nil
}

// weighs reports whether a layer with weights comes after the value in g.
func weighs(g *nn.Graph, value string) bool {
	after := map[string]bool{value: true}
	for _, n := range g.Nodes {
		if !slices.ContainsFunc(n.Inputs, func(in string) bool { return after[in] }) {
			continue
		}
		if n.Op == "Conv" || n.Op == "Gemm" || n.Op == "MatMul" {
			return true
		}
		for _, out := range n.Outputs {
			after[out] = true
		}
	}
	return false
}

// At returns a backbone whose features are those of the given depths of b, in this order: the averages of each
// tensor over its pixels. What lies behind the last of them is left out. A name is that of a depth, or of a tensor
// [N C H W] of the graph.
func (b *Backbone) At(names []string) (*Backbone, error) {
	all, err := b.Depths()
	if err != nil {
		return nil, err
	}
	if len(names) == 1 && names[0] == AllDepths {
		names = nil
		for _, d := range all {
			names = append(names, d.Name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("backbone: %s: no depth named", b.Name)
	}
	if len(names) == 1 && names[0] == all[len(all)-1].Name {
		return b, nil
	}
	to := *b
	to.Graph = b.Graph.Clone()
	takeName(to.Graph, OutputName, "last")
	var values, texts []string
	to.Width = 0
	for i, name := range names {
		d, err := b.depth(name, all)
		if err != nil {
			return nil, err
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("backbone: %s: depth %s is named twice", b.Name, name)
		}
		if d.Value == OutputName {
			d.Value = "last"
		}
		values = append(values, pooled(to.Graph, d))
		to.Width += d.Width
		texts = append(texts, d.String())
	}
	out := values[0]
	if len(values) > 1 {
		out = appendNode(to.Graph, "Concat", "depths", nn.Attrs{"axis": int64(1)}, values...)
	}
	takeName(to.Graph, out, OutputName)
	to.Graph.Outputs = []nn.Value{{Name: OutputName, DType: tensor.Float32, Shape: tensor.Shape{b.Graph.Outputs[0].Shape[0], to.Width}}}
	prune(to.Graph)
	to.Cut = fmt.Sprintf("%s; depths %s of %d: %s", b.Cut, strings.Join(names, "+"), len(all), strings.Join(texts, ", "))
	return &to, nil
}

// String names the tensor and its shape.
func (d Depth) String() string {
	if d.Height == 0 {
		return fmt.Sprintf("%q [N %d]", d.Value, d.Width)
	}
	return fmt.Sprintf("%q [N %d %d %d]", d.Value, d.Width, d.Height, d.Cols)
}

// depth finds a depth by its name or its tensor's.
func (b *Backbone) depth(name string, all []Depth) (Depth, error) {
	for _, d := range all {
		if d.Name == name || d.Value == name {
			return d, nil
		}
	}
	infos, err := inferAny(b.Graph.Clone())
	if err != nil {
		return Depth{}, fmt.Errorf("backbone: %s: %w", b.Name, err)
	}
	info, ok := infos[name]
	if !ok || !live(b.Graph)[name] {
		return Depth{}, fmt.Errorf("backbone: %s: no depth and no tensor %q: it has depths 1 to %d", b.Name, name, len(all))
	}
	if len(info.Shape) != 4 || info.DType != tensor.Float32 {
		return Depth{}, fmt.Errorf("backbone: %s: tensor %q %v %v: want float32 [N C H W]", b.Name, name, info.DType, batched(info.Shape))
	}
	return Depth{Name: name, Value: name, Width: info.Shape[1], Height: info.Shape[2], Cols: info.Shape[3]}, nil
}

// pooled appends the average over the pixels of d to g and returns its name, [N Width].
func pooled(g *nn.Graph, d Depth) string {
	if d.Height == 0 {
		return d.Value
	}
	pool := appendNode(g, "GlobalAveragePool", "depth_pool", nil, d.Value)
	return appendNode(g, "Flatten", "depth_flat", nn.Attrs{"axis": int64(1)}, pool)
}

// appendNode appends a node with one output, which gets a fresh name like the one given, and returns that.
func appendNode(g *nn.Graph, op, like string, attrs nn.Attrs, in ...string) string {
	name := freshName(g, like)
	g.Nodes = append(g.Nodes, &nn.Node{Op: op, Name: name, Inputs: in, Outputs: []string{name}, Attrs: attrs})
	return name
}
