package cpu

import (
	"slices"
	"sync"
)

// A Toggle is the switch of one kernel for one instruction set.
type Toggle struct {
	Kernel string // as in "gemm"
	ISA    string // as in "AVX2"
	On     *bool  // read at every dispatch; only tests write it
}

var toggles struct {
	sync.Mutex
	list []Toggle
}

// Register makes flag known as the switch of a kernel's implementation for isa, so that tests can run
// each implementation that this processor has. It is called when the package of the kernel is
// initialised, and flag holds by then whether the implementation is in use.
func Register(kernel, isa string, flag *bool) {
	toggles.Lock()
	defer toggles.Unlock()
	toggles.list = append(toggles.list, Toggle{kernel, isa, flag})
}

// Toggles returns the switches registered for kernel, in the order of registration.
func Toggles(kernel string) []Toggle {
	toggles.Lock()
	defer toggles.Unlock()
	return slices.DeleteFunc(slices.Clone(toggles.list), func(t Toggle) bool { return t.Kernel != kernel })
}
