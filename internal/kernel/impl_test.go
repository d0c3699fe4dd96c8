package kernel

import (
	"testing"

	"github.com/graft-ml/graft/internal/cpu"
)

// eachImpl runs f for plain Go and for each implementation of the kernel that this processor has and GRAFT_CPU
// allows, none of the others being in use. fused says whether it fuses multiply and add.
func eachImpl(t *testing.T, kernel string, f func(t *testing.T, fused bool)) {
	toggles := cpu.Toggles(kernel)
	had := make([]bool, len(toggles))
	for i, g := range toggles {
		had[i] = *g.On
		*g.On = false
		defer func() { *g.On = had[i] }()
	}
	t.Run("generic", func(t *testing.T) { f(t, false) })
	for i, g := range toggles {
		if !had[i] {
			continue
		}
		*g.On = true
		t.Run(g.ISA, func(t *testing.T) { f(t, true) })
		*g.On = false
	}
}
