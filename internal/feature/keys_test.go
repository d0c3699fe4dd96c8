package feature

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// twoParts makes a store with the rows 0 to 9 in one part and 10 to 14 in another, and returns their names.
func twoParts(t *testing.T, dir string) (s *Store, first, second string) {
	t.Helper()
	s = open(t, dir, 4)
	fill(t, s, 0, 10)
	fill(t, s, 10, 15)
	return s, s.parts[0], s.parts[1]
}

// loaded returns how many of the rows 0 to 14 the store gives, and fails if one has other bits.
func loaded(t *testing.T, s *Store) int {
	t.Helper()
	var keys [][32]byte
	for i := range 15 {
		keys = append(keys, key(i))
	}
	return s.Load(keys, func(k [32]byte, f []float32) {
		if !sameBits(f, row(slices.Index(keys, k), 4)) {
			t.Errorf("row %x: other bits", k[:4])
		}
	})
}

// Whatever becomes of a list of keys, the store gives the same rows, and the list is there and right afterwards.
func TestListsOfKeys(t *testing.T) {
	for name, harm := range map[string]func(list, other string) error{
		"as it is": func(string, string) error { return nil },
		"missing":  func(list, _ string) error { return os.Remove(list) },
		"torn":     func(list, _ string) error { return os.Truncate(list, 64) },
		"cut":      func(list, _ string) error { return os.Truncate(list, 65) },
		"empty":    func(list, _ string) error { return os.Truncate(list, 0) },
		"of another part": func(list, other string) error {
			b, err := os.ReadFile(other)
			if err != nil {
				return err
			}
			return os.WriteFile(list, b, 0o666)
		},
		"flipped": func(list, _ string) error {
			b, err := os.ReadFile(list)
			if err != nil {
				return err
			}
			b[3] ^= 1
			return os.WriteFile(list, b, 0o666)
		},
		"no file": func(list, _ string) error {
			if err := os.Remove(list); err != nil {
				return err
			}
			return os.Mkdir(list, 0o777)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, first, second := twoParts(t, dir)
			if err := harm(filepath.Join(s.dir, keysName(first)), filepath.Join(s.dir, keysName(second))); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				s = open(t, dir, 4)
				if n := loaded(t, s); n != 15 || s.Len() != 15 || len(s.Ignored()) > 0 {
					t.Errorf("%d rows, ignored %v", n, s.Ignored())
				}
			}
			if keys := readKeys(s.dir, first, s.fingerprint, 4); name != "no file" && (len(keys) != 10 || keys[3] != key(3)) {
				t.Errorf("the list has %d keys", len(keys))
			}
		})
	}
}

// A part whose list is whole and that is not itself loses its rows when they are asked for, and is known to be bad from then on.
func TestDamagedPartWithList(t *testing.T) {
	for name, harm := range map[string]func(s *Store, first string) error{
		"truncated": func(s *Store, first string) error { return os.Truncate(filepath.Join(s.dir, first), 100) },
		"deleted":   func(s *Store, first string) error { return os.Remove(filepath.Join(s.dir, first)) },
		"another's keys": func(s *Store, first string) error {
			var keys [][32]byte
			for i := range 10 {
				keys = append(keys, key(20+i))
			}
			keys[0] = key(0)
			return writeKeys(s.dir, first, s.fingerprint, 4, keys)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, first, _ := twoParts(t, dir)
			if name != "deleted" {
				if err := harm(s, first); err != nil {
					t.Fatal(err)
				}
			}
			s = open(t, dir, 4)
			if len(s.Ignored()) > 0 || s.Len() != 15 {
				t.Fatalf("opened with %d rows, ignored %v", s.Len(), s.Ignored())
			}
			if name == "deleted" {
				if err := harm(s, first); err != nil {
					t.Fatal(err)
				}
			}
			if name == "another's keys" {
				if s.Get(key(21), make([]float32, 4)) {
					t.Error("a row that is another's")
				}
			}
			if n := loaded(t, s); n != 5 || len(s.Ignored()) != 1 {
				t.Errorf("%d rows, ignored %v", n, s.Ignored())
			}
			fill(t, s, 0, 10)
			if n := loaded(t, s); n != 15 {
				t.Errorf("%d rows once they were computed again", n)
			}
			if n := loaded(t, open(t, dir, 4)); n != 15 {
				t.Errorf("%d rows when it is opened again", n)
			}
		})
	}
}

func TestListsOfDeletedParts(t *testing.T) {
	dir := t.TempDir()
	s, first, second := twoParts(t, dir)
	if err := os.Remove(filepath.Join(s.dir, first)); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, 4)
	if _, err := os.Stat(filepath.Join(s.dir, keysName(first))); err == nil {
		t.Error("the list of a deleted part is still there")
	}
	if readKeys(s.dir, second, s.fingerprint, 4) == nil || loaded(t, s) != 5 {
		t.Error("the other part has no list, or not its rows")
	}
}
