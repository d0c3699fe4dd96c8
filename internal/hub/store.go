package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/graft-ml/graft/internal/atomicfile"
)

// Store is a folder of weight files, each in a folder of its name beside an about.json. What about.json does
// not name is not in the store: it is the rest of a killed process or a download that will be resumed.
// Replacing about.json is the one moment at which a file appears or gives way to another, so that the new
// file must never be written over the one that is still named: see slot.
//
// Processes and goroutines may share a store; those that change the same name take turns by a lock.
type Store struct{ dir string }

// marker is the file that says that a folder is a store. Everything in one belongs to this package, and may
// be removed; so a folder that holds other things is never made a store.
const marker = ".graft-backbones"

// OpenStore returns the store in a folder, which need not exist: it is made when the first file comes.
func OpenStore(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("weights store: %w", err)
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("weights store %s: it is a file, want a folder", dir)
	}
	return &Store{dir}, nil
}

// Dir returns the store's folder.
func (s *Store) Dir() string { return s.dir }

func (s *Store) folder(name string) string { return filepath.Join(s.dir, name) }

// Path returns where the file of a name is, and ok false if there is none. It is an error if what is there is
// not whole. Only the size is compared: the SHA-256 is for whoever reads the file anyway.
func (s *Store) Path(name string) (file string, about About, ok bool, err error) {
	if err := CheckName(name); err != nil {
		return "", About{}, false, err
	}
	r, err := readRecord(s.folder(name), name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", About{}, false, nil
	}
	if err == nil {
		file = filepath.Join(s.folder(name), r.Stored)
		err = checkSize(file, r.Size)
	}
	if err != nil {
		return "", About{}, false, fmt.Errorf("%w: pull or import %s again", err, name)
	}
	return file, r.About, true, nil
}

func checkSize(file string, want int64) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: not a file", file)
	case info.Size() != want:
		return fmt.Errorf("%s: %d bytes, want %d", file, info.Size(), want)
	}
	return nil
}

// List returns what is in the store, by name. The error tells of all that is there but not whole; the rest is
// returned with it.
func (s *Store) List() ([]About, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("weights store: %w", err)
	}
	var list []About
	var bad []error
	for _, e := range entries {
		if CheckName(e.Name()) != nil || !e.IsDir() {
			continue
		}
		_, about, ok, err := s.Path(e.Name())
		if ok {
			list = append(list, about)
		}
		bad = append(bad, err)
	}
	return list, errors.Join(bad...)
}

// Put stores what r gives as a.Name, in place of what has that name. check is given the path of the copy and
// its digest, and can refuse it; then the store is as before. Of a, Name is needed; File and Source default to one another,
// File with characters replaced that it may not have; a Size that is not 0 must be that of r; SHA256 is
// computed. What is stored is returned.
func (s *Store) Put(ctx context.Context, a About, r io.Reader, check func(path, sha256 string) error) (About, error) {
	if err := CheckName(a.Name); err != nil {
		return About{}, err
	}
	stored, err := s.put(ctx, a, r, check)
	if err != nil {
		return About{}, fmt.Errorf("import %s: %w", a.Name, err)
	}
	return stored, nil
}

func (s *Store) put(ctx context.Context, a About, r io.Reader, check func(path, sha256 string) error) (About, error) {
	if a.Source == "" {
		a.Source = a.File
	}
	if a.File == "" {
		a.File = filepath.Base(a.Source)
	}
	a.File = cleanFile(a.File)
	unlock, err := s.lock(ctx, a.Name, nil)
	if err != nil {
		return About{}, err
	}
	defer unlock()
	defer s.sweep(a.Name, partialFile, partialOrigin)
	if err := checkRoom(s.dir, a.Size); err != nil {
		return About{}, err
	}
	slot := s.slot(a.Name, a.File)
	hash, want := sha256.New(), a.Size
	err = atomicfile.WriteFile(filepath.Join(s.folder(a.Name), slot), func(w io.Writer) error {
		n, err := io.Copy(io.MultiWriter(w, hash), ctxReader{ctx, r})
		switch a.Size = n; {
		case err != nil:
			return err
		case n == 0:
			return fmt.Errorf("%s is empty", a.File)
		case want != 0 && n != want:
			return fmt.Errorf("%s: %d bytes, want %d", a.File, n, want)
		}
		return nil
	})
	if err != nil {
		return About{}, err
	}
	a.SHA256 = hex.EncodeToString(hash.Sum(nil))
	if check == nil {
		return a, s.commit(a, slot, nil)
	}
	return a, s.commit(a, slot, func(path string) error { return check(path, a.SHA256) })
}

// slot returns a name for a new file: its own unless the file that is in the store now has that.
func (s *Store) slot(name, file string) string {
	if live, err := readRecord(s.folder(name), name); err == nil && live.Stored == file {
		return "2-" + file
	}
	return file
}

// commit makes the file in a slot the one of a.Name, if it passes the check. Where it does not return nil,
// the slot is for sweep to remove.
func (s *Store) commit(a About, slot string, check func(path string) error) error {
	if check != nil {
		if err := check(filepath.Join(s.folder(a.Name), slot)); err != nil {
			return err
		}
	}
	if err := writeRecord(s.folder(a.Name), record{a, slot}); err != nil {
		return err
	}
	s.sweep(a.Name)
	return nil
}

// sweep removes what the store does not need of a name: all but about.json, the file that it names and the
// files in keep. What cannot be removed now, such as a file that Windows has open, is left to the next time; so
// is everything where about.json cannot be read.
func (s *Store) sweep(name string, keep ...string) {
	r, err := readRecord(s.folder(name), name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	keep = append(keep, aboutFile, r.Stored)
	entries, _ := os.ReadDir(s.folder(name))
	for _, e := range entries {
		if !slices.Contains(keep, e.Name()) {
			os.RemoveAll(filepath.Join(s.folder(name), e.Name()))
		}
	}
	os.Remove(s.folder(name)) // if nothing is in it
}

// Remove takes a name out of the store, with all that is left of unfinished downloads.
func (s *Store) Remove(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if _, err := os.Stat(s.folder(name)); err != nil {
		return fmt.Errorf("%s is not in the store %s", name, s.dir)
	}
	unlock, err := s.lock(context.Background(), name, nil)
	if err == nil {
		defer unlock()
		// First what makes it visible, so that a kill in between leaves a rest and not a damaged entry.
		if err = os.Remove(filepath.Join(s.folder(name), aboutFile)); err == nil || errors.Is(err, fs.ErrNotExist) {
			err = os.RemoveAll(s.folder(name))
		}
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// prepareDir makes the store's folder, or sees that the one that is there is a store.
func (s *Store) prepareDir() error {
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	known := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == marker })
	foreign := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return e.Name()[0] != '.' })
	if !known && foreign >= 0 {
		return fmt.Errorf("%s holds %s and is no weights store: give an empty folder (or make a file %s in it if all of it is graft's)",
			s.dir, entries[foreign].Name(), marker)
	}
	if known {
		return nil
	}
	return atomicfile.WriteFile(filepath.Join(s.dir, marker), func(w io.Writer) error {
		_, err := io.WriteString(w, "Weight files of graft. Everything in this folder may be removed; graft backbones rm does so by name.\n")
		return err
	})
}

// ctxReader ends with the context's error once it is done.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
