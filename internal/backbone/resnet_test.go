package backbone

var resnetGoldens = map[string]network{
	"torchvision.resnet18": {arch: "resnet18", layout: "torch"}, "timm.resnet18": {arch: "resnet18", layout: "torch"},
	"torchvision.resnet34": {arch: "resnet34", layout: "torch"}, "timm.resnet34": {arch: "resnet34", layout: "torch"},
	"torchvision.resnet50": {arch: "resnet50", layout: "torch"}, "timm.resnet50": {arch: "resnet50", layout: "torch"},
	"torchvision.resnet101": {arch: "resnet101", layout: "torch"}, "timm.resnet101": {arch: "resnet101", layout: "torch"},
	"torchvision.resnet152": {arch: "resnet152", layout: "torch"}, "timm.resnet152": {arch: "resnet152", layout: "torch"},
	"torchvision.resnext50_32x4d": {arch: "resnext50_32x4d", layout: "torch"}, "timm.resnext50_32x4d": {arch: "resnext50_32x4d", layout: "torch"},
	"torchvision.wide_resnet50_2": {arch: "wide_resnet50_2", layout: "torch"}, "timm.wide_resnet50_2": {arch: "wide_resnet50_2", layout: "torch"},
	"keras.ResNet50": {arch: "resnet50", layout: "keras"}, "keras.ResNet101": {arch: "resnet101", layout: "keras"}, "keras.ResNet152": {arch: "resnet152", layout: "keras"},
}
