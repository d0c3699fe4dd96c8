package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// source is where the bytes of files are. It may be used by many goroutines at once.
type source interface {
	// open returns the content of a regular file and its length in bytes.
	open(f file) (io.ReadCloser, int64, error)
	io.Closer
}

// file is a regular file of a source that has not been opened yet.
type file struct {
	path string
	size int64 // in an archive; 0 elsewhere
	at   int64 // where an archive holds it
}

// notRegularError is the error for what may block or never end when it is read.
type notRegularError fs.FileMode

func (e notRegularError) Error() string {
	return "is a " + kindOf(fs.FileMode(e)) + ", want a regular file"
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "folder"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeDevice != 0:
		return "device"
	case m&fs.ModeSymlink != 0:
		return "link"
	}
	return "special file"
}

// reasonOf returns err without the path, which is told beside it.
func reasonOf(err error) string {
	var p *fs.PathError
	switch {
	case errors.As(err, &p):
		return p.Err.Error()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "ends before its stated length"
	}
	return err.Error()
}

// fsSource reads the files of an fs.FS.
type fsSource struct{ fsys fs.FS }

func (s fsSource) open(f file) (io.ReadCloser, int64, error) {
	r, err := s.fsys.Open(f.path)
	if err != nil {
		return nil, 0, err
	}
	info, err := r.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegularError(info.Mode())
	}
	if err != nil {
		r.Close()
		return nil, 0, err
	}
	return r, info.Size(), nil
}

func (fsSource) Close() error { return nil }

// dirFS is a folder on disk. Unlike os.DirFS it takes names that are not UTF-8, as disks do, and opening
// one of its files never blocks: a pipe, a socket or a device is refused.
type dirFS string

func (d dirFS) local(op, name string) (string, error) {
	p := filepath.FromSlash(name)
	if !filepath.IsLocal(p) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return filepath.Join(string(d), p), nil
}

func (d dirFS) Open(name string) (fs.File, error) {
	p, err := d.local("open", name)
	if err != nil {
		return nil, err
	}
	// Opening some devices has effects, so ask before; the file may be replaced in between, so do not block.
	info, err := os.Stat(p)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return nil, notRegularError(info.Mode())
	}
	return os.OpenFile(p, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

func (d dirFS) Stat(name string) (fs.FileInfo, error) {
	p, err := d.local("stat", name)
	if err != nil {
		return nil, err
	}
	return os.Stat(p)
}

// fileOnly holds a file that is to be closed and has no members.
type fileOnly struct{ *os.File }

func (fileOnly) open(f file) (io.ReadCloser, int64, error) {
	return nil, 0, fmt.Errorf("open %s: %w", f.path, fs.ErrNotExist)
}
