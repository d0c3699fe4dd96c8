//go:build darwin || dragonfly || freebsd || linux

package hub

import "golang.org/x/sys/unix"

// freeSpace returns how many bytes may still be written in a folder; ok is false where that is not known.
func freeSpace(dir string) (free int64, ok bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}
