package cpu

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		has  Level
		word string
		want Level
		bad  bool
	}{
		{AVX512, "", AVX512, false}, {Generic, "", Generic, false},
		{AVX512, "generic", Generic, false}, {AVX512, "avx2", AVX2, false}, {AVX512, "avx512", AVX512, false},
		{AVX2, "avx512", AVX2, false}, {Generic, "avx2", Generic, false}, // never widens
		{AVX2, "AVX2", AVX2, true}, {AVX2, "sse", AVX2, true}, {Generic, " ", Generic, true},
	} {
		got, err := choose(c.has, c.word)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("choose(%v, %q) = %v, %v; want %v", c.has, c.word, got, err, c.want)
		}
		if c.bad && !strings.Contains(err.Error(), c.word) {
			t.Errorf("error %q does not name %q", err, c.word)
		}
	}
}

func TestPath(t *testing.T) {
	want := fmt.Sprintf("-%v-%d", kernelLevel, Rules)
	if p := Path(); !strings.HasPrefix(p, runtime.GOARCH) || !strings.HasSuffix(p, want) {
		t.Errorf("Path() = %q", p)
	}
	if pathOf(AVX2) == pathOf(AVX512) {
		t.Error("two levels share a path")
	}
}

func TestFlagsFollowLevel(t *testing.T) {
	if HasAVX512 && !HasAVX2 || HasVNNI && !HasAVX512 || HasBF16 && !HasAVX512 {
		t.Error("a flag is set without the one below it")
	}
	if kernelLevel != Generic && kernelLevel != Active() {
		t.Errorf("kernels of level %v, %v is active", kernelLevel, Active())
	}
	if HasAVX2 != (Active() >= AVX2) {
		t.Error("HasAVX2 contradicts Active")
	}
}

func TestRegister(t *testing.T) {
	a, b, other := true, false, true
	Register("cpu-test", "AVX2", &a)
	Register("cpu-test", "AVX512", &b)
	Register("cpu-other", "AVX2", &other)
	got := Toggles("cpu-test")
	if len(got) != 2 || got[0] != (Toggle{"cpu-test", "AVX2", &a}) || got[1].On != &b {
		t.Errorf("Toggles = %v", got)
	}
	if len(Toggles("none")) != 0 {
		t.Error("an unknown kernel has toggles")
	}
}
