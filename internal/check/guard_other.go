//go:build !linux && !darwin

package check

import (
	"testing"
	"unsafe"
)

// guardedBytes returns plain memory, aligned for any element, where pages cannot be forbidden.
func guardedBytes(_ testing.TB, size int, _ bool) []byte {
	words := make([]uint64, size/8+1)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 8*len(words))
}
