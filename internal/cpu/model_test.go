package cpu

import (
	"runtime"
	"testing"
)

func TestModelIn(t *testing.T) {
	for text, want := range map[string]string{
		"processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD EPYC 7763  64-Core Processor\nflags\t: fma\n": "AMD EPYC 7763 64-Core Processor",
		"processor : 0\nBogoMIPS : 50.00\n": runtime.GOARCH, // as on arm64
		"":                                  runtime.GOARCH,
	} {
		if got := modelIn(text); got != want {
			t.Errorf("modelIn(%q) = %q, want %q", text, got, want)
		}
	}
	if Model() == "" {
		t.Error("this processor has no name")
	}
}
