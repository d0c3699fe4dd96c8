// Package atomicfile commits files whole: after a crash or a full disk a reader finds the old file or the
// new one, never a part of either.
//
// Input is a path and what to write; output is the file at that path. It is written under a temporary name
// in the same folder (so that the rename never crosses file systems), synced, closed, renamed, and the
// folder is synced. A commit that fails removes the temporary file and leaves what was there before.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// WriteFile replaces the file at path by what write writes. The writer is valid until write returns.
// Its errors stick: a write that write does not look at still fails the commit.
func WriteFile(path string, write func(io.Writer) error) error {
	return commit(path, false, write)
}

// WriteNew is WriteFile for a path that must not exist yet; if it does, the error is fs.ErrExist and the
// file there is untouched, whoever made it and when.
func WriteNew(path string, write func(io.Writer) error) error {
	return commit(path, true, write)
}

func commit(path string, exclusive bool, write func(io.Writer) error) error {
	f, err := create(path, exclusive)
	if err != nil {
		return err
	}
	defer f.Abort() // does nothing after Commit; otherwise also runs if write panics
	if err := write(f); err != nil {
		return err
	}
	return f.Commit()
}

// AtStep, if it is set, is called before and after each system call of a commit: tests end the process there. It is
// set before anything is written.
var AtStep func()

func atStep() {
	if AtStep != nil {
		AtStep()
	}
}

// File is a file in the making. It is not visible at its path before Commit. Its methods must not be
// called at the same time.
type File struct {
	f         *os.File
	path      string
	exclusive bool
	size      int64
	err       error // the first failure; after it only Abort does anything
	done      bool
}

// Create begins a file that Commit puts at path, in place of what is there. The mode is 0666 less the umask;
// a symbolic link at path is replaced, not followed.
func Create(path string) (*File, error) { return create(path, false) }

// CreateNew is Create for a path that must not exist when Commit is called.
func CreateNew(path string) (*File, error) { return create(path, true) }

func create(path string, exclusive bool) (*File, error) {
	dir, base := filepath.Split(path)
	if base == "" || base == "." || base == ".." {
		return nil, fmt.Errorf("write %q: not the name of a file", path)
	}
	if exclusive {
		if _, err := os.Lstat(path); err == nil {
			return nil, fmt.Errorf("write %s: %w", path, fs.ErrExist)
		}
	}
	for {
		// Not made from base, which may already be as long as a name can be. The dot hides it.
		temp := filepath.Join(dir, fmt.Sprintf(".graft-%016x.tmp", rand.Uint64()))
		f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		switch {
		case err == nil:
			atStep()
			return &File{f: f, path: path, exclusive: exclusive}, nil
		case !errors.Is(err, fs.ErrExist):
			return nil, fmt.Errorf("write %s: %w", path, cause(err))
		}
	}
}

// Write appends p.
func (f *File) Write(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.f.Write(p)
	f.size += int64(n)
	if err != nil {
		f.err = fmt.Errorf("write %s: %w (after %d bytes)", f.path, cause(err), f.size)
	}
	return n, f.err
}

// WriteAt writes p over bytes that Write has already written: a header whose numbers are known at the end.
func (f *File) WriteAt(p []byte, at int64) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	if at < 0 || at+int64(len(p)) > f.size {
		return 0, fmt.Errorf("write %s: %d bytes at %d of %d", f.path, len(p), at, f.size)
	}
	n, err := f.f.WriteAt(p, at)
	if err != nil {
		f.err = fmt.Errorf("write %s: %w", f.path, cause(err))
	}
	return n, f.err
}

// Commit makes the file durable and visible at its path. On an error the temporary file is gone and the
// path is as it was, with one exception: where only the last step failed, syncing the folder, the new file
// is in place but may not survive a power cut. A failed sync is final: the kernel may have dropped the
// data, so that a second try would succeed without having written them.
func (f *File) Commit() error {
	if f.done {
		return fmt.Errorf("write %s: %w", f.path, fs.ErrClosed)
	}
	defer f.Abort()
	if f.err != nil {
		return f.err
	}
	atStep()
	if err := f.f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", f.path, cause(err))
	}
	atStep()
	if err := f.f.Close(); err != nil {
		return fmt.Errorf("close %s: %w", f.path, cause(err))
	}
	if err := f.place(); err != nil {
		return fmt.Errorf("write %s: %w", f.path, cause(err))
	}
	atStep()
	if err := syncDir(filepath.Dir(f.path)); err != nil {
		return fmt.Errorf("sync the folder of %s: %w", f.path, cause(err))
	}
	atStep()
	return nil
}

// place gives the file its name. A hard link is the portable way to do so without ever replacing another
// file; where the file system has no links (FAT, some network shares) a look and a rename must do.
func (f *File) place() error {
	if f.exclusive {
		err := os.Link(f.f.Name(), f.path)
		if err == nil || errors.Is(err, fs.ErrExist) {
			return err // Abort removes the temporary name
		}
		if _, err := os.Lstat(f.path); err == nil {
			return fs.ErrExist
		}
	}
	err := os.Rename(f.f.Name(), f.path)
	f.done = err == nil // nothing is left to remove
	return err
}

// Abort drops the file. After Commit, or a second time, it does nothing, so that it can be deferred.
func (f *File) Abort() {
	if f.done {
		return
	}
	f.done = true
	f.f.Close()
	os.Remove(f.f.Name())
}

// Rename is the commit of a file that was written under another name in the same folder, and is closed: it is
// made durable and put at path, in place of what is there. What Commit says of errors is true of it too, but
// that old is left where it is.
func Rename(old, path string) error {
	f, err := os.OpenFile(old, os.O_RDWR, 0) // Windows syncs only what may be written
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", path, cause(err))
	}
	if err := os.Rename(old, path); err != nil {
		return fmt.Errorf("write %s: %w", path, cause(err))
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("sync the folder of %s: %w", path, cause(err))
	}
	return nil
}

// syncDir makes the names in dir durable. Windows has no such call, nor have some network file systems.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// cause strips the temporary name, which says nothing to a user, from an error of package os.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
