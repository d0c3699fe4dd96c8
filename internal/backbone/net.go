package backbone

import (
	"fmt"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// net builds the graph of an architecture layer by layer, in the words of its family. Each layer with weights
// declares them: a net is at first a list of parameters without numbers, and becomes a graph once a weights
// file has filled all of them.
//
// Layers have canonical names, those of torchvision where it has the architecture; a layout translates them.
// They are declared in the order in which Keras counts them.
type net struct {
	*nn.Builder
	lay     *layout
	classes int // of the classifier; 0: the file has none, and the features are the end

	params  []*param
	marks   map[string]string  // names that people use, of values that the builder named
	numbers map[float32]string // initialisers of one number
	macs    int64              // multiply-adds of one picture

	// What the features take, without the classifier behind them.
	features   int // their width
	baseParams int // arrays
	baseMACs   int64
	err        error
}

// value is the output of a layer: [N, C, H, W], or [N, C] where H is 0.
type value struct {
	name    string
	C, H, W int
}

// kind is what a parameter's layer is: it decides what its arrays are called and how their axes lie.
type kind uint8

const (
	convLayer kind = iota
	depthwiseLayer
	denseLayer
	pointLayer     // dense at each pixel
	denseConvLayer // dense, in Keras a 1×1 convolution of one pixel
	batchNorm
	layerNorm
	layerScale
	inputStats // mean and variance of the input, which the normalisation holds already
)

// param is one array that a network needs.
type param struct {
	layer string
	kind  kind
	role  role
	t     *tensor.Tensor // its shape, [O I h w] or [O I] or [C]; data once filled
}

// role is what an array is to its layer.
type role uint8

const (
	weight role = iota // of normalisations the scale
	bias
	mean
	variance
	count
)

// param declares an array and returns the initialiser that it will be.
func (n *net) param(layer string, k kind, r role, shape ...int) string {
	t := &tensor.Tensor{DType: tensor.Float32, Shape: shape}
	n.params = append(n.params, &param{layer, k, r, t})
	return n.Const(layer+"."+torchRoles[r], t)
}

// fail keeps the first error that is the architecture's own, such as a size that it cannot take.
func (n *net) fail(format string, args ...any) {
	if n.err == nil {
		n.err = fmt.Errorf(format, args...)
	}
}

// conv says what a convolution is beside its name. Zero values: stride and groups of 1, no bias, the layout's
// padding.
type conv struct {
	out, kernel, stride, groups int
	bias                        bool
	valid                       bool // no padding
	grouped                     bool // a depthwise convolution that Keras has as a Conv2D in groups
}

// conv is a convolution, depthwise if its groups are its channels.
func (n *net) conv(x value, layer string, c conv) value {
	stride, groups := max(c.stride, 1), max(c.groups, 1)
	k := convLayer
	if groups == x.C && groups > 1 && !c.grouped {
		k = depthwiseLayer
	}
	inputs := []string{x.name, n.param(layer, k, weight, c.out, x.C/groups, c.kernel, c.kernel)}
	if c.bias {
		inputs = append(inputs, n.param(layer, k, bias, c.out))
	}
	top, bottom, h := n.pad(x.H, c.kernel, stride, c.valid)
	left, right, w := n.pad(x.W, c.kernel, stride, c.valid)
	n.macs += int64(h) * int64(w) * int64(c.out) * int64(x.C/groups) * int64(c.kernel*c.kernel)
	attrs := nn.Attrs{
		"kernel_shape": []int64{int64(c.kernel), int64(c.kernel)},
		"strides":      []int64{int64(stride), int64(stride)},
		"pads":         []int64{int64(top), int64(left), int64(bottom), int64(right)},
		"group":        int64(groups),
	}
	return value{n.Op("Conv", attrs, inputs...), c.out, h, w}
}

// pad returns the padding in front of and behind size elements, and how many the window then gives.
func (n *net) pad(size, kernel, stride int, valid bool) (front, back, out int) {
	switch {
	case valid:
	case n.lay.same: // TensorFlow's rule: as little as gives ⌈size/stride⌉, the odd one behind
		total := max(((size+stride-1)/stride-1)*stride+kernel-size, 0)
		front, back = total/2, total-total/2
	default:
		front, back = (kernel-1)/2, (kernel-1)/2
	}
	out = (size+front+back-kernel)/stride + 1
	if size+front+back < kernel {
		n.fail("an input this small leaves nothing for a window of %d", kernel)
		out = 1
	}
	return front, back, out
}

// norm is a batch normalisation with the layout's epsilon.
func (n *net) norm(x value, layer string) value {
	inputs := []string{x.name}
	for r := weight; r <= variance; r++ {
		inputs = append(inputs, n.param(layer, batchNorm, r, x.C))
	}
	x.name = n.Op("BatchNormalization", nn.Attrs{"epsilon": n.lay.epsilon}, inputs...)
	return x
}

// layerNorm normalises over the channels at each position, or over [N, C].
func (n *net) layerNorm(x value, layer string, epsilon float32) value {
	if x.H > 0 {
		x.name = n.Op("Transpose", nn.Attrs{"perm": []int64{0, 2, 3, 1}}, x.name)
	}
	x.name = n.Op("LayerNormalization", nn.Attrs{"axis": int64(-1), "epsilon": epsilon},
		x.name, n.param(layer, layerNorm, weight, x.C), n.param(layer, layerNorm, bias, x.C))
	if x.H > 0 {
		x.name = n.Op("Transpose", nn.Attrs{"perm": []int64{0, 3, 1, 2}}, x.name)
	}
	return x
}

// scale multiplies each channel by a parameter of its own.
func (n *net) scale(x value, layer string) value {
	x.name = n.Op("Mul", nil, x.name, n.param(layer, layerScale, weight, x.C, 1, 1))
	return x
}

// dense is a fully connected layer on [N, C].
func (n *net) dense(x value, layer string, out int) value { return n.gemm(x, layer, denseLayer, out) }

// denseConv is a dense layer that Keras has as a convolution.
func (n *net) denseConv(x value, layer string, out int) value {
	return n.gemm(x, layer, denseConvLayer, out)
}

func (n *net) gemm(x value, layer string, k kind, out int) value {
	n.macs += int64(x.C) * int64(out)
	name := n.Op("Gemm", nn.Attrs{"transB": int64(1)}, x.name,
		n.param(layer, k, weight, out, x.C), n.param(layer, k, bias, out))
	return value{name: name, C: out}
}

// pointwise is a dense layer at each pixel: a 1×1 convolution.
func (n *net) pointwise(x value, layer string, out int) value {
	n.macs += int64(x.H) * int64(x.W) * int64(x.C) * int64(out)
	x.name = n.Op("Conv", nn.Attrs{"kernel_shape": []int64{1, 1}}, x.name,
		n.param(layer, pointLayer, weight, out, x.C, 1, 1), n.param(layer, pointLayer, bias, out))
	x.C = out
	return x
}

// An activation is applied to each element.
type activation func(n *net, x value) value

func relu(n *net, x value) value      { return n.unary("Relu", nil, x) }
func sigmoid(n *net, x value) value   { return n.unary("Sigmoid", nil, x) }
func gelu(n *net, x value) value      { return n.unary("Gelu", nil, x) }
func hardSwish(n *net, x value) value { return n.unary("HardSwish", nil, x) }

func hardSigmoid(n *net, x value) value {
	return n.unary("HardSigmoid", nn.Attrs{"alpha": float32(1) / 6, "beta": float32(.5)}, x)
}

func silu(n *net, x value) value { return n.mul(x, sigmoid(n, x)) }

func relu6(n *net, x value) value {
	x.name = n.Op("Clip", nil, x.name, n.number(0), n.number(6))
	return x
}

// number returns the initialiser that holds v alone.
func (n *net) number(v float32) string {
	name, ok := n.numbers[v]
	if !ok {
		name = n.Const(fmt.Sprintf("number_%v", v), &tensor.Tensor{DType: tensor.Float32, F: []float32{v}})
		n.numbers[v] = name
	}
	return name
}

func (n *net) unary(op string, attrs nn.Attrs, x value) value {
	x.name = n.Op(op, attrs, x.name)
	return x
}

// add is the sum of two values of one shape.
func (n *net) add(x, y value) value {
	x.name = n.Op("Add", nil, x.name, y.name)
	return x
}

// mul is the product of x with y, of its shape or [N, C, 1, 1].
func (n *net) mul(x, y value) value {
	x.name = n.Op("Mul", nil, x.name, y.name)
	return x
}

// concat joins values along their channels.
func (n *net) concat(xs ...value) value {
	out, names := xs[0], []string(nil)
	out.C = 0
	for _, x := range xs {
		out.C += x.C
		names = append(names, x.name)
	}
	out.name = n.Op("Concat", nn.Attrs{"axis": int64(1)}, names...)
	return out
}

// pool is how a window moves over a picture.
type pool struct {
	kernel, stride, pad int
	ceil                bool // a last window that starts inside counts
}

func (n *net) maxPool(x value, p pool) value { return n.window("MaxPool", x, p) }
func (n *net) avgPool(x value, p pool) value { return n.window("AveragePool", x, p) }

func (n *net) window(op string, x value, p pool) value {
	k, s, pad := int64(p.kernel), int64(p.stride), int64(p.pad)
	attrs := nn.Attrs{"kernel_shape": []int64{k, k}, "strides": []int64{s, s}, "pads": []int64{pad, pad, pad, pad}}
	size := func(in int) int {
		in += 2*p.pad - p.kernel
		if p.ceil {
			in += p.stride - 1
		}
		if in < 0 {
			n.fail("an input this small leaves nothing for a pooling of %d", p.kernel)
			return 1
		}
		return in/p.stride + 1
	}
	if p.ceil {
		attrs["ceil_mode"] = int64(1)
	}
	return value{n.Op(op, attrs, x.name), x.C, size(x.H), size(x.W)}
}

// globalAverage averages over the picture: [N, C, 1, 1].
func (n *net) globalAverage(x value) value {
	return value{n.Op("GlobalAveragePool", nil, x.name), x.C, 1, 1}
}

// flatten makes rows of x: [N, C·H·W].
func (n *net) flatten(x value) value {
	return value{name: n.Op("Flatten", nn.Attrs{"axis": int64(1)}, x.name), C: x.C * x.H * x.W}
}

// mark gives x a name by which people may cut the network there: "stage1" and so on, from the input on.
func (n *net) mark(x value, name string) value {
	n.marks[name] = x.name
	return x
}
