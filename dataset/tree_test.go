package dataset

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readTree returns the content of each file under dir by its path.
func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	m := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if info, e := os.Stat(p); err != nil || e == nil && info.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		m[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// petFiles are two classes of twenty pictures within a wrapper, one of them in a deeper folder.
func petFiles() map[string]string {
	return pictures("w/" + strings.Join(append(append(numbered("cat", 20), numbered("dog", 20)...), "dog/deep/er"), ".jpg w/") + ".jpg")
}

// byContent returns the side of each content.
func byContent(t *testing.T, d *Dataset, o SplitOptions) map[[sha256.Size]byte]string {
	t.Helper()
	s, err := d.Split(o)
	if err != nil {
		t.Fatal(err)
	}
	m := map[[sha256.Size]byte]string{}
	for name, samples := range s.sides() {
		for _, i := range samples {
			m[d.Samples[i].SHA256] = name
		}
	}
	return m
}

// TestWriteTree writes data in each mode, reads the tree again and expects the same split, validation
// included, and the data as it was.
func TestWriteTree(t *testing.T) {
	for name, mode := range map[string]Mode{"copy": Copy, "hard links": Hardlink, "symbolic links": Symlink} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			in, out := filepath.Join(base, "photos"), filepath.Join(base, "new", "out")
			writeFiles(t, in, petFiles())
			d, err := Open(t.Context(), in, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			o := SplitOptions{Seed: 9}
			s, err := d.Split(o)
			if err != nil {
				t.Fatal(err)
			}
			if err := WriteTree(t.Context(), d, s, out, mode); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(petFiles(), readTree(t, in)); diff != "" {
				t.Errorf("the data changed:\n%s", diff)
			}
			again, err := Open(t.Context(), out, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if diff := cmp.Diff(byContent(t, d, o), byContent(t, again, o)); diff != "" {
				t.Errorf("the tree has another split:\n%s", diff)
			}
			if n := len(again.Samples); n != 41 || len(again.Skipped) > 0 {
				t.Errorf("%d pictures, skipped %v", n, again.Skipped)
			}
			names := slices.Collect(maps.Keys(readTree(t, out)))
			if !slices.Contains(names, "train/dog/deep/er.jpg") && !slices.Contains(names, "test/dog/deep/er.jpg") {
				t.Errorf("no dog/deep/er.jpg in %q", names)
			}
			left, err := os.ReadDir(filepath.Dir(out))
			if err != nil || len(left) != 1 {
				t.Errorf("beside the tree: %v, %v", left, err)
			}
			info, err := os.Stat(out)
			if err != nil || info.Mode().Perm()&0o500 != 0o500 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
		})
	}
}

// TestWriteTreeOfArchive copies from an archive, merges a ready tree's sides and keeps both files where
// they have the same name.
func TestWriteTreeOfArchive(t *testing.T) {
	d, err := openBytes(t, "pets.zip", zipOf(t,
		member{"train/cat/1.jpg", picture("1"), 0}, member{"train/dog/1.jpg", picture("2"), 0},
		member{"val/cat/1.jpg", picture("3"), 0}, member{"test/cat/1.jpg", picture("4"), 0}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Split(SplitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir() // there, but empty
	if err := WriteTree(t.Context(), d, s, out, Copy); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"train/cat/1.jpg": picture("1"), "train/dog/1.jpg": picture("2"), "train/cat/1-2.jpg": picture("3"), "test/cat/1.jpg": picture("4")}
	if diff := cmp.Diff(want, readTree(t, out)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	wantError(t, WriteTree(t.Context(), d, s, filepath.Join(t.TempDir(), "out"), Symlink), "copy instead")
}

// TestWriteTreeOfTable keeps the whole path below each class: only together is it sure to be unique.
func TestWriteTreeOfTable(t *testing.T) {
	d, err := openTable(t, "l.csv", "path,label,split\na.jpg,cat,train\nsub/c.jpg,dog,train\nb.jpg,dog,test\n", Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Split(SplitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(d.root, "out") // the table names its pictures, so this is not within the data
	if err := WriteTree(t.Context(), d, s, out, Copy); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"train/cat/a.jpg": picture("a.jpg"), "train/dog/sub/c.jpg": picture("sub/c.jpg"), "test/dog/b.jpg": picture("b.jpg")}
	if diff := cmp.Diff(want, readTree(t, out)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestWriteTreeRefuses(t *testing.T) {
	base := t.TempDir()
	in := filepath.Join(base, "photos")
	writeFiles(t, in, petFiles())
	writeFiles(t, base, map[string]string{"full/x": "x", "file": "x"})
	if err := os.Symlink(in, filepath.Join(base, "alias")); err != nil {
		t.Skip("no links here: ", err)
	}
	d, err := Open(t.Context(), in, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := d.Split(SplitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := readTree(t, base)
	for out, want := range map[string]string{
		"photos": "not empty", "photos/out": "within the data folder", "photos/new/er/out": "within the data folder",
		"alias/out": "within the data folder", "full": "not empty", "file": "not a directory", "file/out": "not a directory",
	} {
		wantError(t, WriteTree(t.Context(), d, s, filepath.Join(base, out), Copy), "dataset: ", want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := WriteTree(ctx, d, s, filepath.Join(base, "out"), Copy); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if diff := cmp.Diff(before, readTree(t, base)); diff != "" {
		t.Errorf("files changed:\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(in, "new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder was made within the data: %v", err)
	}
}

func TestWriteTreeClasses(t *testing.T) {
	for _, c := range []string{"a/b", "..", ".", ".hidden", "__MACOSX"} {
		d := &Dataset{shown: "l.csv", Classes: []string{"ok", c}, root: t.TempDir()}
		wantError(t, WriteTree(t.Context(), d, &Split{}, filepath.Join(t.TempDir(), "out"), Copy), "l.csv", c)
	}
	d := &Dataset{shown: "l.csv", MultiLabel: true}
	wantError(t, WriteTree(t.Context(), d, &Split{}, filepath.Join(t.TempDir(), "out"), Copy), "many labels")
}
