//go:build !unix

package kernel

import "testing"

// guarded returns two slices of n elements; without mprotect nothing guards them.
func guarded(_ *testing.T, n int) [2][]float32 {
	return [2][]float32{make([]float32, n), make([]float32, n)}
}
