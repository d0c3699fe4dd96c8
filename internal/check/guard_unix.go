//go:build linux || darwin

package check

import (
	"os"
	"syscall"
	"testing"
)

// guardedBytes maps whole pages for size bytes with a forbidden page on both sides, and returns the last size
// bytes of them, or the first ones. The result is never empty, so that its address can be taken; it may be
// of one byte inside a forbidden page if size is 0.
func guardedBytes(t testing.TB, size int, atEnd bool) []byte {
	t.Helper()
	page := os.Getpagesize()
	room := (size + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, room+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("mmap of %d bytes: %v", room+2*page, err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(m); err != nil {
			t.Errorf("munmap: %v", err)
		}
	})
	for _, guard := range [][]byte{m[:page], m[page+room:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatalf("mprotect: %v", err)
		}
	}
	if atEnd {
		return m[page+room-size:]
	}
	return m[page:]
}
