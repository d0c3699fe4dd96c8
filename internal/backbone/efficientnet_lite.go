package backbone

import "fmt"

// EfficientNet-Lite (Google 2020): EfficientNet for integer arithmetic, without squeeze-and-excitation and with ReLU6.
// Width and depth leave the two ends of the network alone. Canonical names are those of EfficientNet.
var efficientnetLites = []*arch{
	efficientnetLite("efficientnet_lite0", 224, 1, 1),
	efficientnetLite("efficientnet_lite1", 240, 1, 1.1),
	efficientnetLite("efficientnet_lite2", 260, 1.1, 1.2),
	efficientnetLite("efficientnet_lite3", 280, 1.2, 1.4),
	efficientnetLite("efficientnet_lite4", 300, 1.4, 1.8),
}

func efficientnetLite(name string, size int, width, depth float64) *arch {
	rows := scaled(efficientnetStages, width, depth)
	for _, end := range []int{0, len(rows) - 1} {
		rows[end].depth = efficientnetStages[end].depth
	}
	v := efficientBlocks()
	v.stem, v.head, v.act = 32, 1280, relu6
	v.stages = invertedStages(rows, 32, relu6, nil)
	lite := naming{
		block: func(p place) string { return fmt.Sprintf("_blocks.%d.", p.flat) },
		parts: map[string][2]string{"expand": {"_expand_conv", "_bn0"}, "depthwise": {"_depthwise_conv", "_bn1"}, "project": {"_project_conv", "_bn2"}},
		ends:  []string{"_conv_stem", "_bn0", "_conv_head", "_bn1", "_fc"},
	}
	return &arch{
		name: name, size: size,
		layouts: []layout{
			{name: "lite", epsilon: 1e-3, same: true, rename: v.rename(lite)},
			{name: "timm-tf", epsilon: 1e-3, same: true, rename: v.rename(timmEfficientNaming())},
		},
		build: v.pooled,
	}
}
