package backbone

var invertedGoldens = joined(
	map[string]network{
		"torchvision.mobilenet_v2": {arch: "mobilenetv2", layout: "torchvision"},
		"timm.mobilenetv2_100":     {arch: "mobilenetv2", layout: "timm"},
		"keras.MobileNetV2":        {arch: "mobilenetv2", layout: "keras"},

		"torchvision.mobilenet_v3_large": {arch: "mobilenetv3_large", layout: "torchvision"},
		"timm.mobilenetv3_large_100":     {arch: "mobilenetv3_large", layout: "timm"},
		"timm.tf_mobilenetv3_large_100":  {arch: "mobilenetv3_large", layout: "timm-tf"},
		"keras.MobileNetV3Large":         {arch: "mobilenetv3_large", layout: "keras", inside: "tf"},

		"torchvision.mobilenet_v3_small": {arch: "mobilenetv3_small", layout: "torchvision", last: "stage5"},
		"timm.mobilenetv3_small_100":     {arch: "mobilenetv3_small", layout: "timm", last: "stage5"},
		"timm.tf_mobilenetv3_small_100":  {arch: "mobilenetv3_small", layout: "timm-tf", last: "stage5"},
		"keras.MobileNetV3Small":         {arch: "mobilenetv3_small", layout: "keras", last: "stage5", inside: "tf"},
	},
	efficientGoldens("b0"), efficientGoldens("b1"), efficientGoldens("b2"), efficientGoldens("b3"),
	liteGoldens("lite0"), liteGoldens("lite1"), liteGoldens("lite2"), liteGoldens("lite3"), liteGoldens("lite4"))

func efficientGoldens(size string) map[string]network {
	arch := "efficientnet_" + size
	return map[string]network{
		"torchvision." + arch:            {arch: arch, layout: "torchvision"},
		"timm." + arch:                   {arch: arch, layout: "timm"},
		"timm.tf_" + arch:                {arch: arch, layout: "timm-tf"},
		"keras.EfficientNetB" + size[1:]: {arch: arch, layout: "keras", inside: "torch"},
	}
}

func liteGoldens(size string) map[string]network {
	arch := "efficientnet_" + size
	return map[string]network{
		"lite.efficientnet-" + size: {arch: arch, layout: "lite"},
		"timm.tf_" + arch:           {arch: arch, layout: "timm-tf"},
	}
}
