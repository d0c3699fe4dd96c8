package check

import (
	"testing"

	"github.com/graft-ml/graft/internal/cpu"
)

// EachImpl runs f as a subtest for each implementation of a kernel that is in use on this processor: the
// generic one, with all instruction sets turned off, and one for each instruction set registered for it in
// package cpu, with the others off. They are back as they were when it returns. Such tests are not parallel.
func EachImpl(t *testing.T, kernel string, f func(t *testing.T)) {
	t.Helper()
	toggles := cpu.Toggles(kernel)
	usable := make([]bool, len(toggles))
	for i, k := range toggles {
		usable[i] = *k.On
	}
	defer func() {
		for i, k := range toggles {
			*k.On = usable[i]
		}
	}()
	only := func(name string, chosen int) {
		for i, k := range toggles {
			*k.On = i == chosen
		}
		t.Run(name, f)
	}
	only("generic", -1)
	for i, k := range toggles {
		if usable[i] {
			only(k.ISA, i)
		}
	}
}
