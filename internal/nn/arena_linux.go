package nn

import (
	"syscall"
	"unsafe"
)

// hugePages asks the system for large pages behind s, before s is used. A step of training walks through a gigabyte:
// looking up pages of 4 KiB costs it 4 % on a Zen 3. That the system has none to give is no error.
func hugePages(s []float32) {
	const page, advice = 4096, 14 // MADV_HUGEPAGE
	start := uintptr(unsafe.Pointer(unsafe.SliceData(s)))
	skip := -start % page
	if bytes := uintptr(4 * len(s)); bytes > skip+page {
		whole := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), skip)), (bytes-skip)/page*page)
		_ = syscall.Madvise(whole, advice)
	}
}
