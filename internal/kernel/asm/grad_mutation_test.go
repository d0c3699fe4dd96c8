package asm

import (
	"math/rand/v2"
	"testing"
)

// TestGradMutants is TestMutants for the kernels of gradients.
func TestGradMutants(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 14))
	subjects := gradSubjects()
	for n := range 3 * mutants {
		s := subjects[r.IntN(len(subjects))]
		f := s.make()
		what := mutate(r, f)
		if s.run(f) == nil {
			t.Errorf("mutant %d of %s survived: %s", n, f.Name, what)
		}
	}
}

func gradSubjects() []subject {
	var all []subject
	for _, avx512 := range []bool{false, true} {
		for _, k := range ActGradKernels(avx512) {
			all = append(all, subject{func() *Func { return ActGrad(k) }, func(f *Func) error { return runActGrad(f, k, false) }})
		}
		all = append(all, subject{func() *Func { return LayerNormGrad(avx512) }, func(f *Func) error { return runLayerNormGradCases(f, avx512) }})
		for _, k := range BatchKernels(avx512) {
			all = append(all, subject{func() *Func { return Batch(k) }, func(f *Func) error { return runBatch(f, k, false) }})
		}
		for _, k := range BatchGroups(avx512) {
			all = append(all, subject{func() *Func { return BatchRows(k) }, func(f *Func) error { return runBatchGroup(f, k, false) }})
		}
		for _, k := range ColumnKernels(avx512) {
			all = append(all, subject{func() *Func { return Column(k) }, func(f *Func) error { return runColumnCases(f, k) }})
		}
		for _, tile := range GradTiles(avx512) {
			all = append(all, subject{func() *Func { return GradWeight(tile) }, func(f *Func) error { return runGradCases(f, tile, false) }},
				subject{func() *Func { return GradPanel(tile) }, func(f *Func) error { return runGradCases(f, tile, true) }})
		}
		for _, tile := range DepthGradTiles(avx512) {
			all = append(all, subject{func() *Func { return DepthGrad(tile) }, func(f *Func) error { return runDepthGradCases(f, tile) }})
		}
	}
	for _, k := range poolKernels() {
		all = append(all, subject{func() *Func { return PoolGrad(k) }, func(f *Func) error { return runPoolGradCases(f, k) }})
	}
	return all
}
