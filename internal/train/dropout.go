package train

import (
	"fmt"
	"slices"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/random"
)

// dropMask fills dst, one row for each key of a picture, with the multipliers of dropout: 0 for about the given share,
// and for the others what makes up for that. They depend on the seed, the layer, the epoch and the picture alone, not
// on its place in a batch.
func dropMask(dst []float32, share float64, seed, layer uint64, epoch int, keys []uint64) {
	keep := float32(1 / (1 - share))
	width := len(dst) / len(keys)
	for i, key := range keys {
		s := random.New(seed, forDropout+layer, uint64(epoch), key)
		for k := range width {
			dst[i*width+k] = keep
			if s.Unit() < share {
				dst[i*width+k] = 0
			}
		}
	}
}

// Droppable returns the values of a head, by its nodes, behind which its dropout is: what hidden layers give, and of a
// linear head the features.
func Droppable(head []*nn.Node) []string {
	var read []string
	for _, n := range head {
		if n.Op == "Gemm" {
			read = append(read, n.Inputs[0])
		}
	}
	if len(read) > 1 {
		read = read[1:]
	}
	return read
}

// insertDropout puts a Dropout behind values of g, in whatever reads them. It returns the layer of each by the name of
// its node.
func insertDropout(g *nn.Graph, values []string) map[string]uint64 {
	layers := map[string]uint64{}
	taken := g.Values()
	for i, name := range values {
		out := fmt.Sprintf("dropout.%d", i)
		for taken[out] {
			out += "+"
		}
		at := 1 + slices.IndexFunc(g.Nodes, func(n *nn.Node) bool { return slices.Contains(n.Outputs, name) })
		for _, n := range g.Nodes[at:] {
			for k, in := range n.Inputs {
				if in == name {
					n.Inputs[k] = out
				}
			}
		}
		layers[out] = uint64(i)
		g.Nodes = slices.Insert(g.Nodes, at, &nn.Node{Op: "Dropout", Name: out, Inputs: []string{name}, Outputs: []string{out}})
	}
	return layers
}
