package feature

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func openActivations(t *testing.T, dir, weights string, n int, budget int64) *Activations {
	t.Helper()
	a, err := OpenActivations(dir, Fingerprint{Preprocess: weights}, 3, n, budget)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func picture(i byte) [32]byte { return [32]byte{i, 7} }

func put(t *testing.T, a *Activations, i byte) bool {
	t.Helper()
	ok, err := a.Put(picture(i), []float32{float32(i), 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestActivations(t *testing.T) {
	dir := t.TempDir()
	a := openActivations(t, dir, "a", 4, 1<<20)
	got := make([]float32, 3)
	if a.Has(picture(1)) || a.Get(picture(1), got) {
		t.Error("something is there from the beginning")
	}
	put(t, a, 1)
	if a = openActivations(t, dir, "a", 4, 1<<20); !a.Has(picture(1)) || !a.Get(picture(1), got) || !slices.Equal(got, []float32{1, 2, 3}) {
		t.Errorf("got %v", got)
	}
	if openActivations(t, dir, "b", 4, 1<<20).Has(picture(1)) {
		t.Error("another fingerprint has it too")
	}
	if _, err := a.Put(picture(2), got[:2]); err == nil {
		t.Error("a row too short is no error")
	}
	whole, err := os.ReadFile(a.path(picture(1)))
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole { // cut, or changed anywhere
		for _, b := range [][]byte{whole[:n], append(append(bytes.Clone(whole[:n]), whole[n]^4), whole[n+1:]...)} {
			if err := os.WriteFile(a.path(picture(1)), b, 0o666); err != nil {
				t.Fatal(err)
			}
			if a.Get(picture(1), got) {
				t.Errorf("byte %d: a damaged file is taken", n)
			}
		}
	}
}

// What does not fit is not stored; the folder of another network makes room, the oldest first.
func TestActivationBudget(t *testing.T) {
	dir := t.TempDir()
	const file = 16 // bytes
	old := openActivations(t, dir, "old", 2, 5*file)
	put(t, old, 1)
	put(t, old, 2)
	long := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(old.dir, long, long); err != nil {
		t.Fatal(err)
	}
	recent := openActivations(t, dir, "recent", 2, 5*file)
	put(t, recent, 1)
	if a := openActivations(t, dir, "new", 2, 5*file); !put(t, a, 1) || !put(t, a, 2) || !old.Has(picture(1)) || put(t, a, 3) {
		t.Error("two files fit, a third does not")
	}
	if a := openActivations(t, dir, "new", 4, 5*file); !put(t, a, 3) || old.Has(picture(1)) || !recent.Has(picture(1)) {
		t.Error("the oldest folder does not make room, or the other one does too")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*", "*", "*"+tempExt)); left != nil {
		t.Errorf("left over: %v", left)
	}
}
