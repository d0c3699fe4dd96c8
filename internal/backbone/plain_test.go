package backbone

var plainGoldens = map[string]network{
	"torchvision.vgg16": {arch: "vgg16", layout: "torch"}, "timm.vgg16": {arch: "vgg16", layout: "timm"}, "keras.VGG16": {arch: "vgg16", layout: "keras"},
	"torchvision.vgg16_bn": {arch: "vgg16_bn", layout: "torch"}, "timm.vgg16_bn": {arch: "vgg16_bn", layout: "timm"},
	"torchvision.squeezenet1_1": {arch: "squeezenet1_1", layout: "torch"},
	"torchvision.densenet121":   {arch: "densenet121", layout: "torch"}, "timm.densenet121": {arch: "densenet121", layout: "torch"}, "keras.DenseNet121": {arch: "densenet121", layout: "keras"},
	"torchvision.regnet_y_400mf": {arch: "regnety_400mf", layout: "torchvision"}, "timm.regnety_004": {arch: "regnety_400mf", layout: "timm"},
	"torchvision.convnext_tiny": {arch: "convnext_tiny", layout: "torchvision"}, "timm.convnext_tiny": {arch: "convnext_tiny", layout: "timm"}, "keras.ConvNeXtTiny": {arch: "convnext_tiny", layout: "keras", inside: "torch"},
	"keras.ResNet50V2": {arch: "resnet50v2", layout: "keras"},
}
