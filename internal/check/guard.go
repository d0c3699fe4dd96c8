package check

import (
	"testing"
	"unsafe"
)

// Guarded returns a slice of n elements that ends exactly where a page begins that can be neither read nor
// written: an access behind it ends the test program. T must hold no pointers. Systems without mmap get a
// plain slice. The memory lives until the test ends.
func Guarded[T any](t testing.TB, n int) []T {
	t.Helper()
	var zero T
	size := n * int(unsafe.Sizeof(zero))
	return view[T](guardedBytes(t, size, true), n)
}

// GuardedFront is Guarded with the forbidden page in front of the slice.
func GuardedFront[T any](t testing.TB, n int) []T {
	t.Helper()
	var zero T
	size := n * int(unsafe.Sizeof(zero))
	return view[T](guardedBytes(t, size, false), n)
}

func view[T any](b []byte, n int) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}
