package backbone

import (
	"fmt"
	"regexp"
	"strings"
)

// DenseNet-121 (Huang et al. 2016): in a dense block each layer reads all that came before it and adds 32 channels;
// between blocks channels and size are halved. Layers are named as torchvision names them,
// "features.denseblock1.denselayer1.conv1".
var densenets = []*arch{{
	name: "densenet121", size: 224,
	layouts: []layout{
		{name: "torch", epsilon: 1e-5},
		{name: "torch-2017", epsilon: 1e-5, rename: torchDenseNetName2017},
		{name: "keras", epsilon: 1.001e-5, keras: true, rename: kerasDenseNetName},
	},
	build: func(n *net, x value) (value, value) {
		x = relu(n, n.norm(n.conv(x, "features.conv0", conv{out: 64, kernel: 7, stride: 2}), "features.norm0"))
		x = n.maxPool(x, pool{kernel: 3, stride: 2, pad: 1})
		for b, depth := range [4]int{6, 12, 24, 16} {
			for l := range depth {
				x = n.denseLayer(x, fmt.Sprintf("features.denseblock%d.denselayer%d", b+1, l+1))
			}
			x = n.mark(x, fmt.Sprintf("stage%d", b+1))
			if b < 3 {
				layer := fmt.Sprintf("features.transition%d", b+1)
				x = relu(n, n.norm(x, layer+".norm"))
				x = n.conv(x, layer+".conv", conv{out: x.C / 2, kernel: 1})
				x = n.avgPool(x, pool{kernel: 2, stride: 2})
			}
		}
		x = relu(n, n.norm(x, "features.norm5"))
		features := n.flatten(n.globalAverage(x))
		return features, n.classifier(features, "classifier")
	},
}}

// denseLayer puts 32 new channels behind those of x.
func (n *net) denseLayer(x value, layer string) value {
	const growth = 32
	y := relu(n, n.norm(x, layer+".norm1"))
	y = n.conv(y, layer+".conv1", conv{out: 4 * growth, kernel: 1})
	y = relu(n, n.norm(y, layer+".norm2"))
	y = n.conv(y, layer+".conv2", conv{out: growth, kernel: 3})
	return n.concat(x, y)
}

var (
	denseNetLayer      = regexp.MustCompile(`^features\.denseblock(\d)\.denselayer(\d+)\.(conv|norm)(\d)$`)
	denseNetTransition = regexp.MustCompile(`^features\.transition(\d)\.(conv|norm)$`)
)

// torchDenseNetName2017 is what torchvision's published file calls a layer: a name with a dot, norm.1, which later
// versions of torch refuse in a module and torchvision rewrites on loading.
func torchDenseNetName2017(layer string) string {
	if m := denseNetLayer.FindStringSubmatch(layer); m != nil {
		return strings.TrimSuffix(layer, m[4]) + "." + m[4]
	}
	return layer
}

// kerasDenseNetName is what Keras calls a layer: conv2_block1_1_conv is denseblock1.denselayer1.conv1.
func kerasDenseNetName(layer string) string {
	kind := map[string]string{"conv": "conv", "norm": "bn"}
	if m := denseNetLayer.FindStringSubmatch(layer); m != nil {
		i := atoi(m[4])
		if m[3] == "norm" {
			i--
		}
		return fmt.Sprintf("conv%d_block%s_%d_%s", atoi(m[1])+1, m[2], i, kind[m[3]])
	}
	if m := denseNetTransition.FindStringSubmatch(layer); m != nil {
		return fmt.Sprintf("pool%d_%s", atoi(m[1])+1, kind[m[2]])
	}
	return map[string]string{"features.conv0": "conv1_conv", "features.norm0": "conv1_bn", "features.norm5": "bn", "classifier": "predictions"}[layer]
}
