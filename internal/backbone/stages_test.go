package backbone

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// Where architectures that graft builds are divided, at 64×64: as their papers divide them.
var stageCases = map[string]string{
	"resnet18":        "[1 3 64 64] [1 64 16 16] [1 64 16 16] [1 128 8 8] [1 256 4 4]",
	"resnet50v2":      "[1 3 64 64] [1 64 16 16] [1 256 16 16] [1 512 8 8] [1 1024 4 4]",
	"mobilenetv2":     "[1 3 64 64] [1 16 32 32] [1 24 16 16] [1 32 8 8] [1 96 4 4]",
	"efficientnet_b0": "[1 3 64 64] [1 16 32 32] [1 24 16 16] [1 40 8 8] [1 112 4 4]",
	"squeezenet1_1":   "[1 3 64 64] [1 64 15 15] [1 128 7 7] [1 256 3 3]",
	"densenet121":     "[1 3 64 64] [1 64 16 16] [1 128 8 8] [1 256 4 4] [1 512 2 2]",
	"convnext_tiny":   "[1 3 64 64] [1 96 16 16] [1 192 8 8] [1 384 4 4]",
	"graft_s":         "[1 3 96 96] [1 48 24 24] [1 96 12 12] [1 192 6 6]",
}

func TestStages(t *testing.T) {
	for name, want := range stageCases {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "graft_s" {
				t.Skip("draws the weights of a large network")
			}
			g := seededGraph(t, name)
			stages, err := Stages(g)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range stages {
				got = append(got, fmt.Sprint(s.Shape))
			}
			if strings.Join(got, " ") != want {
				t.Errorf("stages begin with %v, want %v", got, want)
			}
			for _, s := range stages {
				checkSplit(t, g, s)
			}
		})
	}
}

func seededGraph(t *testing.T, name string) *nn.Graph {
	t.Helper()
	b, err := Embedded(Options{})
	if name != "graft_s" {
		b, err = Seeded(name, Options{Width: 64, Height: 64})
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Graph
}

// checkSplit checks that the parts in front of and behind the boundary of s have all the nodes that depend on the
// picture, each once.
func checkSplit(t *testing.T, g *nn.Graph, s Stage) {
	t.Helper()
	if s.Start == 0 {
		return
	}
	before, after, err := SplitAt(g, s.Input)
	if err != nil {
		t.Errorf("at %q: %v", s.Input, err)
		return
	}
	depends := live(g)
	count := func(g *nn.Graph) (n int) {
		for _, node := range g.Nodes {
			if depends[node.Outputs[0]] {
				n++
			}
		}
		return n
	}
	if count(before)+count(after) != count(g) || len(after.Inputs) != 1 || after.Inputs[0].Shape[0] != tensor.Free {
		t.Errorf("at %q: %d and %d nodes of %d", s.Input, count(before), count(after), count(g))
	}
}

func TestSplitAtRefuses(t *testing.T) {
	b := nn.NewBuilder("two ways")
	x := b.Input("input", tensor.Free, 3, 8, 8)
	y := b.Op("Relu", nil, x)
	b.Output("output", b.Op("Add", nil, y, x))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{y: "cannot be split", "nothing": "no float value"} {
		if _, _, err := SplitAt(g, value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("at %q: error %v, want one with %q", value, err, want)
		}
	}
}

// Redrawn networks depend on the seed alone, and what is drawn is of the size that keeps signals alive.
func TestRedraw(t *testing.T) {
	draw := func(seed uint64) *Backbone {
		b, err := Seeded("mobilenetv2", Options{Width: 64, Height: 64})
		if err == nil {
			err = b.Redraw(seed)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	a, again, other := draw(1), draw(1), draw(2)
	if a.SHA256 != again.SHA256 || a.SHA256 == other.SHA256 {
		t.Error("the hash does not follow the seed")
	}
	const weight, bn = "features.0.0.weight", "features.0.1"
	w := a.Graph.Init[weight].F
	if !slices.Equal(w, again.Graph.Init[weight].F) || slices.Equal(w, other.Graph.Init[weight].F) {
		t.Error("the weights do not follow the seed")
	}
	if top := slices.Max(w); top > .4715 || top < .4 { // √(6/27)
		t.Errorf("largest weight %v", top)
	}
	for name, want := range map[string]float32{".weight": 1, ".bias": 0, ".running_mean": 0, ".running_var": 1} {
		if v := a.Graph.Init[bn+name].F; slices.Max(v) != want || slices.Min(v) != want {
			t.Errorf("%s: %v, want %v", name, v, want)
		}
	}
}
