package backbone

import (
	"fmt"
	"regexp"
)

// ConvNeXt-Tiny (Liu et al. 2022): stages of blocks with a 7×7 depthwise convolution, a layer normalisation and two
// dense layers at each pixel. The features are the average of the last stage, normalised. Layers are named as
// torchvision counts them, "features.1.0.block.0".
var convnexts = []*arch{{
	name: "convnext_tiny", size: 224,
	layouts: []layout{
		{name: "torchvision"},
		{name: "timm", rename: timmConvNeXtName},
		{name: "keras", keras: true, rename: kerasConvNeXtName},
	},
	build: func(n *net, x value) (value, value) {
		x = n.conv(x, "features.0.0", conv{out: 96, kernel: 4, stride: 4, valid: true, bias: true})
		x = n.layerNorm(x, "features.0.1", convnextEpsilon)
		for s, stage := range []struct{ depth, width int }{{3, 96}, {3, 192}, {9, 384}, {3, 768}} {
			if s > 0 {
				layer := fmt.Sprintf("features.%d", 2*s)
				x = n.layerNorm(x, layer+".0", convnextEpsilon)
				x = n.conv(x, layer+".1", conv{out: stage.width, kernel: 2, stride: 2, valid: true, bias: true})
			}
			for b := range stage.depth {
				x = n.convnextBlock(x, fmt.Sprintf("features.%d.%d", 2*s+1, b))
			}
			x = n.mark(x, fmt.Sprintf("stage%d", s+1))
		}
		features := n.layerNorm(n.flatten(n.globalAverage(x)), "classifier.0", convnextEpsilon)
		return features, n.classifier(features, "classifier.2")
	},
}}

const convnextEpsilon = 1e-6

// convnextBlock adds to x what its branch makes of it.
func (n *net) convnextBlock(x value, layer string) value {
	y := n.conv(x, layer+".block.0", conv{out: x.C, kernel: 7, groups: x.C, grouped: true, bias: true})
	y = n.layerNorm(y, layer+".block.2", convnextEpsilon)
	y = gelu(n, n.pointwise(y, layer+".block.3", 4*x.C))
	y = n.pointwise(y, layer+".block.5", x.C)
	return n.add(x, n.scale(y, layer+".layer_scale"))
}

var convnextLayer = regexp.MustCompile(`^features\.(\d)\.(\d+)\.(.+)$`)

// timmConvNeXtName is what timm calls a layer: stages.0.blocks.0.conv_dw is features.1.0.block.0.
func timmConvNeXtName(layer string) string {
	if name, ok := map[string]string{"features.0.0": "stem.0", "features.0.1": "stem.1", "classifier.0": "head.norm", "classifier.2": "head.fc"}[layer]; ok {
		return name
	}
	if m := convnextLayer.FindStringSubmatch(layer); m != nil {
		part := map[string]string{"block.0": "conv_dw", "block.2": "norm", "block.3": "mlp.fc1", "block.5": "mlp.fc2", "layer_scale": "gamma"}[m[3]]
		return fmt.Sprintf("stages.%d.blocks.%s.%s", atoi(m[1])/2, m[2], part)
	}
	var f, i int
	if _, err := fmt.Sscanf(layer, "features.%d.%d", &f, &i); err != nil {
		return ""
	}
	return fmt.Sprintf("stages.%d.downsample.%d", f/2, i)
}

// kerasConvNeXtName is what Keras calls a layer; the stem and the steps between stages are nested models there.
func kerasConvNeXtName(layer string) string {
	const prefix = "convnext_tiny_"
	ends := map[string]string{"features.0.0": "stem_conv", "features.0.1": "stem_layernorm", "classifier.0": "head_layernorm", "classifier.2": "head_dense"}
	if name, ok := ends[layer]; ok {
		return prefix + name
	}
	if m := convnextLayer.FindStringSubmatch(layer); m != nil {
		part := map[string]string{"block.0": "depthwise_conv", "block.2": "layernorm", "block.3": "pointwise_conv_1",
			"block.5": "pointwise_conv_2", "layer_scale": "layer_scale"}[m[3]]
		return fmt.Sprintf("%sstage_%d_block_%s_%s", prefix, atoi(m[1])/2, m[2], part)
	}
	var f, i int
	if _, err := fmt.Sscanf(layer, "features.%d.%d", &f, &i); err != nil {
		return ""
	}
	return fmt.Sprintf("%sdownsampling_%s_%d", prefix, []string{"layernorm", "conv"}[i], f/2-1)
}
