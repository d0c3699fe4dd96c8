package asm

import (
	"maps"
	"math/rand/v2"
	"testing"
)

func init() {
	maps.Copy(opposite, map[Op]Op{VPMADDUBSW: VPMADDWD, VPMADDWD: VPMADDUBSW, VPADDW: VPADDD, VPMAXUB: VPADDW, VCVTDQ2PS: VCVTPS2DQ, VCVTPS2DQ: VCVTDQ2PS,
		VPUNPCKLBW: VPUNPCKHBW, VPUNPCKHBW: VPUNPCKLBW, VPUNPCKLWD: VPUNPCKHWD, VPUNPCKHWD: VPUNPCKLWD, VPACKSSDW: VPUNPCKLWD, VPDPBUSD: VPADDD})
}

// TestLowMutants is TestMutants for the kernels of low precision.
func TestLowMutants(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 19))
	subjects := lowSubjects()
	for n := range 2 * mutants {
		s := subjects[r.IntN(len(subjects))]
		f := s.make()
		what := mutate(r, f)
		if s.run(f) == nil {
			t.Errorf("mutant %d of %s survived: %s", n, f.Name, what)
		}
	}
}

func lowSubjects() []subject {
	all := append(bytesSubjects(), bytesSubjects()...) // more often: there are many tiles
	all = append(all, subject{ConvInt8AVX2, func(f *Func) error { return eachCase(f, int8Cases(), runConvInt8) }})
	all = append(all, subject{ConvInt8FewAVX2, func(f *Func) error { return eachCase(f, fewCases(), runConvInt8Few) }})
	all = append(all, all...)
	for _, t := range append(LowTiles(false), LowTiles(true)...) {
		all = append(all, subject{func() *Func { return ConvLow(t) }, func(f *Func) error {
			return eachCase(f, lowCases(t), func(f *Func, k lowCase) error { return runLow(f, t, k) })
		}})
	}
	return all
}

// lowSteps is more than any case of a kernel of low precision takes.
const lowSteps = 1 << 14

// eachCase returns the first error of the cases of a kernel.
func eachCase[C any](f *Func, cases []C, run func(*Func, C) error) error {
	for _, k := range cases {
		if err := run(f, k); err != nil {
			return err
		}
	}
	return nil
}
