package backbone

import (
	"fmt"
	"regexp"
)

// RegNetY-400MF (Radosavovic et al. 2020): residual bottlenecks of constant width in each stage, their 3×3 in groups
// of 8 channels, with squeeze-and-excitation. Layers are named as torchvision names them,
// "trunk_output.block1.block1-0.f.a.0".
var regnets = []*arch{{
	name: "regnety_400mf", size: 224,
	layouts: []layout{
		{name: "torchvision", epsilon: 1e-5},
		{name: "timm", epsilon: 1e-5, rename: timmRegNetName},
	},
	build: func(n *net, x value) (value, value) {
		x = relu(n, n.norm(n.conv(x, "stem.0", conv{out: 32, kernel: 3, stride: 2}), "stem.1"))
		for s, stage := range []struct{ depth, width int }{{1, 48}, {3, 104}, {6, 208}, {6, 440}} {
			for i := range stage.depth {
				stride := 1
				if i == 0 {
					stride = 2
				}
				x = n.regnetBlock(x, fmt.Sprintf("trunk_output.block%d.block%d-%d", s+1, s+1, i), stage.width, stride)
			}
			x = n.mark(x, fmt.Sprintf("stage%d", s+1))
		}
		features := n.flatten(n.globalAverage(x))
		return features, n.classifier(features, "fc")
	},
}}

// regnetBlock is one bottleneck. The squeeze is to a quarter of the block's input.
func (n *net) regnetBlock(x value, layer string, width, stride int) value {
	const groupWidth = 8
	shortcut, in := x, x.C
	if in != width || stride > 1 {
		shortcut = n.norm(n.conv(x, layer+".proj.0", conv{out: width, kernel: 1, stride: stride}), layer+".proj.1")
	}
	y := relu(n, n.norm(n.conv(x, layer+".f.a.0", conv{out: width, kernel: 1}), layer+".f.a.1"))
	y = relu(n, n.norm(n.conv(y, layer+".f.b.0", conv{out: width, kernel: 3, stride: stride, groups: width / groupWidth}), layer+".f.b.1"))
	gate := n.globalAverage(y)
	gate = relu(n, n.conv(gate, layer+".f.se.fc1", conv{out: in / 4, kernel: 1, bias: true}))
	gate = sigmoid(n, n.conv(gate, layer+".f.se.fc2", conv{out: width, kernel: 1, bias: true}))
	y = n.norm(n.conv(n.mul(y, gate), layer+".f.c.0", conv{out: width, kernel: 1}), layer+".f.c.1")
	return relu(n, n.add(shortcut, y))
}

var (
	regnetPart  = regexp.MustCompile(`^trunk_output\.block(\d)\.block\d-(\d+)\.(proj|f\.[abc])\.([01])$`)
	regnetGate  = regexp.MustCompile(`^trunk_output\.block(\d)\.block\d-(\d+)\.f\.(se\.fc[12])$`)
	regnetParts = map[string]string{"proj": "downsample", "f.a": "conv1", "f.b": "conv2", "f.c": "conv3"}
)

// timmRegNetName is what timm calls a layer: s1.b1.conv1.conv is block1-0.f.a.0.
func timmRegNetName(layer string) string {
	if m := regnetPart.FindStringSubmatch(layer); m != nil {
		return fmt.Sprintf("s%s.b%d.%s.%s", m[1], atoi(m[2])+1, regnetParts[m[3]], map[string]string{"0": "conv", "1": "bn"}[m[4]])
	}
	if m := regnetGate.FindStringSubmatch(layer); m != nil {
		return fmt.Sprintf("s%s.b%d.%s", m[1], atoi(m[2])+1, m[3])
	}
	return map[string]string{"stem.0": "stem.conv", "stem.1": "stem.bn", "fc": "head.fc"}[layer]
}
