// Package cpu says which instruction sets the kernels may use.
//
// Input: the processor's feature bits and the variable GRAFT_CPU (generic, avx2 or avx512), which narrows
// what is used and never widens it. Output: Level, the flags that kernels dispatch on, and Path, the name
// of the arithmetic they do. All of it is settled when the program starts and does not change.
package cpu

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/cpu"
)

// A Level is a rung of instruction sets; each holds all of those below it.
type Level int

const (
	Generic Level = iota // plain Go
	AVX2                 // AVX2 and FMA
	AVX512               // AVX-512 F, BW, DQ and VL, with VNNI where the processor has it
)

var levelNames = [...]string{"generic", "avx2", "avx512"}

func (l Level) String() string { return levelNames[l] }

// Variable is the environment variable that narrows the instruction sets.
const Variable = "GRAFT_CPU"

// Rules is the version of the rules by which kernels order their sums: tiles, blocking, choice of
// algorithm by geometry. It goes up with every change that changes a bit of any result.
const Rules = 2

var (
	active, errActive = choose(detect(), os.Getenv(Variable))

	// HasAVX2, HasAVX512, HasVNNI and HasBF16 report what the processor has and GRAFT_CPU allows.
	HasAVX2   = active >= AVX2
	HasAVX512 = active >= AVX512
	HasVNNI   = HasAVX512 && cpu.X86.HasAVX512VNNI
	HasBF16   = HasAVX512 && cpu.X86.HasAVX512BF16
)

// Active returns the level in use: the best that the processor has and GRAFT_CPU allows.
func Active() Level { return active }

// Err returns an error if GRAFT_CPU holds a word that is not a level; the programs report it at their
// start. The best level is then in use.
func Err() error { return errActive }

func detect() Level {
	x := &cpu.X86
	switch {
	case !x.HasAVX2 || !x.HasFMA:
		return Generic
	case x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL:
		return AVX512
	}
	return AVX2
}

// choose returns the level for a processor that has `has` under the override `word`.
func choose(has Level, word string) (Level, error) {
	if word == "" {
		return has, nil
	}
	for l, name := range levelNames {
		if name == word {
			return min(has, Level(l)), nil
		}
	}
	return has, fmt.Errorf("cpu: %s=%q: want generic, avx2 or avx512", Variable, word)
}

// Path names the arithmetic that results depend on bit for bit: the architecture (the compiler fuses
// multiply and add on some), the level of the kernels, and the version of the rules. Results computed
// under one path may be kept and reused under the same one only. A build without assembly (tag purego, or
// another architecture than amd64) does the arithmetic of the generic level whatever the processor has.
func Path() string { return pathOf(kernelLevel) }

func pathOf(l Level) string { return fmt.Sprintf("%s%s-%s-%d", runtime.GOARCH, variant, l, Rules) }
