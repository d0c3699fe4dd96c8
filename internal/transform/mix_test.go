package transform

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// flatBatch is n pictures, number i of value i, each of a class of its own.
func flatBatch(n int, s Spec) Batch {
	size := 3 * s.Width * s.Height
	b := Batch{Targets: make([]float32, n*n)}
	for i := range n {
		b.Keys = append(b.Keys, uint64(100+i))
		b.Pixels = append(b.Pixels, slices.Repeat([]float32{float32(i)}, size)...)
		b.Targets[i*n+i] = 1
	}
	return b
}

// The targets of a picture say how much of it is of which one, and add up to 1.
func TestMix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "pictures")
		r := Random{Spec: Spec{Width: rapid.IntRange(1, 20).Draw(t, "width"), Height: rapid.IntRange(1, 20).Draw(t, "height")}, Seed: rapid.Uint64().Draw(t, "seed")}
		spec := rapid.SampledFrom([]string{"mixup=0.05", "mixup", "cutmix", "mixup=10,cutmix=0.05"}).Draw(t, "augment")
		var err error
		if r.Augment, err = ParseAugment(spec); err != nil {
			t.Fatal(err)
		}
		b := flatBatch(n, r.Spec)
		if err := r.Mix(rapid.IntRange(0, 5).Draw(t, "epoch"), b); err != nil {
			t.Fatal(err)
		}
		size := 3 * r.Spec.Width * r.Spec.Height
		for i := range n {
			targets, mass, mean := b.Targets[i*n:][:n], 0.0, 0.0
			for k, v := range targets {
				if v < 0 || v > 0 && k != i && k != (i+n-1)%n {
					t.Fatalf("picture %d of %d has targets %v", i, n, targets)
				}
				mass, mean = mass+float64(v), mean+float64(v)*float64(k)
			}
			var sum float64
			for _, v := range b.Pixels[i*size:][:size] {
				sum += float64(v)
			}
			if math.Abs(mass-1) > 1e-6 || math.Abs(sum/float64(size)-mean) > 1e-4 {
				t.Fatalf("picture %d: targets %v add up to %v; its mean is %v, want %v", i, targets, mass, sum/float64(size), mean)
			}
		}
	})
}

// A picture's share is its own in any batch.
func TestMixInAnyBatch(t *testing.T) {
	for _, spec := range []string{"mixup=1", "cutmix=1", "mixup=1,cutmix=1"} {
		r := Random{Spec: Spec{Width: 9, Height: 7}, Augment: mustParse(t, spec), Seed: 3}
		all, few := flatBatch(6, r.Spec), flatBatch(6, r.Spec)
		few = Batch{few.Keys[2:4], few.Pixels[2*3*9*7 : 4*3*9*7], few.Targets[2*6 : 4*6]}
		for _, b := range []Batch{all, few} {
			if err := r.Mix(1, b); err != nil {
				t.Fatal(err)
			}
		}
		if a, b := all.Targets[3*6:4*6], few.Targets[6:]; !slices.Equal(a, b) {
			t.Errorf("%s: targets %v in one batch and %v in another", spec, a, b)
		}
		if a, b := all.Pixels[3*3*9*7:4*3*9*7], few.Pixels[3*9*7:]; !slices.Equal(a, b) {
			t.Errorf("%s: a picture depends on the batch", spec)
		}
	}
}

func TestMixErrors(t *testing.T) {
	r := Random{Spec: Spec{Width: 2, Height: 2}, Augment: mustParse(t, "mixup")}
	for name, b := range map[string]Batch{
		"pixels":     {[]uint64{1, 2}, make([]float32, 23), make([]float32, 4)},
		"targets":    {[]uint64{1, 2}, make([]float32, 24), make([]float32, 3)},
		"no targets": {[]uint64{1, 2}, make([]float32, 24), nil},
	} {
		if r.Mix(0, b) == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := r.Mix(0, Batch{}); err != nil {
		t.Error(err)
	}
}
