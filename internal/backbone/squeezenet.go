package backbone

import "fmt"

// SqueezeNet 1.1 (Iandola et al. 2016): a small network of fire modules, which squeeze to few channels and expand by
// 1×1 and 3×3 side by side. Its classifier is a convolution, averaged afterwards. Layers are named as torchvision
// counts them, "features.3.squeeze".
var squeezenets = []*arch{{
	name: "squeezenet1_1", size: 224,
	layouts: []layout{{name: "torch"}},
	build: func(n *net, x value) (value, value) {
		x = relu(n, n.conv(x, "features.0", conv{out: 64, kernel: 3, stride: 2, valid: true, bias: true}))
		x = n.mark(x, "stage1")
		i := 2
		for s, group := range [][]int{{16, 16}, {32, 32}, {48, 48, 64, 64}} { // squeezed channels; expanded are 8 times as many
			x = n.maxPool(x, pool{kernel: 3, stride: 2, ceil: true})
			for _, squeeze := range group {
				i++
				x = n.fire(x, fmt.Sprintf("features.%d", i), squeeze)
			}
			i++
			x = n.mark(x, fmt.Sprintf("stage%d", s+2))
		}
		features := n.flatten(n.globalAverage(x))
		if n.closeBase(); n.classes == 0 {
			return features, value{}
		}
		scores := relu(n, n.conv(x, "classifier.1", conv{out: n.classes, kernel: 1, bias: true}))
		return features, n.flatten(n.globalAverage(scores))
	},
}}

// fire squeezes x and expands it to 4·squeeze channels by each kernel.
func (n *net) fire(x value, layer string, squeeze int) value {
	x = relu(n, n.conv(x, layer+".squeeze", conv{out: squeeze, kernel: 1, bias: true}))
	return n.concat(
		relu(n, n.conv(x, layer+".expand1x1", conv{out: 4 * squeeze, kernel: 1, bias: true})),
		relu(n, n.conv(x, layer+".expand3x3", conv{out: 4 * squeeze, kernel: 3, bias: true})))
}
