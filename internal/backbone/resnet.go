package backbone

import (
	"fmt"
	"regexp"
	"strings"
)

// ResNet (He et al. 2015), ResNeXt (Xie et al. 2016) and Wide ResNet (Zagoruyko and Komodakis 2016): a stem, then
// four stages of residual blocks. Layers are named as torchvision and timm name them, "layer1.0.conv1".
//
// Two arithmetics are published under one name. Torch's, "v1.5", has the stride of a block in its 3×3 and no bias;
// Keras's, from Caffe, has it in the first 1×1 and a bias on every convolution. No shape but the biases' tells them
// apart.
var resnets = []*arch{
	resnet("resnet18", basicBlock, [4]int{2, 2, 2, 2}, 1, 64),
	resnet("resnet34", basicBlock, [4]int{3, 4, 6, 3}, 1, 64),
	resnet("resnet50", bottleneck, [4]int{3, 4, 6, 3}, 1, 64),
	resnet("resnet101", bottleneck, [4]int{3, 4, 23, 3}, 1, 64),
	resnet("resnet152", bottleneck, [4]int{3, 8, 36, 3}, 1, 64),
	resnet("resnext50_32x4d", bottleneck, [4]int{3, 4, 6, 3}, 32, 4),
	resnet("wide_resnet50_2", bottleneck, [4]int{3, 4, 6, 3}, 1, 128),
	smallResnet("resnet10s", [4]int{32, 64, 96, 192}),
}

// resnetBlock is one residual block: the sum before its last ReLU.
type resnetBlock struct {
	expansion int // output channels by those of the stage
	build     func(n *net, x value, layer string, b blockSize) (branch, shortcut value)
}

// blockSize is what distinguishes a block from others of its kind.
type blockSize struct {
	inner, out, stride, groups int
	project                    bool // the shortcut has a convolution
}

var (
	basicBlock = resnetBlock{1, func(n *net, x value, layer string, b blockSize) (value, value) {
		y := relu(n, n.convNorm(x, layer, "1", conv{out: b.inner, kernel: 3, stride: b.stride}))
		y = n.convNorm(y, layer, "2", conv{out: b.out, kernel: 3})
		if b.project {
			x = n.norm(n.conv(x, layer+".downsample.0", conv{out: b.out, kernel: 1, stride: b.stride}), layer+".downsample.1")
		}
		return y, x
	}}

	// The projection of the shortcut is declared where Keras counts it: between the branch's layers.
	bottleneck = resnetBlock{4, func(n *net, x value, layer string, b blockSize) (value, value) {
		first, second := 1, b.stride
		if n.lay.v1 {
			first, second = b.stride, 1
		}
		bias := n.lay.v1
		y := relu(n, n.convNorm(x, layer, "1", conv{out: b.inner, kernel: 1, stride: first, bias: bias}))
		y = relu(n, n.convNorm(y, layer, "2", conv{out: b.inner, kernel: 3, stride: second, groups: b.groups, bias: bias}))
		if b.project {
			x = n.conv(x, layer+".downsample.0", conv{out: b.out, kernel: 1, stride: b.stride, bias: bias})
		}
		y = n.conv(y, layer+".conv3", conv{out: b.out, kernel: 1, bias: bias})
		if b.project {
			x = n.norm(x, layer+".downsample.1")
		}
		return n.norm(y, layer+".bn3"), x
	}}
)

// convNorm is the convolution conv<i> of a block with its normalisation bn<i>.
func (n *net) convNorm(x value, layer, i string, c conv) value {
	return n.norm(n.conv(x, layer+".conv"+i, c), layer+".bn"+i)
}

// resnet describes one depth and width. A block of a stage with C channels has C·perGroup/64·groups inside.
func resnet(name string, block resnetBlock, depths [4]int, groups, perGroup int) *arch {
	a := &arch{name: name, size: 224, layouts: []layout{{name: "torch", epsilon: 1e-5}}}
	if name == "resnet50" || name == "resnet101" || name == "resnet152" {
		a.layouts = append(a.layouts,
			layout{name: "keras", epsilon: 1.001e-5, keras: true, v1: true, rename: kerasResnetName},
			layout{name: "keras-2016", epsilon: 1e-3, keras: true, v1: true, rename: kerasResnetName2016})
	}
	a.build = func(n *net, x value) (value, value) {
		x = relu(n, n.norm(n.conv(x, "conv1", conv{out: 64, kernel: 7, stride: 2, bias: n.lay.v1}), "bn1"))
		x = n.maxPool(x, pool{kernel: 3, stride: 2, pad: 1})
		for s, depth := range depths {
			width := 64 << s
			b := blockSize{inner: width * perGroup / 64 * groups, out: width * block.expansion, groups: groups}
			x = n.residualStage(x, block, s, depth, b)
		}
		features := n.flatten(n.globalAverage(x))
		return features, n.classifier(features, "fc")
	}
	return a
}

// residualStage is stage number s from 0, of so many blocks b. All but the first stage halve the picture.
func (n *net) residualStage(x value, block resnetBlock, s, depth int, b blockSize) value {
	for i := range depth {
		b.stride = 1
		if i == 0 && s > 0 {
			b.stride = 2
		}
		b.project = i == 0 && (s > 0 || x.C != b.out)
		y, shortcut := block.build(n, x, fmt.Sprintf("layer%d.%d", s+1, i), b)
		x = relu(n, n.add(y, shortcut))
	}
	return n.mark(x, fmt.Sprintf("stage%d", s+1))
}

// smallResnet is a ResNet of one basic block a stage for small pictures, to be trained from scratch: its stem is one 3×3
// of stride 2 with no pooling behind it, so that at 64 pixels the first stage has 32. widths are the stages' channels:
// multiples of 32, the width of the widest register tile.
func smallResnet(name string, widths [4]int) *arch {
	a := &arch{name: name, size: 64, unpublished: true, layouts: []layout{{name: "torch", epsilon: 1e-5}}}
	a.build = func(n *net, x value) (value, value) {
		x = relu(n, n.norm(n.conv(x, "conv1", conv{out: widths[0], kernel: 3, stride: 2}), "bn1"))
		for s, width := range widths {
			x = n.residualStage(x, basicBlock, s, 1, blockSize{inner: width, out: width, groups: 1})
		}
		features := n.flatten(n.globalAverage(x))
		return features, n.classifier(features, "fc")
	}
	return a
}

var resnetLayer = regexp.MustCompile(`^layer(\d)\.(\d+)\.(conv|bn|downsample\.)(\d)$`)

// kerasResnetName is what Keras 2 and 3 call a layer: conv2_block1_0_conv is the projection of layer1.0.
func kerasResnetName(layer string) string {
	m := resnetLayer.FindStringSubmatch(layer)
	if m == nil {
		return map[string]string{"conv1": "conv1_conv", "bn1": "conv1_bn", "fc": "predictions"}[layer]
	}
	part, what := m[4], m[3]
	if what == "downsample." {
		what, part = map[string]string{"0": "conv", "1": "bn"}[part], "0"
	}
	return fmt.Sprintf("conv%c_block%d_%s_%s", m[1][0]+1, atoi(m[2])+1, part, what)
}

// kerasResnetName2016 is what the first Keras called it: res2a_branch1, bn2a_branch2b.
func kerasResnetName2016(layer string) string {
	m := resnetLayer.FindStringSubmatch(layer)
	if m == nil {
		return map[string]string{"conv1": "conv1", "bn1": "bn_conv1", "fc": "fc1000"}[layer]
	}
	prefix, branch := map[string]string{"conv": "res", "bn": "bn"}[m[3]], "2"+string('a'+m[4][0]-'1')
	if m[3] == "downsample." {
		prefix, branch = map[string]string{"0": "res", "1": "bn"}[m[4]], "1"
	}
	block := string(rune('a' + atoi(m[2])))
	return prefix + string(m[1][0]+1) + block + "_branch" + branch
}

// atoi reads digits that a pattern has matched.
func atoi(digits string) int {
	v := 0
	for _, d := range strings.TrimSpace(digits) {
		v = 10*v + int(d-'0')
	}
	return v
}
