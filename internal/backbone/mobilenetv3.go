package backbone

import "fmt"

// MobileNetV3 (Howard et al. 2019): blocks found by search, hard activations, and a head that widens only after the
// pooling. The features are what that head gives; a file that ends at the pooling has the pooled vector instead.
// Layers are named as torchvision counts them, "features.4.block.0.0".
var mobilenetV3s = []*arch{
	mobilenetV3("mobilenetv3_large", [][]invertedBlock{
		{mobile(3, 16, 16, 1, relu, false)},
		{mobile(3, 64, 24, 2, relu, false), mobile(3, 72, 24, 1, relu, false)},
		{mobile(5, 72, 40, 2, relu, true), mobile(5, 120, 40, 1, relu, true), mobile(5, 120, 40, 1, relu, true)},
		{mobile(3, 240, 80, 2, hardSwish, false), mobile(3, 200, 80, 1, hardSwish, false),
			mobile(3, 184, 80, 1, hardSwish, false), mobile(3, 184, 80, 1, hardSwish, false)},
		{mobile(3, 480, 112, 1, hardSwish, true), mobile(3, 672, 112, 1, hardSwish, true)},
		{mobile(5, 672, 160, 2, hardSwish, true), mobile(5, 960, 160, 1, hardSwish, true), mobile(5, 960, 160, 1, hardSwish, true)},
	}, 960, 1280),
	mobilenetV3("mobilenetv3_small", [][]invertedBlock{
		{mobile(3, 16, 16, 2, relu, true)},
		{mobile(3, 72, 24, 2, relu, false), mobile(3, 88, 24, 1, relu, false)},
		{mobile(5, 96, 40, 2, hardSwish, true), mobile(5, 240, 40, 1, hardSwish, true), mobile(5, 240, 40, 1, hardSwish, true)},
		{mobile(5, 120, 48, 1, hardSwish, true), mobile(5, 144, 48, 1, hardSwish, true)},
		{mobile(5, 288, 96, 2, hardSwish, true), mobile(5, 576, 96, 1, hardSwish, true), mobile(5, 576, 96, 1, hardSwish, true)},
	}, 576, 1024),
}

// mobile is a block of MobileNetV3. Its excitation is a quarter as wide as its inside.
func mobile(kernel, wide, out, stride int, act activation, excited bool) invertedBlock {
	b := invertedBlock{kernel: kernel, wide: wide, out: out, stride: stride, act: act}
	if excited {
		b.excitation = excitation{divisible(float64(wide) / 4), relu, hardSigmoid}
	}
	return b
}

// mobilenetV3 describes a size of which the last feature map has head channels.
func mobilenetV3(name string, stages [][]invertedBlock, head, features int) *arch {
	blocks := 0
	for _, stage := range stages {
		blocks += len(stage)
	}
	v := &inverted{
		stem: 16, head: head, act: hardSwish, stages: stages,
		layer: func(_, _, flat int) string { return fmt.Sprintf("features.%d.block", flat+1) },
		last:  fmt.Sprintf("features.%d", blocks+1), tops: []string{"classifier.0", "classifier.3"},
	}
	last := fmt.Sprintf("blocks.%d.0.", len(stages))
	timm := v.rename(timmNaming("conv_stem", "bn1", last+"conv", last+"bn1", "conv_head", "classifier"))
	keras := naming{
		block: func(p place) string {
			if p.flat == 0 {
				return "expanded_conv_"
			}
			return fmt.Sprintf("expanded_conv_%d_", p.flat)
		},
		parts: map[string][2]string{"expand": {"expand", "expand_bn"}, "depthwise": {"depthwise", "depthwise_bn"},
			"squeeze": {"squeeze_excite_conv"}, "excite": {"squeeze_excite_conv_1"}, "project": {"project", "project_bn"}},
		ends: []string{"conv", "conv_bn", "conv_1", "conv_1_bn", "conv_2", "logits"},
	}
	return &arch{
		name: name, size: 224,
		layouts: []layout{
			{name: "torchvision", epsilon: 1e-3},
			{name: "timm", epsilon: 1e-5, rename: timm},
			{name: "timm-tf", epsilon: 1e-3, same: true, rename: timm},
			{name: "keras", epsilon: 1e-3, same: true, keras: true, rename: v.rename(keras)},
		},
		build: func(n *net, x value) (value, value) {
			pooled := n.flatten(n.globalAverage(v.build(n, x)))
			if n.classes == 0 {
				return pooled, value{}
			}
			n.mark(pooled, "pooled")
			y := hardSwish(n, n.denseConv(pooled, v.tops[0], features))
			n.closeBase()
			return y, n.denseConv(y, v.tops[1], n.classes)
		},
	}
}
