package backbone

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/transform"
)

// Seeded builds the network called name, an architecture or one of its published files, with numbers drawn at random
// in place of trained ones, the same ones every time: for measurements of speed, which depend on the shapes alone. Its
// graph does not normalise. size is the pixels a side of its input; 0 means what it is published for.
func Seeded(name string, size int) (*Backbone, error) {
	entries, err := Find(name)
	if err != nil {
		return nil, fmt.Errorf("backbone: %w", err)
	}
	b, err := seeded(entries[0], size)
	if err != nil {
		return nil, fmt.Errorf("backbone: %s: %w", name, err)
	}
	return b, nil
}

func seeded(e Entry, size int) (*Backbone, error) {
	a, err := findArch(e.Arch)
	if err != nil {
		return nil, err
	}
	lay, err := a.layout(e.Layout)
	if err != nil {
		return nil, err
	}
	if size == 0 {
		size = e.Pixels
	}
	n, err := a.newNet(lay, size, size, 0)
	if err != nil {
		return nil, err
	}
	for _, p := range n.params {
		p.draw()
	}
	g, err := n.graph()
	if err != nil {
		return nil, err
	}
	b := &Backbone{Name: e.Name, Architecture: fmt.Sprintf("%s (%s)", a.name, lay.name)}
	return b, b.build(g, Options{Cut: CutNone, Normalise: &transform.Normalise{Std: [3]float32{1, 1, 1}}, Width: size, Height: size})
}

// draw fills p such that values stay of one order through many layers, as they do in a trained network: neither
// infinite nor so small that a processor is slow with them. Weights are uniform within ±√(6/fan-in) (He et al. 2015).
func (p *param) draw() {
	h := fnv.New64a()
	fmt.Fprint(h, p.layer, p.role)
	r := rand.New(rand.NewPCG(h.Sum64(), 0))
	scale, shift := 0.2, -0.1 // of biases and means
	switch {
	case p.role == variance || p.role == weight && len(p.t.Shape) == 1 || p.kind == layerScale:
		scale, shift = 1, 0.5
	case p.role == weight:
		fanIn := 1
		for _, d := range p.t.Shape[1:] {
			fanIn *= d
		}
		bound := math.Sqrt(6 / float64(fanIn))
		scale, shift = 2*bound, -bound
	}
	*p.t = *tensor.New(tensor.Float32, p.t.Shape...)
	for i := range p.t.F {
		p.t.F[i] = float32(scale*r.Float64() + shift)
	}
}
