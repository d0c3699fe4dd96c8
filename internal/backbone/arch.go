package backbone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// arch is an architecture: a network whose weights are published, in one or more layouts. Each family has a
// file of its own with its facts, its builder and the names that its layers go by.
type arch struct {
	name string
	size int // pixels a side that it is made for

	// layouts are the ways in which weights for it are published.
	layouts []layout

	unpublished bool // there are no weights for it: it is for training from scratch

	// build adds the network to n, from the picture to the features, and behind them the classifier if
	// n.classes is not 0.
	build func(n *net, x value) (features, logits value)
}

// layout is one way in which the weights of an architecture are published: what its arrays are called, and
// the facts of the arithmetic that no array's shape tells.
type layout struct {
	name    string
	epsilon float32 // of batch normalisations
	same    bool    // padding as TensorFlow's SAME, from the input's size; else symmetric
	keras   bool    // axes and order are Keras's; else torch's, with arrays known by their names

	// v1 is, of a ResNet, the layout of 2015: the stride is in the first 1×1 convolution of a block, and every
	// convolution has a bias.
	v1 bool

	// rename gives the file's name of a canonical layer. Nil: the same name. Layers of Keras's files are
	// counted, as Keras does, unless all of a file's layers are known by name.
	rename func(layer string) string
}

// files are the published weights for a. The bare name of the architecture means the first of them that is at
// hand.
func (a *arch) files() []Published { return publishedTable()[a.name] }

// fileName is what the layout calls a layer.
func (l *layout) fileName(layer string) string {
	if l.rename == nil {
		return layer
	}
	return l.rename(layer)
}

// What a network may be built for, in pixels a side.
const (
	minInput = 32
	maxInput = 1024
)

// markFeatures is the name of what stands in front of the classifier.
const markFeatures = "pre_logits"

// newNet returns a with the parameters declared but not filled, for pictures of width × height and classes
// classes; 0 classes: without its classifier.
func (a *arch) newNet(lay *layout, width, height, classes int) (*net, error) {
	if min(width, height) < minInput || max(width, height) > maxInput {
		return nil, fmt.Errorf("%s: input of %dx%d pixels, want %d to %d a side", a.name, width, height, minInput, maxInput)
	}
	n := &net{Builder: nn.NewBuilder(a.name), lay: lay, classes: classes, marks: map[string]string{}, numbers: map[float32]string{}}
	x := value{n.Input(InputName, tensor.Free, 3, height, width), 3, height, width}
	features, logits := a.build(n, x)
	n.mark(features, markFeatures)
	if n.features = features.C; n.baseParams == 0 {
		n.closeBase()
	}
	end := features
	if classes > 0 {
		end = n.mark(logits, "logits")
	}
	n.Output("output", end.name)
	for mark, name := range n.marks {
		if name == end.name {
			n.marks[mark] = "output"
		}
	}
	if n.err != nil {
		return nil, fmt.Errorf("%s: input of %dx%d pixels: %w", a.name, width, height, n.err)
	}
	return n, nil
}

// closeBase says that what follows is the classifier.
func (n *net) closeBase() { n.baseParams, n.baseMACs = len(n.params), n.macs }

// classifier is the dense layer on top, where there is one.
func (n *net) classifier(features value, layer string) value {
	n.closeBase()
	if n.classes == 0 {
		return value{}
	}
	return n.dense(features, layer, n.classes)
}

// graph returns the network, once its parameters are filled, with the marks as names of its values.
func (n *net) graph() (*nn.Graph, error) {
	g, err := n.Build()
	if err != nil {
		return nil, err
	}
	for mark, name := range n.marks {
		takeName(g, name, mark)
	}
	return g, nil
}

// archs lists the architectures.
var archs = slices.Concat(resnets, resnetV2s, squeezenets, vggs, densenets, regnets, mobilenetV2s, mobilenetV3s,
	efficientnets, efficientnetLites, convnexts)

// findArch returns the architecture called name.
func findArch(name string) (*arch, error) {
	var names []string
	for _, a := range archs {
		if a.name == name {
			return a, nil
		}
		names = append(names, a.name)
	}
	return nil, fmt.Errorf("unknown architecture %q, want one of %s", name, strings.Join(names, ", "))
}

// layout returns the layout called name.
func (a *arch) layout(name string) (*layout, error) {
	var names []string
	for i := range a.layouts {
		if a.layouts[i].name == name {
			return &a.layouts[i], nil
		}
		names = append(names, a.layouts[i].name)
	}
	return nil, fmt.Errorf("%s has no layout %q, want one of %s", a.name, name, strings.Join(names, ", "))
}
