package backbone

import (
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/transform"
)

// Every architecture can be built without a file. An activation that is not of a common size would show in its
// features, and a profile of it accounts for every multiply-add.
func TestSeeded(t *testing.T) {
	for _, a := range archs {
		t.Run(a.name, func(t *testing.T) {
			const size = 64
			n, err := a.newNet(&a.layouts[0], size, size, 0)
			if err != nil || n.macs > costly/8 {
				t.Skip("too costly to run every time, or made for larger pictures")
			}
			b, err := Seeded(a.name, Options{Width: size, Height: size})
			if err != nil {
				t.Fatal(err)
			}
			if b.Name != a.name && !strings.HasPrefix(b.Name, a.name+".") || b.Normalise != (transform.Normalise{Std: [3]float32{1, 1, 1}}) {
				t.Errorf("%s, normalised by %+v", b.Name, b.Normalise)
			}
			out, macs := profiled(t, b, size)
			lo, hi := slices.Min(out), slices.Max(out)
			if !(hi > 1e-3 && hi < 1e12 && lo > -1e12) || lo == hi {
				t.Errorf("features from %g to %g", lo, hi)
			}
			if macs != n.baseMACs {
				t.Errorf("the steps take %d multiply-adds, the network %d", macs, n.baseMACs)
			}
		})
	}
}

// profiled runs b on one picture and returns the features, and the multiply-adds of all steps.
func profiled(t *testing.T, b *Backbone, size int) (out []float32, macs int64) {
	t.Helper()
	plan, err := nn.NewPlan(b.Graph, nn.PlanOptions{MaxBatch: 1})
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 3*size*size)
	for i := range x {
		x[i] = float32(i % 256)
	}
	out = make([]float32, b.Width)
	steps, err := plan.Profile(t.Context(), [][]float32{out}, [][]float32{x}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		macs += s.MACs
	}
	return out, macs
}

func TestSeededIsTheSameEveryTime(t *testing.T) {
	one, err := Seeded("squeezenet1_1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	two, err := Seeded("squeezenet1_1.tv1", Options{Width: 224, Height: 224})
	if err != nil {
		t.Fatal(err)
	}
	if s := one.Graph.Inputs[0].Shape; s[2] != 224 || s[3] != 224 {
		t.Errorf("input %v", s)
	}
	drawn := 0
	for name, w := range one.Graph.Init {
		other := two.Graph.Init[name]
		if other == nil || !slices.Equal(w.F, other.F) {
			t.Errorf("%s differs", name)
		}
		if len(w.F) > 1 && slices.Max(w.F) != slices.Min(w.F) {
			drawn++
		}
	}
	if drawn == 0 {
		t.Error("no weights were drawn")
	}
	for name, want := range map[string]string{"resnet51": "no backbone is called", "resnet50.none": "there are resnet50.tv1"} {
		if _, err := Seeded(name, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Seeded(%q): %v, want %q", name, err, want)
		}
	}
	if _, err := Seeded("resnet18", Options{Width: 8, Height: 8}); err == nil || !strings.Contains(err.Error(), "8x8") {
		t.Errorf("of 8 pixels: %v", err)
	}
	early, err := Seeded("resnet18", Options{Cut: "stage2"})
	if err != nil {
		t.Fatal(err)
	}
	if early.Width != 128 {
		t.Errorf("cut at stage2 it gives %d features, want 128", early.Width)
	}
}
