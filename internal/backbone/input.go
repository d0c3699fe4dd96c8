package backbone

import (
	"fmt"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/transform"
)

// imageInput is the input of a classifier as its file has it.
type imageInput struct {
	value         nn.Value
	nhwc          bool
	width, height int // tensor.Free where the file leaves them open
}

// findInput checks that g takes one picture of three channels and tells which axis is which.
func findInput(g *nn.Graph) (imageInput, error) {
	if len(g.Inputs) != 1 {
		return imageInput{}, fmt.Errorf("the graph has %d inputs, want one picture: %v", len(g.Inputs), g.Inputs)
	}
	in := imageInput{value: g.Inputs[0]}
	s := in.value.Shape
	if in.value.DType != tensor.Float32 || len(s) != 4 {
		return in, fmt.Errorf("input %v, want a float picture [N 3 H W] or [N H W 3]", in.value)
	}
	switch {
	case s[1] == 3 || s[1] == tensor.Free && s[3] != 3:
		in.height, in.width = s[2], s[3]
	case s[3] == 3:
		in.nhwc, in.height, in.width = true, s[1], s[2]
	default:
		return in, fmt.Errorf("input %v, want three channels: [N 3 H W] or [N H W 3]", in.value)
	}
	return in, nil
}

// setSize fixes all extents of the input but the batch.
func (in imageInput) setSize(g *nn.Graph, s transform.Spec) {
	shape := tensor.Shape{in.value.Shape[0], 3, s.Height, s.Width}
	if in.nhwc {
		shape = tensor.Shape{in.value.Shape[0], s.Height, s.Width, 3}
	}
	g.Inputs[0].Shape = shape
}

// addNormalise puts in front of g the nodes that bring RGB [N 3 H W] of 0–255 to what the weights expect:
// channels turned round, mean taken off, divided by the deviation, transposed. Steps that change nothing are
// left out. The input of g is then InputName.
func addNormalise(g *nn.Graph, in imageInput, norm transform.Normalise) {
	old := g.Inputs[0]
	v := freshName(g, "pixels") // the current end of the chain; InputName once it is built
	first := v
	var nodes []*nn.Node
	add := func(op, name string, attrs nn.Attrs, init *tensor.Tensor) {
		out := freshName(g, "normalise_"+name)
		inputs := []string{v}
		if init != nil {
			c := freshName(g, "normalise_"+name+"_by")
			g.Init[c] = init
			inputs = append(inputs, c)
		}
		nodes = append(nodes, &nn.Node{Op: op, Name: out, Inputs: inputs, Outputs: []string{out}, Attrs: attrs})
		v = out
	}
	if norm.BGR {
		add("Gather", "bgr", nn.Attrs{"axis": int64(1)}, tensor.FromInts([]int64{2, 1, 0}, 3))
	}
	if norm.Mean != [3]float32{} {
		add("Sub", "mean", nn.Attrs{}, tensor.FromFloats(norm.Mean[:], 1, 3, 1, 1))
	}
	if norm.Std != [3]float32{1, 1, 1} {
		add("Div", "std", nn.Attrs{}, tensor.FromFloats(norm.Std[:], 1, 3, 1, 1))
	}
	s := old.Shape
	if in.nhwc {
		add("Transpose", "nhwc", nn.Attrs{"perm": []int64{0, 2, 3, 1}}, nil)
		s = tensor.Shape{s[0], 3, s[1], s[2]}
	}
	renameValue(g, old.Name, v)
	g.Nodes = append(nodes, g.Nodes...)
	g.Inputs = []nn.Value{{Name: first, DType: tensor.Float32, Shape: s}}
	takeName(g, first, InputName)
}
