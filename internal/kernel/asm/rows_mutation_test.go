package asm

import (
	"errors"
	"maps"
	"math/rand/v2"
	"testing"
)

func init() {
	maps.Copy(opposite, map[Op]Op{VMULPS: VADDPS, VSUBPS: VADDPS, VDIVPS: VMULPS, VFMADD213PS: VFMADD231PS, VFNMADD231PS: VFMADD231PS,
		VANDPS: VORPS, VORPS: VANDPS, VPADDD: VPSUBD, VPSUBD: VPADDD, VPSLLD: VPSRAD, VPSRAD: VPSLLD})
}

// elementwiseMutants is the number of seeded mistakes in kernels over rows and the like.
const elementwiseMutants = 300

// TestElementwiseMutants is TestMutants for the kernels that are not convolutions.
func TestElementwiseMutants(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 13))
	subjects := mutationSubjects()
	for n := range elementwiseMutants {
		s := subjects[r.IntN(len(subjects))]
		f := s.make()
		what := mutate(r, f)
		if s.run(f) == nil {
			t.Errorf("mutant %d of %s survived: %s", n, f.Name, what)
		}
	}
}

// subject is a kernel and the cases of its test, of which run returns the first error.
type subject struct {
	make func() *Func
	run  func(f *Func) error
}

func mutationSubjects() []subject {
	var all []subject
	for _, avx512 := range []bool{false, true} {
		for _, k := range ActKernels(avx512) {
			all = append(all, subject{func() *Func { return Act(k) }, func(f *Func) error { return runAct(f, k, false) }})
		}
		for _, k := range BinaryKernels(avx512) {
			all = append(all, subject{func() *Func { return Binary(k) }, func(f *Func) error { return runBinary(f, k, false) }})
		}
	}
	for _, k := range append(NormKernels(false), NormKernels(true)...) {
		all = append(all, subject{func() *Func { return Norm(k) }, func(f *Func) error {
			var errs []error
			for _, n := range []int{1, 9, 20, 27, 2 * NormPartials, 3*NormPartials - 5} {
				errs = append(errs, runNorm(f, k, n))
			}
			return errors.Join(errs...)
		}})
	}
	for _, k := range poolKernels() {
		all = append(all, subject{func() *Func { return Pool(k) }, func(f *Func) error { return runPoolCases(f, k) }})
	}
	return all
}
