package backbone

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/transform"
)

// Seeded builds the network called name, an architecture or one of its published files, with numbers drawn at random
// in place of trained ones, the same ones every time: for measurements of speed, which depend on the shapes alone.
// Unless o says otherwise its input is of the size that it is published for and is not normalised; Arch and Layout
// do not apply.
func Seeded(name string, o Options) (*Backbone, error) {
	entries, err := Find(name)
	if err != nil {
		return nil, fmt.Errorf("backbone: %w", err)
	}
	b, err := seeded(entries[0], o)
	if err != nil {
		return nil, fmt.Errorf("backbone: %s: %w", name, err)
	}
	return b, nil
}

func seeded(e Entry, o Options) (*Backbone, error) {
	a, err := findArch(e.Arch)
	if err != nil {
		return nil, err
	}
	lay, err := a.layout(e.Layout)
	if err != nil {
		return nil, err
	}
	o.Width, o.Height = cmp.Or(o.Width, e.Pixels), cmp.Or(o.Height, e.Pixels)
	o.Cut = cmp.Or(o.Cut, CutNone)
	if o.Normalise == nil {
		o.Normalise = &transform.Normalise{Std: [3]float32{1, 1, 1}}
	}
	n, err := a.newNet(lay, o.Width, o.Height, 0)
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
	return b, b.build(g, o)
}

// draw fills p such that values stay of one order through many layers, as they do in a trained network: neither
// infinite nor so small that a processor is slow with them. Weights are normal with a variance of 2/fan-in (He et al.
// 2015): like trained ones most are small beside the largest, on which the speed of int8 depends.
func (p *param) draw() {
	h := fnv.New64a()
	fmt.Fprint(h, p.layer, p.role)
	r := rand.New(rand.NewPCG(h.Sum64(), 0))
	number := func() float64 { return 0.2*r.Float64() - 0.1 } // of biases and means
	switch {
	case p.role == variance || p.role == weight && len(p.t.Shape) == 1 || p.kind == layerScale:
		number = func() float64 { return r.Float64() + 0.5 }
	case p.role == weight:
		fanIn := 1
		for _, d := range p.t.Shape[1:] {
			fanIn *= d
		}
		deviation := math.Sqrt(2 / float64(fanIn))
		number = func() float64 { return deviation * r.NormFloat64() }
	}
	*p.t = *tensor.New(tensor.Float32, p.t.Shape...)
	for i := range p.t.F {
		p.t.F[i] = float32(number())
	}
}
