package feature

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/graft-ml/graft/internal/atomicfile"
)

// Store is the folder of Parquet parts of one fingerprint. It keeps in memory where each row is (some 100
// bytes a row) and the values of the part last read. Its methods may be called from many goroutines.
type Store struct {
	dir, fingerprint string
	width            int

	mu      sync.Mutex
	parts   []string // names
	rows    map[[32]byte]ref
	last    *part // the part last read, parts[lastAt]
	lastAt  int32
	ignored []error
}

// ref is where a row is.
type ref struct{ part, row int32 }

// OpenStore opens the store of fp below dir, and makes it if there is none. Rows have width features. What a
// part holds is read from its list of keys; of a part that has none, all is read, and if it is not whole it is listed in
// Ignored. That a part is whole is otherwise found out when a row of it is asked for. It is an error if dir cannot be written.
func OpenStore(dir string, fp Fingerprint, width int) (*Store, error) {
	if width < 1 || width > maxPartFloats {
		return nil, fmt.Errorf("feature cache: rows of %d features", width)
	}
	s := &Store{dir: filepath.Join(dir, fp.String()), fingerprint: fp.String(), width: width, rows: map[[32]byte]ref{}, lastAt: -1}
	if err := s.probe(); err != nil {
		return nil, fmt.Errorf("feature cache: %w; give another folder with --cache DIR", err)
	}
	entries, err := os.ReadDir(s.dir) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("feature cache: %w", err)
	}
	var names, lists []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), partExt) && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		} else if part, ok := ofKeys(e.Name()); ok {
			lists = append(lists, part)
		}
	}
	s.index(names)
	for _, part := range lists { // of parts that were deleted: a list is written after its part
		if _, ok := slices.BinarySearch(names, part); !ok {
			s.removeKeys(part)
		}
	}
	return s, nil
}

// probe makes the folder and finds out before any work whether it can be written.
func (s *Store) probe() error {
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		return err
	}
	f, err := atomicfile.Create(filepath.Join(s.dir, "probe"))
	if err != nil {
		return err
	}
	f.Abort()
	return nil
}

// index reads the keys of parts, in parallel. Of a row that is in several of them the first by name is used.
func (s *Store) index(names []string) {
	keys, errs := make([][][32]byte, len(names)), make([]error, len(names))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0)) // each holds a part in memory
	for i, name := range names {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			keys[i], errs[i] = s.keysOf(name)
		})
	}
	wg.Wait()
	for i, name := range names {
		if errs[i] != nil {
			s.ignore(name, errs[i])
			continue
		}
		s.add(name, keys[i])
	}
}

// keysOf returns the keys of a part, from its list, or from the part itself: then the list is written, if it can be.
func (s *Store) keysOf(name string) ([][32]byte, error) {
	if keys := readKeys(s.dir, name, s.fingerprint, s.width); keys != nil {
		return keys, nil
	}
	p, err := s.read(name)
	if err != nil {
		return nil, err
	}
	writeKeys(s.dir, name, s.fingerprint, s.width, p.keys)
	return p.keys, nil
}

func (s *Store) read(name string) (*part, error) {
	return readPart(filepath.Join(s.dir, name), s.fingerprint, s.width)
}

func (s *Store) removeKeys(part string) { os.Remove(filepath.Join(s.dir, keysName(part))) }

func (s *Store) ignore(name string, err error) {
	s.ignored = append(s.ignored, fmt.Errorf("feature cache: %s: %w", filepath.Join(s.dir, name), err))
}

// add enters a part's rows in the index.
func (s *Store) add(name string, keys [][32]byte) {
	at := int32(len(s.parts))
	s.parts = append(s.parts, name)
	for row, k := range keys {
		if _, ok := s.rows[k]; !ok {
			s.rows[k] = ref{at, int32(row)}
		}
	}
}

// Ignored returns the parts that were not used and why: damaged, or not of this fingerprint and width. Their
// rows are missing from the store. A part can be added here when a row of it is asked for.
func (s *Store) Ignored() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ignored)
}

// Len returns the number of rows.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows)
}

// Has reports whether the features of the picture with this hash are known.
func (s *Store) Has(sha [32]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.rows[sha]
	return ok
}

// Get copies the features of a picture to dst [D] and reports whether it has them. It reads a whole part where
// the row is not in that of the last call: use Load for many rows.
func (s *Store) Get(sha [32]byte, dst []float32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.row(sha)
	copy(dst, f)
	return f != nil
}

// Load calls set, in no certain order, with the features of each key that the store has, and returns how
// many those are. It reads each part at most once, and some at a time. f is valid until set returns; set must not call s.
func (s *Store) Load(keys [][32]byte, set func(key [32]byte, f []float32)) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := map[int32][][32]byte{}
	for _, k := range keys {
		if r, ok := s.rows[k]; ok {
			known[r.part] = append(known[r.part], k)
		}
	}
	wanted, n := slices.Sorted(maps.Keys(known)), 0
	next := s.readAhead(wanted)
	for _, at := range wanted {
		p, err := next()
		for _, k := range known[at] {
			if f := s.rowOf(p, err, k); f != nil {
				set(k, f)
				n++
			}
		}
		s.last, s.lastAt = p, at
	}
	return n
}

// readAhead reads parts, as many at a time as there are threads. next gives one after the other, and is called for all
// of them, while s is locked.
func (s *Store) readAhead(wanted []int32) (next func() (*part, error)) {
	type read struct {
		p   *part
		err error
	}
	line := make(chan chan read, runtime.GOMAXPROCS(0)-1)
	go func() {
		for _, at := range wanted {
			done := make(chan read, 1)
			line <- done
			go func() {
				p, err := s.read(s.parts[at])
				done <- read{p, err}
			}()
		}
	}()
	return func() (*part, error) {
		r := <-<-line
		return r.p, r.err
	}
}

// row returns the features of a picture, or nil. The part is read if it is not the last one.
func (s *Store) row(sha [32]byte) []float32 {
	r, ok := s.rows[sha]
	if !ok {
		return nil
	}
	if s.lastAt == r.part {
		return s.rowOf(s.last, nil, sha)
	}
	p, err := s.read(s.parts[r.part])
	f := s.rowOf(p, err, sha)
	if f != nil {
		s.last, s.lastAt = p, r.part
	}
	return f
}

// rowOf returns the features of a picture out of its part, as it was read, or nil: if the part has gone bad or was
// deleted since the index was made, or is not what its list of keys says, all its rows are forgotten.
func (s *Store) rowOf(p *part, err error, sha [32]byte) []float32 {
	r, ok := s.rows[sha]
	if !ok {
		return nil // of a part that was forgotten
	}
	if err == nil && (int(r.row) >= len(p.keys) || p.keys[r.row] != sha) {
		err = errors.New("its list of keys is that of another part")
	}
	if err != nil {
		s.forget(r.part, err)
		return nil
	}
	return p.values[int(r.row)*s.width:][:s.width]
}

func (s *Store) forget(at int32, err error) {
	s.ignore(s.parts[at], err)
	s.removeKeys(s.parts[at]) // so that the part is looked at when the store is opened again
	for k, r := range s.rows {
		if r.part == at {
			delete(s.rows, k)
		}
	}
}

// Writer returns a writer of new rows to s. It is used by one goroutine; a store may have several.
func (s *Store) Writer() *Writer { return &Writer{store: s} }

// Writer gathers rows and commits them in parts of bounded size.
type Writer struct {
	store   *Store
	pending part
	err     error // of the part that could not be committed
}

// Add takes a row, which it copies. Every so many rows it commits a part; before that, or Flush, a row is
// neither durable nor found by the store.
func (w *Writer) Add(sha [32]byte, embedding []float32) error {
	if w.err != nil {
		return w.err
	}
	if len(embedding) != w.store.width {
		return fmt.Errorf("feature cache %s: a row of %d features, want %d", w.store.dir, len(embedding), w.store.width)
	}
	w.pending.keys = append(w.pending.keys, sha)
	w.pending.values = append(w.pending.values, embedding...)
	if len(w.pending.keys) < rowsPerPart(w.store.width) {
		return nil
	}
	return w.Flush()
}

// Flush commits the rows added since the last part. Once it has failed, it and Add do nothing but return the
// same error.
func (w *Writer) Flush() error {
	if w.err != nil || len(w.pending.keys) == 0 {
		return w.err
	}
	s := w.store
	name, err := w.pending.write(s.dir, s.fingerprint, s.width)
	if err != nil {
		w.err = fmt.Errorf("feature cache: %w", err)
		return w.err
	}
	writeKeys(s.dir, name, s.fingerprint, s.width, w.pending.keys)
	s.mu.Lock()
	s.add(name, w.pending.keys)
	s.mu.Unlock()
	w.pending.keys, w.pending.values = w.pending.keys[:0], w.pending.values[:0]
	return nil
}
