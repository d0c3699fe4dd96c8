package graft

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/graft-ml/graft/internal/atomicfile"
)

// unfinishedExt ends the name of the folder in which a run of hours keeps what it can go on from: that of the run
// folder, which appears whole at its end, and this.
const unfinishedExt = ".partial"

// unfinished is such a folder.
type unfinished struct {
	out     string // the run folder to be
	dir     string
	fixed   bool // out is what the user named, not the first free number
	resumes bool // it was there before
	lock    *os.File
}

// openUnfinished finds the folder of the run that resume goes on with, or makes one for a new run: beside out,
// or runs/NAME with the first number that is free.
func openUnfinished(data, out string, resume bool) (*unfinished, error) {
	u := &unfinished{out: filepath.Clean(out), fixed: out != ""}
	if !u.fixed {
		u.out = numbered(filepath.Join("runs", dataName(data)), resume)
	}
	u.dir = u.out + unfinishedExt
	_, err := os.Lstat(u.dir)
	if _, done := os.Lstat(u.out); err == nil && resume && done == nil { // it was killed behind its last step
		if err := errors.Join(u.take(), u.remove()); err != nil {
			return nil, err
		}
		return nil, &OptionError{fmt.Errorf("the run in %s is finished: there is nothing to go on with", u.out)}
	}
	switch {
	case err == nil && resume:
		u.resumes = true
		return u, u.take()
	case err == nil:
		return nil, &OptionError{fmt.Errorf("%s holds an unfinished run: go on with --resume, or remove it, or name another -o", u.dir)}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(u.dir), 0o777); err != nil {
		return nil, err
	}
	if err := os.Mkdir(u.dir, 0o777); err != nil {
		return nil, err
	}
	return u, u.take()
}

// lockName is the file in the folder whose lock says that a run is at work in it.
const lockName = ".graft-lock"

// take takes the lock, which ends with the process.
func (u *unfinished) take() (err error) {
	if u.lock, err = os.OpenFile(filepath.Join(u.dir, lockName), os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return err
	}
	if err = atomicfile.TryLock(u.lock); errors.Is(err, atomicfile.ErrLocked) {
		err = &OptionError{fmt.Errorf("%s: another process is at work on this run", u.dir)}
	}
	if err != nil {
		u.lock.Close()
		u.lock = nil
	}
	return err
}

// close gives the lock up.
func (u *unfinished) close() {
	if u != nil && u.lock != nil {
		u.lock.Close()
		u.lock = nil
	}
}

// numbered returns base, base-2, base-3 …: the last that is unfinished, if one is wanted and there is one; else the
// first of which there is neither a run nor an unfinished one.
func numbered(base string, resume bool) string {
	exists := func(path string) bool { _, err := os.Lstat(path); return err == nil }
	last := ""
	for n := 1; ; n++ {
		path := base
		if n > 1 {
			path = fmt.Sprintf("%s-%d", base, n)
		}
		unfinished := exists(path + unfinishedExt)
		if unfinished {
			last = path
		}
		if !unfinished && !exists(path) {
			if resume && last != "" {
				return last
			}
			return path
		}
	}
}

// finish has the run folder written and gives it its name, all at once. Then it removes what was kept to go on from.
func (u *unfinished) finish(write func(dir string) error) (string, error) {
	whole := filepath.Join(u.dir, "run")
	if err := os.RemoveAll(whole); err != nil { // of a run that was killed while it wrote there
		return "", err
	}
	if err := os.Mkdir(whole, 0o777); err != nil {
		return "", err
	}
	if err := write(whole); err != nil {
		return "", err
	}
	out := u.out
	for n := 2; ; n++ {
		if err := atomicfile.RenameDir(whole, out); err == nil {
			break
		} else if u.fixed || !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		out = fmt.Sprintf("%s-%d", u.out, n) // another run has taken the name meanwhile
	}
	return out, u.remove()
}

// scratch is a folder for files that are of no use once the run is finished.
func (u *unfinished) scratch() string { return filepath.Join(u.dir, "activations") }

// remove removes what graft has put into the folder, and the folder if nothing else is in it.
func (u *unfinished) remove() error {
	if u.lock == nil {
		return nil // it is another's
	}
	u.close() // Windows removes no open file
	entries, err := os.ReadDir(u.dir)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".ckpt") || strings.HasPrefix(e.Name(), ".graft-") {
			err = errors.Join(err, os.Remove(filepath.Join(u.dir, e.Name())))
		}
	}
	if err = errors.Join(err, os.RemoveAll(u.scratch())); err != nil {
		return err
	}
	os.Remove(u.dir) // stays if there is something of the user's in it
	return nil
}

// checkpoints reports whether there is anything to go on from.
func (u *unfinished) checkpoints() bool {
	entries, err := os.ReadDir(u.dir)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), ".ckpt") })
}
