package backbone

import (
	"fmt"

	"github.com/graft-ml/graft/internal/nn"
)

// VGG-16 (Simonyan and Zisserman 2014): five groups of 3×3 convolutions, each closed by a pooling, and three dense
// layers. The features are the 4096 in front of the last of them, or the average of the last group where a file
// ends there. Layers are named as torchvision counts them, "features.28".
var vggs = []*arch{
	vgg("vgg16", false,
		layout{name: "torch"},
		layout{name: "timm", rename: timmVGGName},
		layout{name: "keras", keras: true, rename: kerasVGGName()}),
	vgg("vgg16_bn", true,
		layout{name: "torch", epsilon: 1e-5},
		layout{name: "timm", epsilon: 1e-5, rename: timmVGGName}),
}

// vggGroups are the convolutions of each group and their channels.
var vggGroups = [5]struct{ convs, channels int }{{2, 64}, {2, 128}, {3, 256}, {3, 512}, {3, 512}}

// vggMap is the side of the last feature map that the dense layers read, that of a picture of 224.
const vggMap = 7

func vgg(name string, norm bool, layouts ...layout) *arch {
	return &arch{name: name, size: 224, layouts: layouts, build: func(n *net, x value) (value, value) {
		i := 0
		for g, group := range vggGroups {
			for range group.convs {
				x = n.conv(x, fmt.Sprintf("features.%d", i), conv{out: group.channels, kernel: 3, bias: true})
				if i++; norm {
					x = n.norm(x, fmt.Sprintf("features.%d", i))
					i++
				}
				x = relu(n, x)
				i++
			}
			i++
			x = n.mark(n.maxPool(x, pool{kernel: 2, stride: 2}), fmt.Sprintf("stage%d", g+1))
		}
		if n.classes == 0 {
			return n.flatten(n.globalAverage(x)), value{}
		}
		if x.H != vggMap || x.W != vggMap {
			n.fail("its dense layers read a map of %dx%d, this gives %dx%d: use --size 224", vggMap, vggMap, x.H, x.W)
			return x, x
		}
		x = relu(n, n.vggFirst(x))
		x = relu(n, n.dense(x, "classifier.3", 4096))
		return x, n.classifier(x, "classifier.6")
	}}
}

// vggFirst is the dense layer on the last feature map. timm has it as a convolution, Keras reads the map in the
// order of rows, columns, channels.
func (n *net) vggFirst(x value) value {
	const layer, width = "classifier.0", 4096
	switch n.lay.name {
	case "timm":
		return n.flatten(n.conv(x, layer, conv{out: width, kernel: vggMap, valid: true, bias: true}))
	case "keras":
		x.name = n.Op("Transpose", nn.Attrs{"perm": []int64{0, 2, 3, 1}}, x.name)
	}
	return n.dense(n.flatten(x), layer, width)
}

func timmVGGName(layer string) string {
	if name, ok := map[string]string{"classifier.0": "pre_logits.fc1", "classifier.3": "pre_logits.fc2", "classifier.6": "head.fc"}[layer]; ok {
		return name
	}
	return layer
}

// kerasVGGName counts layers as Keras does: block5_conv3 is torchvision's features.28.
func kerasVGGName() func(string) string {
	names := map[string]string{"classifier.0": "fc1", "classifier.3": "fc2", "classifier.6": "predictions"}
	i := 0
	for g, group := range vggGroups {
		for c := range group.convs {
			names[fmt.Sprintf("features.%d", i)] = fmt.Sprintf("block%d_conv%d", g+1, c+1)
			i += 2
		}
		i++
	}
	return func(layer string) string { return names[layer] }
}
