package backbone

var resnetGoldens = map[string]network{
	"torchvision.resnet18": {"resnet18", "torch"}, "timm.resnet18": {"resnet18", "torch"},
	"torchvision.resnet34": {"resnet34", "torch"}, "timm.resnet34": {"resnet34", "torch"},
	"torchvision.resnet50": {"resnet50", "torch"}, "timm.resnet50": {"resnet50", "torch"},
	"torchvision.resnet101": {"resnet101", "torch"}, "timm.resnet101": {"resnet101", "torch"},
	"torchvision.resnet152": {"resnet152", "torch"}, "timm.resnet152": {"resnet152", "torch"},
	"torchvision.resnext50_32x4d": {"resnext50_32x4d", "torch"}, "timm.resnext50_32x4d": {"resnext50_32x4d", "torch"},
	"torchvision.wide_resnet50_2": {"wide_resnet50_2", "torch"}, "timm.wide_resnet50_2": {"wide_resnet50_2", "torch"},
	"keras.ResNet50": {"resnet50", "keras"}, "keras.ResNet101": {"resnet101", "keras"}, "keras.ResNet152": {"resnet152", "keras"},
}
