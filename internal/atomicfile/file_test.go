package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// wantDir checks that dir holds the files in want, by name and content, and nothing else.
func wantDir(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := want[e.Name()]; !ok {
			t.Errorf("left over: %s", e.Name())
		}
	}
	for name, content := range want {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != content {
			t.Errorf("%s: %q, %v; want %q", name, got, err, content)
		}
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	for _, s := range []string{"first", "", "a longer second"} {
		if err := WriteFile(path, text(s)); err != nil {
			t.Fatal(err)
		}
		wantDir(t, dir, map[string]string{"a": s})
	}
	long := filepath.Join(dir, strings.Repeat("n", 255))
	if err := WriteFile(long, text("x")); err != nil {
		t.Fatal(err)
	}
}

// In every failure the old file stays, and nothing else does.
func TestWriteFileFails(t *testing.T) {
	boom := errors.New("boom")
	for _, c := range []struct {
		name  string
		write func(io.Writer) error
		want  error
	}{
		{"the caller's error", func(w io.Writer) error { text("half")(w); return boom }, boom},
		{"write, unnoticed", func(w io.Writer) error { w.(*File).f.Close(); text("x")(w); return nil }, fs.ErrClosed},
		{"sync", func(w io.Writer) error { w.(*File).f.Close(); return nil }, fs.ErrClosed},
		{"rename", func(w io.Writer) error { return os.Remove(w.(*File).f.Name()) }, fs.ErrNotExist},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "a")
			if err := WriteFile(path, text("old")); err != nil {
				t.Fatal(err)
			}
			err := WriteFile(path, c.write)
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if strings.Contains(err.Error(), ".tmp") {
				t.Errorf("the temporary name shows: %v", err)
			}
			wantDir(t, dir, map[string]string{"a": "old"})
		})
	}
}

func TestPanicLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	func() {
		defer func() { recover() }()
		WriteFile(filepath.Join(dir, "a"), func(io.Writer) error { panic("x") })
	}()
	wantDir(t, dir, nil)
}

func TestBadPaths(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"", dir + "/", filepath.Join(dir, "none", "a"), dir + "/.."} {
		if err := WriteFile(path, text("x")); err == nil {
			t.Errorf("%q: no error", path)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "sub"), text("x")); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left over: %v", entries)
	}
}

func TestWriteNew(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := WriteNew(path, text("one")); err != nil {
		t.Fatal(err)
	}
	if err := WriteNew(path, text("two")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second: %v", err)
	}
	// The file appears only while the other one is being written.
	late := filepath.Join(dir, "b")
	err := WriteNew(late, func(w io.Writer) error { return WriteFile(late, text("theirs")) })
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("late: %v", err)
	}
	wantDir(t, dir, map[string]string{"a": "one", "b": "theirs"})
}

func TestAbort(t *testing.T) {
	dir := t.TempDir()
	f, err := Create(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	f.Abort()
	f.Abort()
	if err := f.Commit(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("commit after abort: %v", err)
	}
	wantDir(t, dir, nil)
}

// Of many writers at once each commits a whole file, and of many that want a new one exactly one does.
func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	var mu sync.Mutex
	news := 0
	for i := range 16 {
		wg.Go(func() {
			if err := WriteFile(filepath.Join(dir, "a"), text(strings.Repeat(string(rune('a'+i)), 1000))); err != nil {
				t.Error(err)
			}
			if err := WriteNew(filepath.Join(dir, "b"), text("x")); err == nil {
				mu.Lock()
				news++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	got, err := os.ReadFile(filepath.Join(dir, "a"))
	if err != nil || len(got) != 1000 || strings.Count(string(got), string(got[:1])) != 1000 {
		t.Errorf("torn: %d bytes, %v", len(got), err)
	}
	if news != 1 {
		t.Errorf("%d writers made the same new file", news)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left over: %v", entries)
	}
}

func TestNewDir(t *testing.T) {
	base := filepath.Join(t.TempDir(), "runs", "flowers")
	for _, want := range []string{base, base + "-2", base + "-3"} {
		if got, err := NewDir(base + "/"); got != want || err != nil {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	if err := os.WriteFile(base+"-4", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := NewDir(base); got != base+"-5" || err != nil {
		t.Errorf("beside a file: %q, %v", got, err)
	}
	for _, bad := range []string{"", ".", "..", "/", base + "-4/x"} {
		if got, err := NewDir(bad); err == nil {
			t.Errorf("%q: made %q", bad, got)
		}
	}
}

func TestRename(t *testing.T) {
	dir := t.TempDir()
	old, path := filepath.Join(dir, "old"), filepath.Join(dir, "new")
	for _, content := range []string{"first", "second"} {
		if err := os.WriteFile(old, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := Rename(old, path); err != nil {
			t.Fatal(err)
		}
		wantDir(t, dir, map[string]string{"new": content})
	}
	if err := Rename(old, path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
	if err := os.WriteFile(old, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Rename(old, filepath.Join(path, "x")); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("to a folder that is none: %v", err)
	}
	wantDir(t, dir, map[string]string{"new": "second", "old": ""})
}

func TestRenameDir(t *testing.T) {
	dir := t.TempDir()
	old, path := filepath.Join(dir, "old"), filepath.Join(dir, "new")
	if err := os.MkdirAll(filepath.Join(old, "inner"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := RenameDir(old, path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another folder: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := RenameDir(old, path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(path, "inner")); err != nil {
		t.Error(err)
	}
	if err := RenameDir(old, path+"2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}
