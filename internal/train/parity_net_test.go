package train

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// seededNet builds the networks of testdata/training/make_curves.py, layer by layer, with arrays named as in PyTorch
// and drawn by these names.
type seededNet struct{ *nn.Builder }

// draw is the script's drawn.
func (n seededNet) draw(name string, shape ...int) string {
	t := tensor.New(tensor.Float32, shape...)
	scale, shift := check.SeededRange(name, shape)
	if len(shape) == 1 && strings.HasSuffix(name, ".weight") {
		scale, shift = 0.3, 0.5
	} else if strings.HasSuffix(name, ".bias") {
		scale, shift = 1, 1
	}
	check.Seeded(t.F, name, scale, shift)
	return n.Const(name, t)
}

// convNorm is a convolution without bias, padded to keep the size at stride 1, and its normalisation.
func (n seededNet) convNorm(x, conv, norm string, in, out, kernel, stride, groups int) string {
	k, s, p := int64(kernel), int64(stride), int64(kernel/2)
	attrs := nn.Attrs{"kernel_shape": []int64{k, k}, "strides": []int64{s, s}, "pads": []int64{p, p, p, p}, "group": int64(groups)}
	x = n.Op("Conv", attrs, x, n.draw(conv+".weight", out, in/groups, kernel, kernel))
	inputs := []string{x}
	for _, role := range []string{"weight", "bias", "running_mean", "running_var"} {
		inputs = append(inputs, n.draw(norm+"."+role, out))
	}
	return n.Op("BatchNormalization", nn.Attrs{"epsilon": float32(1e-5)}, inputs...)
}

func (n seededNet) relu(x string) string { return n.Op("Relu", nil, x) }

// finish averages x and classifies the averages.
func (n seededNet) finish(t *testing.T, x, dense string, in, classes int) *nn.Graph {
	t.Helper()
	x = n.Op("Flatten", nil, n.Op("GlobalAveragePool", nil, x))
	n.Output("logits", n.Op("Gemm", nn.Attrs{"transB": int64(1)}, x, n.draw(dense+".weight", classes, in), n.draw(dense+".bias", classes)))
	g, err := n.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func seededResNet18(t *testing.T, width float64, size, classes int) *nn.Graph {
	n := seededNet{nn.NewBuilder("resnet18")}
	in := int(width)
	x := n.relu(n.convNorm(n.Input("x", tensor.Free, 3, size, size), "conv1", "bn1", 3, in, 7, 2, 1))
	x = n.Op("MaxPool", nn.Attrs{"kernel_shape": []int64{3, 3}, "strides": []int64{2, 2}, "pads": []int64{1, 1, 1, 1}}, x)
	for s := range 4 {
		out := int(width) << s
		for i := range 2 {
			layer, stride, shortcut := fmt.Sprintf("layer%d.%d.", s+1, i), 1, x
			if in != out {
				stride = 2
			}
			y := n.relu(n.convNorm(x, layer+"conv1", layer+"bn1", in, out, 3, stride, 1))
			y = n.convNorm(y, layer+"conv2", layer+"bn2", out, out, 3, 1, 1)
			if in != out {
				shortcut = n.convNorm(x, layer+"downsample.0", layer+"downsample.1", in, out, 1, stride, 1)
			}
			x, in = n.relu(n.Op("Add", nil, y, shortcut)), out
		}
	}
	return n.finish(t, x, "fc", in, classes)
}

// mobileStages are the rows of MobileNetV2's table: expansion, channels, blocks, stride.
var mobileStages = [][4]int{{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}}

// wide returns channels times width as torchvision rounds it: to a multiple of 8, by at most a tenth down.
func wide(channels int, width float64) int {
	v := width * float64(channels)
	out := max(8, int(v+4)/8*8)
	if float64(out) < 0.9*v {
		out += 8
	}
	return out
}

func seededMobileNetV2(t *testing.T, width float64, size, classes int) *nn.Graph {
	n := seededNet{nn.NewBuilder("mobilenetv2")}
	six := n.Const("six", tensor.FromFloats([]float32{6}))
	zero := n.Const("zero", tensor.FromFloats([]float32{0}))
	relu6 := func(x string) string { return n.Op("Clip", nil, x, zero, six) }
	in := wide(32, width)
	x := relu6(n.convNorm(n.Input("x", tensor.Free, 3, size, size), "features.0.0", "features.0.1", 3, in, 3, 2, 1))
	block := 1
	for _, s := range mobileStages {
		for i := range s[2] {
			layer, inner, out, stride := fmt.Sprintf("features.%d.conv.", block), in*s[0], wide(s[1], width), 1
			if i == 0 {
				stride = s[3]
			}
			y, part := x, 0
			if s[0] > 1 {
				y, part = relu6(n.convNorm(y, layer+"0.0", layer+"0.1", in, inner, 1, 1, 1)), 1
			}
			depthwise := fmt.Sprint(layer, part)
			y = relu6(n.convNorm(y, depthwise+".0", depthwise+".1", inner, inner, 3, stride, inner))
			y = n.convNorm(y, fmt.Sprint(layer, part+1), fmt.Sprint(layer, part+2), inner, out, 1, 1, 1)
			if stride == 1 && in == out {
				y = n.Op("Add", nil, x, y)
			}
			x, in = y, out
			block++
		}
	}
	last := wide(1280, math.Max(1, width))
	x = relu6(n.convNorm(x, "features.18.0", "features.18.1", in, last, 1, 1, 1))
	return n.finish(t, x, "classifier.1", last, classes)
}
