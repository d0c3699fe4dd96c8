package backbone

import "fmt"

// MobileNetV2 (Sandler et al. 2018). Layers are named as torchvision counts them, "features.2.conv.0.0": there all
// blocks stand in one row.
var mobilenetV2s = []*arch{mobilenetV2()}

var mobilenetV2Stages = []invertedStage{
	{1, 3, 1, 16, 1},
	{6, 3, 2, 24, 2},
	{6, 3, 2, 32, 3},
	{6, 3, 2, 64, 4},
	{6, 3, 1, 96, 3},
	{6, 3, 2, 160, 3},
	{6, 3, 1, 320, 1},
}

func mobilenetV2() *arch {
	v := &inverted{
		stem: 32, head: 1280, act: relu6, stages: invertedStages(mobilenetV2Stages, 32, relu6, nil),
		layer: func(_, _, flat int) string { return fmt.Sprintf("features.%d.conv", flat+1) },
		last:  "features.18", tops: []string{"classifier.1"},
	}
	for _, stage := range v.stages {
		for i := range stage {
			stage[i].loose = true
		}
	}
	keras := naming{
		block: func(p place) string {
			if p.flat == 0 {
				return "expanded_conv_"
			}
			return fmt.Sprintf("block_%d_", p.flat)
		},
		parts: map[string][2]string{"expand": {"expand", "expand_BN"}, "depthwise": {"depthwise", "depthwise_BN"}, "project": {"project", "project_BN"}},
		ends:  []string{"Conv1", "bn_Conv1", "Conv_1", "Conv_1_bn", "predictions"},
	}
	return &arch{
		name: "mobilenetv2", size: 224,
		layouts: []layout{
			{name: "torchvision", epsilon: 1e-5},
			{name: "timm", epsilon: 1e-5, rename: v.rename(timmNaming("conv_stem", "bn1", "conv_head", "bn2", "classifier"))},
			{name: "keras", epsilon: 1e-3, same: true, keras: true, rename: v.rename(keras)},
		},
		build: v.pooled,
	}
}
