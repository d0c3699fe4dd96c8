package hub

import "golang.org/x/sys/windows"

// freeSpace returns how many bytes may still be written in a folder; ok is false where that is not known.
func freeSpace(dir string) (free int64, ok bool) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, false
	}
	var n uint64
	if err := windows.GetDiskFreeSpaceEx(p, &n, nil, nil); err != nil {
		return 0, false
	}
	return int64(n), true
}
