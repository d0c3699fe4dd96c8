package backbone

import (
	"crypto/sha256"
	"fmt"
	"hash/fnv"
	"math"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/random"
	"github.com/graft-ml/graft/internal/tensor"
)

// Redraw replaces what b's graph has learnt by numbers to begin with, drawn by seed: weights of convolutions and
// dense layers are uniform within ±√(6/fan-in) (He et al., arXiv:1502.01852), biases zero, and normalisations
// change nothing.
func (b *Backbone) Redraw(seed uint64) error {
	g := b.Graph.Clone()
	done := map[string]bool{}
	set := func(n *nn.Node, input int, value func(t *tensor.Tensor)) {
		if input >= len(n.Inputs) {
			return
		}
		name := n.Inputs[input]
		old := g.Init[name]
		if old == nil || old.DType != tensor.Float32 || done[name] {
			return
		}
		done[name] = true
		t := tensor.New(tensor.Float32, old.Shape...)
		value(t)
		g.Init[name] = t
	}
	constant := func(v float32) func(*tensor.Tensor) {
		return func(t *tensor.Tensor) {
			for i := range t.F {
				t.F[i] = v
			}
		}
	}
	for i, n := range g.Nodes {
		switch n.Op {
		case "Conv", "Gemm", "MatMul":
			set(n, 1, func(t *tensor.Tensor) { drawWeights(t, fanIn(n, t.Shape), seed, i) })
			if n.Op != "MatMul" {
				set(n, 2, constant(0))
			}
		case "BatchNormalization":
			for input, v := range []float32{1: 1, 2: 0, 3: 0, 4: 1} {
				if input > 0 {
					set(n, input, constant(v))
				}
			}
		case "LayerNormalization":
			set(n, 1, constant(1))
			set(n, 2, constant(0))
		}
	}
	if len(done) == 0 {
		return fmt.Errorf("backbone %s: nothing in it can be trained", b.Name)
	}
	b.Graph = g
	b.SHA256 = sha256.Sum256(fmt.Appendf(nil, "%x redrawn %d", b.SHA256, seed))
	return nil
}

// fanIn is how many numbers a sum with the weights of n has.
func fanIn(n *nn.Node, shape tensor.Shape) int {
	in := 1
	switch {
	case n.Op == "MatMul" || n.Op == "Gemm" && n.Attrs.Int("transB", 0) == 0:
		in = shape[0]
	default:
		for _, d := range shape[1:] {
			in *= d
		}
	}
	return max(in, 1)
}

// drawWeights draws the weights of node number i.
func drawWeights(t *tensor.Tensor, fanIn int, seed uint64, i int) {
	h := fnv.New64a()
	fmt.Fprint(h, "weights", t.Shape)
	s := random.New(seed, h.Sum64(), uint64(i))
	bound := math.Sqrt(6 / float64(fanIn))
	for k := range t.F {
		t.F[k] = float32(s.Between(-bound, bound))
	}
}
