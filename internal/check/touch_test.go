package check

import "unsafe"

// touch writes to element i of s without a bounds check, as assembly would.
func touch(s []float32, i int) {
	*(*float32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), 4*i)) = 1
}
