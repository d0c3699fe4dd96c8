//go:build unix

package kernel

import (
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// guarded returns two slices of n elements, one that ends where memory ends and one that starts where it
// starts: an access beside them kills the test.
func guarded(t *testing.T, n int) [2][]float32 {
	t.Helper()
	page := os.Getpagesize()
	inner := max(page, (4*n+page-1)/page*page)
	m, err := syscall.Mmap(-1, 0, inner+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(m) })
	for _, guard := range [][]byte{m[:page], m[page+inner:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	at := func(off int) []float32 { return unsafe.Slice((*float32)(unsafe.Pointer(&m[off])), n) }
	return [2][]float32{at(page + inner - 4*n), at(page)}
}
