package backbone

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// seededAt builds an architecture with seeded weights for 96×96 pixels.
func seededAt(t *testing.T, name string) *Backbone {
	t.Helper()
	b, err := Seeded(name, Options{Width: 96, Height: 96})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// featuresOf computes the features of one picture.
func featuresOf(t *testing.T, b *Backbone, pixels []float32) []float32 {
	t.Helper()
	p, err := nn.NewPlan(b.Graph, nn.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, b.Width)
	if err := p.Run(t.Context(), [][]float32{out}, [][]float32{pixels}, 1); err != nil {
		t.Fatal(err)
	}
	return out
}

// text lists depths as people read them.
func text(all []Depth) (lines []string) {
	for _, d := range all {
		lines = append(lines, fmt.Sprintf("%s: %d of %dx%d", d.Name, d.Width, d.Height, d.Cols))
	}
	return lines
}

func TestDepths(t *testing.T) {
	for _, c := range []struct {
		name string
		want string
	}{
		{"resnet18", "1: 64 of 48x48, 2: 64 of 24x24, 3: 128 of 12x12, 4: 256 of 6x6, 5: 512 of 0x0"},
		{"mobilenetv2", "1: 96 of 48x48, 2: 144 of 24x24, 3: 192 of 12x12, 4: 576 of 6x6, 5: 1280 of 0x0"},
		{"squeezenet1_1", "1: 64 of 47x47, 2: 128 of 23x23, 3: 256 of 11x11, 4: 512 of 0x0"},
		{"densenet121", "1: 64 of 48x48, 2: 128 of 24x24, 3: 256 of 12x12, 4: 512 of 6x6, 5: 1024 of 0x0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := seededAt(t, c.name)
			all, err := b.Depths()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(text(all), ", "); got != c.want {
				t.Errorf("depths %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestAt checks that the features of a depth are the same bits whether later layers are there or not, alone and
// beside those of others, and that they are averages of the tensor.
func TestAt(t *testing.T) {
	for _, name := range []string{"mobilenetv2", "resnet18", "efficientnet_b0"} {
		t.Run(name, func(t *testing.T) {
			b := seededAt(t, name)
			pixels := make([]float32, 3*96*96)
			check.Seeded(pixels, name, 255, 0)
			all, err := b.Depths()
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			var want []float32
			for _, d := range all {
				one, err := b.At([]string{d.Name})
				if err != nil {
					t.Fatal(err)
				}
				if one.Width != d.Width {
					t.Errorf("depth %s: width %d, want %d", d.Name, one.Width, d.Width)
				}
				names = append(names, d.Name)
				want = append(want, featuresOf(t, one, pixels)...)
			}
			if !slices.Equal(featuresOf(t, b, pixels), want[len(want)-b.Width:]) {
				t.Error("the last depth is not the backbone's features")
			}
			multi, err := b.At([]string{AllDepths})
			if err != nil {
				t.Fatal(err)
			}
			if got := featuresOf(t, multi, pixels); !slices.Equal(got, want) {
				t.Error("features of all depths together differ from those of each alone")
			}
			if name != "resnet18" { // whose convolutions take seconds by definition
				checkAverage(t, b, all[1], want[all[0].Width:][:all[1].Width], pixels)
			}
		})
	}
}

// checkAverage compares features with the averages of the tensor that the definition of the operators computes.
func checkAverage(t *testing.T, b *Backbone, d Depth, got, pixels []float32) {
	t.Helper()
	g := b.Graph.Clone()
	g.Outputs = []nn.Value{{Name: d.Value, DType: tensor.Float32}}
	prune(g)
	out, err := nn.Eval(t.Context(), g, map[string]*tensor.Tensor{InputName: tensor.FromFloats(pixels, 1, 3, 96, 96)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	x, largest := out[0].F, 0.0
	for c := range got {
		sum := 0.0
		for _, v := range x[c*d.Height*d.Cols:][:d.Height*d.Cols] {
			sum += float64(v)
		}
		largest = max(largest, math.Abs(float64(got[c])-sum/float64(d.Height*d.Cols)))
	}
	if limit := 1e-4 * float64(slices.Max(x)); largest > limit {
		t.Errorf("depth %s is off its averages by %g, want at most %g", d.Name, largest, limit)
	}
}

func TestAtErrors(t *testing.T) {
	b := seededAt(t, "mobilenetv2")
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, "no depth named"},
		{[]string{"6"}, `no depth and no tensor "6": it has depths 1 to 5`},
		{[]string{"2", "2"}, "depth 2 is named twice"},
		{[]string{InputName + "x"}, "no depth and no tensor"},
	} {
		if _, err := b.At(c.names); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("At(%q): %v, want %q", c.names, err, c.want)
		}
	}
	stage, err := b.At([]string{"stage3", "5"})
	if err != nil {
		t.Fatal(err)
	}
	if stage.Width != 32+1280 || !strings.Contains(stage.Cut, `depths stage3+5 of 5: "stage3" [N 32 12 12]`) {
		t.Errorf("width %d, cut %q", stage.Width, stage.Cut)
	}
}
