package backbone

import (
	"fmt"
)

// ResNet50V2 (He et al. 2016) as Keras has it: normalisation and ReLU come before each convolution, the stride is in
// the last block of a stage, and a shortcut without weights is a pooling of one pixel. Layers are named as Keras names
// them, "conv2_block1_1_conv".
var resnetV2s = []*arch{{
	name: "resnet50v2", size: 224,
	layouts: []layout{{name: "keras", epsilon: 1.001e-5, keras: true}},
	build: func(n *net, x value) (value, value) {
		x = n.conv(x, "conv1_conv", conv{out: 64, kernel: 7, stride: 2, bias: true})
		x = n.maxPool(n.padZero(x, 1), pool{kernel: 3, stride: 2})
		for s, depth := range [4]int{3, 4, 6, 3} {
			for b := range depth {
				stride := 1
				if b == depth-1 && s < 3 {
					stride = 2
				}
				x = n.preactBlock(x, fmt.Sprintf("conv%d_block%d", s+2, b+1), 64<<s, stride, b == 0)
			}
			x = n.mark(x, fmt.Sprintf("stage%d", s+1))
		}
		x = relu(n, n.norm(x, "post_bn"))
		features := n.flatten(n.globalAverage(x))
		return features, n.classifier(features, "predictions")
	},
}}

// preactBlock is one block; the first of a stage projects its normalised input. The projection is declared
// where Keras counts it, behind the branch's second normalisation.
func (n *net) preactBlock(x value, layer string, width, stride int, project bool) value {
	pre := relu(n, n.norm(x, layer+"_preact_bn"))
	y := relu(n, n.norm(n.conv(pre, layer+"_1_conv", conv{out: width, kernel: 1}), layer+"_1_bn"))
	y = relu(n, n.norm(n.conv(y, layer+"_2_conv", conv{out: width, kernel: 3, stride: stride}), layer+"_2_bn"))
	shortcut := x
	switch {
	case project:
		shortcut = n.conv(pre, layer+"_0_conv", conv{out: 4 * width, kernel: 1, stride: stride, bias: true})
	case stride > 1:
		shortcut = n.maxPool(x, pool{kernel: 1, stride: stride})
	}
	return n.add(shortcut, n.conv(y, layer+"_3_conv", conv{out: 4 * width, kernel: 1, bias: true}))
}

// padZero puts zeros around the picture: they count in the pooling that follows, whose input is not rectified.
func (n *net) padZero(x value, by int) value {
	k := int64(by)
	x.name = n.Op("Pad", nil, x.name, n.Ints(0, 0, k, k, 0, 0, k, k))
	x.H, x.W = x.H+2*by, x.W+2*by
	return x
}
