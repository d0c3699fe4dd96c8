package backbone

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/transform"
)

// Views says of a model that averages the features of several views of a picture how to use its network without them.
type Views struct {
	Views    string `json:"views"`    // for people, as transform.Views prints itself
	Resize   string `json:"resize"`   // of one view, as transform.Spec prints itself
	Input    string `json:"input"`    // the tensor of all views: what the network reads
	Features string `json:"features"` // the tensor of their features, before they are averaged
}

// dropViews makes of a model with views the network of a single picture: as a backbone it is that.
func (b *Backbone) dropViews() error {
	text, ok := b.Metadata[KeyViews]
	if !ok {
		return nil
	}
	var v Views
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return fmt.Errorf("metadata %s: %w", KeyViews, err)
	}
	s, err := transform.ParseSpec(v.Resize)
	if err != nil {
		return fmt.Errorf("metadata %s: %w", KeyViews, err)
	}
	g := b.Graph
	by := makers(g)
	if by[v.Input] == nil || by[v.Features] == nil || len(g.Inputs) != 1 || len(g.Inputs[0].Shape) != 4 {
		return fmt.Errorf("metadata %s: no tensors %q and %q between a picture and the output", KeyViews, v.Input, v.Features)
	}
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *nn.Node) bool { return n == by[v.Input] })
	renameValue(g, v.Input, g.Inputs[0].Name)
	g.Inputs[0].Shape = tensor.Shape{g.Inputs[0].Shape[0], 3, s.Height, s.Width}
	g.Outputs = []nn.Value{{Name: v.Features, DType: tensor.Float32}}
	prune(g)
	b.Metadata = maps.Clone(b.Metadata)
	b.Metadata[KeyResize], b.Metadata[KeyFeatures] = v.Resize, v.Features
	return nil
}
