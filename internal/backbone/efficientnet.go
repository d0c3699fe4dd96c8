package backbone

import (
	"fmt"
	"math"
)

// EfficientNet (Tan and Le 2019): inverted residual blocks with squeeze-and-excitation, scaled together in width, depth
// and size of the picture. Layers are named as torchvision counts them, "features.2.0.block.0.0".
var efficientnets = []*arch{
	efficientnet("efficientnet_b0", 224, 1, 1),
	efficientnet("efficientnet_b1", 240, 1, 1.1),
	efficientnet("efficientnet_b2", 260, 1.1, 1.2),
	efficientnet("efficientnet_b3", 300, 1.2, 1.4),
}

// efficientnetStages are those of B0 and of Lite0.
var efficientnetStages = []invertedStage{
	{1, 3, 1, 16, 1},
	{6, 3, 2, 24, 2},
	{6, 5, 2, 40, 2},
	{6, 3, 2, 80, 3},
	{6, 5, 1, 112, 3},
	{6, 5, 2, 192, 4},
	{6, 3, 1, 320, 1},
}

// scaled multiplies channels by width and numbers of blocks by depth.
func scaled(rows []invertedStage, width, depth float64) []invertedStage {
	var out []invertedStage
	for _, row := range rows {
		row.out = divisible(width * float64(row.out))
		row.depth = int(math.Ceil(depth * float64(row.depth)))
		out = append(out, row)
	}
	return out
}

func efficientnet(name string, size int, width, depth float64) *arch {
	stem := divisible(32 * width)
	v := efficientBlocks()
	v.stem, v.head, v.act = stem, divisible(1280*width), silu
	v.stages = invertedStages(scaled(efficientnetStages, width, depth), stem, silu, func(in int) excitation {
		return excitation{in / 4, silu, sigmoid}
	})
	keras := naming{
		block: func(p place) string { return fmt.Sprintf("block%d%c_", p.stage+1, 'a'+p.index) },
		parts: map[string][2]string{"expand": {"expand_conv", "expand_bn"}, "depthwise": {"dwconv", "bn"},
			"squeeze": {"se_reduce"}, "excite": {"se_expand"}, "project": {"project_conv", "project_bn"}},
		ends: []string{"stem_conv", "stem_bn", "top_conv", "top_bn", "predictions"},
	}
	timm := v.rename(timmEfficientNaming())
	return &arch{
		name: name, size: size,
		layouts: []layout{
			{name: "torchvision", epsilon: 1e-5},
			{name: "timm", epsilon: 1e-5, rename: timm},
			{name: "timm-tf", epsilon: 1e-3, same: true, rename: timm},
			{name: "keras", epsilon: 1e-3, same: true, keras: true, rename: v.rename(keras)},
		},
		build: func(n *net, x value) (value, value) {
			if n.lay.keras {
				n.inputStats("normalization")
			}
			return v.pooled(n, x)
		},
	}
}

// efficientBlocks has the canonical names of an EfficientNet.
func efficientBlocks() *inverted {
	return &inverted{
		layer: func(stage, index, _ int) string { return fmt.Sprintf("features.%d.%d.block", stage+1, index) },
		last:  "features.8", tops: []string{"classifier.1"},
	}
}

func timmEfficientNaming() naming {
	return timmNaming("conv_stem", "bn1", "conv_head", "bn2", "classifier")
}
