package feature

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

var testPrint = Fingerprint{Weights: [32]byte{1}, Preprocess: "96 stretch tf", Cut: "features", Path: "f32 avx2 1", Version: 1}

func key(i int) [32]byte { return sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i))) }

// row returns features of random bits, NaNs and subnormals among them.
func row(i, width int) []float32 {
	r := rand.New(rand.NewPCG(uint64(i), 1))
	f := make([]float32, width)
	for j := range f {
		f[j] = math.Float32frombits(r.Uint32())
	}
	return f
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

func open(t testing.TB, dir string, width int) *Store {
	t.Helper()
	s, err := OpenStore(dir, testPrint, width)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fill adds rows lo to hi-1 to s and commits them.
func fill(t testing.TB, s *Store, lo, hi int) {
	t.Helper()
	w := s.Writer()
	for i := lo; i < hi; i++ {
		if err := w.Add(key(i), row(i, s.width)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

func wantRows(t *testing.T, s *Store, lo, hi int) {
	t.Helper()
	got := make([]float32, s.width)
	for i := lo; i < hi; i++ {
		if !s.Get(key(i), got) || !s.Has(key(i)) {
			t.Fatalf("row %d: missing", i)
		}
		if !sameBits(got, row(i, s.width)) {
			t.Fatalf("row %d: other bits", i)
		}
	}
}

func parts(t *testing.T, s *Store) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(s.dir, "*"+partExt))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestStoreRoundTrip(t *testing.T) {
	for _, c := range []struct{ width, rows, parts int }{
		{1, 1, 1}, {3, 2*maxPartRows + 1, 3}, {384, 50, 1}, {maxPartFloats / 2, 3, 2},
	} {
		t.Run(fmt.Sprintf("%d rows of %d", c.rows, c.width), func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, c.width)
			fill(t, s, 0, c.rows)
			wantRows(t, s, 0, c.rows)
			again := open(t, dir, c.width)
			wantRows(t, again, 0, c.rows)
			if n := len(parts(t, again)); n != c.parts || again.Len() != c.rows || len(again.Ignored()) > 0 {
				t.Errorf("%d parts, %d rows, ignored %v", n, again.Len(), again.Ignored())
			}
			if again.Has(key(-1)) || again.Get(key(-1), nil) {
				t.Error("has a row that nobody added")
			}
		})
	}
}

func TestRowsNotFlushedAreNotThere(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 4)
	if err := s.Writer().Add(key(1), row(1, 4)); err != nil {
		t.Fatal(err)
	}
	if s.Has(key(1)) || open(t, dir, 4).Has(key(1)) {
		t.Error("a row was found before it was committed")
	}
	if err := s.Writer().Add(key(1), row(1, 5)); err == nil {
		t.Error("a row of another width was taken")
	}
}

// Whatever is wrong with a part, the store opens, names it and does without its rows.
func TestDamagedParts(t *testing.T) {
	const width = 8
	whole := func(t *testing.T) (string, []byte) {
		s := open(t, t.TempDir(), width)
		fill(t, s, 100, 120)
		b, err := os.ReadFile(parts(t, s)[0])
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Base(parts(t, s)[0]), b
	}
	name, b := whole(t)
	flipped := slices.Clone(b)
	flipped[len(b)/2] ^= 4
	other := func(fp string, w int) (string, []byte) {
		dir := t.TempDir()
		p := &part{keys: [][32]byte{key(200)}, values: row(200, w)}
		name, err := p.write(dir, fp, w)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(filepath.Join(dir, name))
		return name, b
	}
	kindName, kind := other("another", width)
	wideName, wide := other(testPrint.String(), width+1)
	halfName, half := other(testPrint.String(), width/2)
	text := []byte("PAR1 a text PAR1")
	for _, c := range []struct {
		name, file string
		content    []byte
		reason     string
	}{
		{"torn", name, b[:len(b)-100], "damaged"},
		{"bit flipped", name, flipped, "damaged"},
		{"empty", name, nil, "damaged"},
		{"renamed", "part-0.parquet", b, "damaged"},
		{"text", partName(text), text, "parquet"},
		{"other fingerprint", kindName, kind, "another kind"},
		{"wider", wideName, wide, "features"},
		{"narrower", halfName, half, "features"},
		{"huge", name, make([]byte, 4<<20), "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, width)
			fill(t, s, 0, 10)
			if err := os.WriteFile(filepath.Join(s.dir, c.file), c.content, 0o666); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir, width)
			if bad := s.Ignored(); len(bad) != 1 || !strings.Contains(bad[0].Error(), c.reason) || !strings.Contains(bad[0].Error(), c.file) {
				t.Errorf("ignored %v, want one with %q", bad, c.reason)
			}
			wantRows(t, s, 0, 10)
			if s.Len() != 10 {
				t.Errorf("%d rows", s.Len())
			}
		})
	}
}

func TestStrangersInTheFolder(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 4)
	fill(t, s, 0, 3)
	if err := os.Mkdir(filepath.Join(s.dir, "sub"+partExt), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".graft-1.tmp", "notes.txt", "._x" + partExt} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, dir, 4)
	wantRows(t, s, 0, 3)
	if bad := s.Ignored(); len(bad) != 1 || !strings.Contains(bad[0].Error(), "regular") {
		t.Errorf("ignored %v, want the folder only", bad)
	}
}

// A part that goes bad after the store was opened loses its rows then.
func TestPartGoesBadLater(t *testing.T) {
	dir := t.TempDir()
	fill(t, open(t, dir, 4), 0, 5)
	fill(t, open(t, dir, 4), 5, 9)
	s := open(t, dir, 4)
	victim := filepath.Join(s.dir, s.parts[s.rows[key(7)].part])
	if err := os.Truncate(victim, 40); err != nil {
		t.Fatal(err)
	}
	if s.Get(key(7), make([]float32, 4)) || s.Has(key(8)) {
		t.Error("a row of a damaged part is still there")
	}
	wantRows(t, s, 0, 5)
	if len(s.Ignored()) != 1 {
		t.Errorf("ignored %v", s.Ignored())
	}
}

func TestOpenStoreErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStore(file, testPrint, 4); err == nil || !strings.Contains(err.Error(), "--cache") {
		t.Errorf("a file as the folder: %v", err)
	}
	for _, width := range []int{-1, 0, maxPartFloats + 1} {
		if _, err := OpenStore(t.TempDir(), testPrint, width); err == nil {
			t.Errorf("width %d: no error", width)
		}
	}
}

// Writers with stores of their own, as in several processes, share a folder: every row is there, once.
func TestSharedFolder(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := OpenStore(dir, testPrint, 16)
			if err != nil {
				t.Error(err)
				return
			}
			w := s.Writer()
			for i := range 200 {
				if err := w.Add(key(i), row(i, 16)); err != nil {
					t.Error(err)
				}
			}
			if err := w.Flush(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := open(t, dir, 16)
	wantRows(t, s, 0, 200)
	if n := len(parts(t, s)); n != 1 || s.Len() != 200 || len(s.Ignored()) > 0 {
		t.Errorf("%d parts of equal content, %d rows, ignored %v", n, s.Len(), s.Ignored())
	}
}

func TestFingerprint(t *testing.T) {
	base := testPrint
	seen := map[string]string{base.String(): "base"}
	for name, change := range map[string]func(*Fingerprint){
		"weights":    func(f *Fingerprint) { f.Weights[31]++ },
		"preprocess": func(f *Fingerprint) { f.Preprocess += "x" },
		"cut":        func(f *Fingerprint) { f.Cut += "x" },
		"path":       func(f *Fingerprint) { f.Path += "x" },
		"version":    func(f *Fingerprint) { f.Version++ },
		"moved":      func(f *Fingerprint) { f.Preprocess, f.Cut = f.Preprocess+f.Cut[:1], f.Cut[1:] },
	} {
		f := base
		change(&f)
		if was, ok := seen[f.String()]; ok || len(f.String()) != 64 {
			t.Errorf("%s: %s is that of %s", name, f, was)
		}
		seen[f.String()] = name
	}
	// The value is on users' disks: a change of it throws their caches away.
	if got, want := base.String()[:16], "2a76c19ee587f035"; got != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
}

func TestDefaultDir(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	t.Setenv("LocalAppData", "")
	if dir, err := DefaultDir(); err == nil || !strings.Contains(err.Error(), "--cache") {
		t.Errorf("%q, %v", dir, err)
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("LocalAppData", t.TempDir())
	if dir, err := DefaultDir(); err != nil || !strings.HasSuffix(filepath.ToSlash(dir), "graft/features") {
		t.Errorf("%q, %v", dir, err)
	}
}
