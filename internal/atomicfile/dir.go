package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// NewDir makes a folder that did not exist: base or, if that is taken, base-2, base-3 … Parents are made
// as needed. It returns the folder's path, which no other caller, in this process or another, is given.
func NewDir(base string) (string, error) {
	base = filepath.Clean(base)
	if name := filepath.Base(base); name == "." || name == ".." || name == string(filepath.Separator) {
		return "", fmt.Errorf("make folder %q: it has no name to number", base)
	}
	parent := filepath.Dir(base)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		path := base
		if n > 1 {
			path = fmt.Sprintf("%s-%d", base, n)
		}
		switch err := os.Mkdir(path, 0o777); {
		case err == nil:
			return path, syncDir(parent)
		case !errors.Is(err, fs.ErrExist):
			return "", err
		}
	}
}

// ErrLocked says that another process, or another goroutine, has the lock.
var ErrLocked = errors.New("locked")

// RenameDir gives the folder old, whose files are durable, the name path, which must not exist: the error is then
// fs.ErrExist. Both must be on one file system.
func RenameDir(old, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("rename %s to %s: %w", old, path, fs.ErrExist)
	}
	if err := syncDir(old); err != nil {
		return err
	}
	atStep()
	if err := os.Rename(old, path); err != nil {
		if _, stat := os.Lstat(path); stat == nil {
			err = fs.ErrExist
		}
		return fmt.Errorf("rename %s to %s: %w", old, path, cause(err))
	}
	atStep()
	return syncDir(filepath.Dir(path))
}
