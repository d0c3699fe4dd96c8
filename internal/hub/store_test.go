package hub

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

func put(t *testing.T, s *Store, a About, body string) About {
	t.Helper()
	about, err := s.Put(t.Context(), a, strings.NewReader(body), nil)
	if err != nil {
		t.Fatal(err)
	}
	return about
}

func TestPut(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "a", "b"))
	wantNone(t, s)
	if list, err := s.List(); len(list) > 0 || err != nil {
		t.Errorf("list of nothing: %v, %v", list, err)
	}
	// Again and again under the same file name: never over the file that is in the store.
	for _, body := range []string{"first", "second", "third", "third"} {
		path, _, had, _ := s.Path("net")
		checked := false
		_, err := s.Put(t.Context(), About{Name: "net", File: "my net (1).pth", Facts: map[string]string{"n": body}}, strings.NewReader(body),
			func(p, digest string) error {
				checked = digest == fmt.Sprintf("%x", sha256.Sum256([]byte(body)))
				if had && p == path {
					t.Errorf("written over %s, which is in use", p)
				}
				b, err := os.ReadFile(p)
				if string(b) != body {
					t.Errorf("check saw %q", b)
				}
				return err
			})
		if err != nil || !checked {
			t.Fatalf("%v, checked %v", err, checked)
		}
		if a := wantHeld(t, s, []byte(body)); a.Facts["n"] != body || a.File != "my_net__1_.pth" || a.Source != "my net (1).pth" {
			t.Errorf("%+v", a)
		}
	}
	for _, body := range []string{"long", "longer"} {
		put(t, s, About{Name: "net", File: strings.Repeat("x", 300)}, body)
		wantHeld(t, s, []byte(body))
	}
	put(t, s, About{Name: "a.b-c_1", Source: "/x/y.pth"}, "x")
	list, err := s.List()
	if err != nil || len(list) != 2 || list[0].Name != "a.b-c_1" || list[0].File != "y.pth" || list[1].Name != "net" {
		t.Errorf("list %+v, %v", list, err)
	}
}

// What cannot be imported leaves the store as it was, empty or not.
func TestPutFails(t *testing.T) {
	boom := errors.New("boom")
	text := func(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name  string
		ctx   context.Context
		about About
		r     func() io.Reader
		check error
		want  string
	}{
		{"check", t.Context(), About{}, text("new"), boom, "import net: boom"},
		{"read", t.Context(), About{}, func() io.Reader { return io.MultiReader(strings.NewReader("ne"), iotest.ErrReader(boom)) }, nil, "boom"},
		{"cancelled", done, About{}, text("new"), nil, "context canceled"},
		{"empty", t.Context(), About{}, text(""), nil, "net.pth is empty"},
		{"short", t.Context(), About{Size: 4}, text("new"), nil, "3 bytes, want 4"},
		{"no room", t.Context(), About{Size: 1 << 60}, text("new"), nil, "bytes free"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openStore(t, t.TempDir())
			c.about.Name, c.about.File = "net", "net.pth"
			fail := func() {
				t.Helper()
				_, err := s.Put(c.ctx, c.about, c.r(), func(string, string) error { return c.check })
				wantError(t, err, c.want)
			}
			fail()
			wantNone(t, s)
			wantFolder(t, s)
			put(t, s, About{Name: "net", File: "net.pth"}, "old")
			fail()
			wantHeld(t, s, []byte("old"))
		})
	}
}

func TestNames(t *testing.T) {
	s := openStore(t, t.TempDir())
	for _, name := range []string{"", ".", "..", "../x", "a/b", "a/../b", `..\x`, `a\b`, "/etc/passwd", "net/", " net", "net ", ".net", "-net", "é", "a\x00b", "a\nb",
		"C:x", strings.Repeat("n", 81)} {
		_, _, _, err := s.Path(name)
		wantError(t, err, "want letters, digits")
		_, err = s.Put(t.Context(), About{Name: name, File: "x"}, strings.NewReader("x"), nil)
		wantError(t, err, "want letters, digits")
		wantError(t, s.Remove(name), "want letters, digits")
	}
	if entries, err := os.ReadDir(s.Dir()); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
	for _, name := range []string{"a", "_", "0", "resnet50.a1_in1k", strings.Repeat("n", 80)} {
		put(t, s, About{Name: name, File: "x"}, "x")
	}
}

func TestCleanFile(t *testing.T) {
	for name, want := range map[string]string{
		"resnet50-0676ba61.pth":        "resnet50-0676ba61.pth",
		"a-0.1+cu.whl":                 "a-0.1+cu.whl",
		"my net.h5":                    "my_net.h5",
		"é.h5":                         "__.h5",
		".hidden":                      "_hidden",
		"-rf":                          "_rf",
		"":                             "_",
		"..":                           "_.",
		"About.json":                   "_bout.json",
		strings.Repeat("x", 300) + "y": strings.Repeat("x", 197) + "y",
		strings.Repeat(".", 300):       "_" + strings.Repeat(".", 197),
	} {
		if got := cleanFile(name); got != want || checkFile(got) != nil {
			t.Errorf("%q: %q, %v; want %q", name, got, checkFile(got), want)
		}
	}
}

// An about.json that is damaged, or lies, is an error that names it and says what to do, and never a path
// outside the folder; the rest of the store is not affected.
func TestDamagedAbout(t *testing.T) {
	s := openStore(t, t.TempDir())
	put(t, s, About{Name: "other", File: "x"}, "x")
	good := `{"name":"net","file":"x","size":1,"sha256":"` + sha([]byte("x")) + `","source":"x","stored":"x"}`
	for _, c := range []struct{ name, about, want string }{
		{"empty", "", "damaged"},
		{"torn", good[:50], "damaged"},
		{"not an object", "[]", "damaged"},
		{"null", "null", "damaged"},
		{"of another name", strings.Replace(good, `"net"`, `"ten"`, 1), `it is of "ten", want "net"`},
		{"path", strings.Replace(good, `"stored":"x"`, `"stored":"../other/x"`, 1), "file name"},
		{"about itself", strings.Replace(good, `"stored":"x"`, `"stored":"about.json"`, 1), "file name"},
		{"folder", strings.Replace(good, `"stored":"x"`, `"stored":"d"`, 1), "not a file"},
		{"file gone", strings.Replace(good, `"stored":"x"`, `"stored":"y"`, 1), "no such file"},
		{"file cut", strings.Replace(good, `"size":1`, `"size":2`, 1), "1 bytes, want 2"},
		{"no size", strings.Replace(good, `"size":1`, `"size":0`, 1), "size 0"},
		{"size too large", strings.Replace(good, `"size":1`, `"size":1e30`, 1), "damaged"},
		{"digest", strings.Replace(good, `"sha256":"`, `"sha256":"x`, 1), "sha256"},
		{"long", good + strings.Repeat(" ", maxAbout), "more than"},
		{"deep", strings.Repeat("[", 100_000), "damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			write(t, filepath.Join(s.folder("net"), "x"), "x")
			write(t, filepath.Join(s.folder("net"), "d", "y"), "x")
			write(t, filepath.Join(s.folder("net"), aboutFile), c.about)
			_, _, ok, err := s.Path("net")
			wantError(t, err, c.want, s.folder("net"), "pull or import net again")
			list, err := s.List()
			if wantError(t, err, c.want); ok || len(list) != 1 || list[0].Name != "other" {
				t.Errorf("ok %v, list %+v", ok, list)
			}
			_, err = s.Put(t.Context(), About{Name: "net", File: "z"}, strings.NewReader(""), nil)
			wantError(t, err, "z is empty")
			if _, bad := readRecord(s.folder("net"), "net"); bad != nil && checkSize(filepath.Join(s.folder("net"), "x"), 1) != nil {
				t.Error("what may still be good was removed")
			}
			put(t, s, About{Name: "net", File: "x"}, "mended")
			wantHeld(t, s, []byte("mended"))
		})
	}
}

func TestRemove(t *testing.T) {
	s := openStore(t, t.TempDir())
	wantError(t, s.Remove("net"), "net is not in the store "+s.Dir())
	put(t, s, About{Name: "net", File: "x"}, "x")
	put(t, s, About{Name: "other", File: "x"}, "x")
	if err := s.Remove("net"); err != nil {
		t.Fatal(err)
	}
	wantNone(t, s)
	wantError(t, s.Remove("net"), "not in the store")
	write(t, filepath.Join(s.folder("net"), partialFile), "x")
	if err := s.Remove("net"); err != nil {
		t.Fatal(err)
	}
	wantFolder(t, s)
	if _, _, ok, err := s.Path("other"); !ok || err != nil {
		t.Errorf("other: %v, %v", ok, err)
	}
}

// A folder with other things in it is never made a store: its content would be the store's to remove.
func TestForeignFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "net", "photo.jpg"), "x")
	s := openStore(t, dir)
	_, err := s.Put(t.Context(), About{Name: "net", File: "x"}, strings.NewReader("x"), nil)
	wantError(t, err, dir+" holds net and is no weights store")
	_, err = s.Pull(t.Context(), Entry{Name: "net", File: "x", URL: siteURL, SHA256: "01234567"}, nil, PullOptions{})
	wantError(t, err, "is no weights store")
	wantError(t, s.Remove("net"), "is no weights store")
	wantNone(t, s)
	wantFolder(t, s, "photo.jpg")
	_, err = OpenStore(filepath.Join(dir, "net", "photo.jpg"))
	wantError(t, err, "photo.jpg: it is a file, want a folder")
}

// A store that cannot be written says so before anything is asked of the network.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "")
	s := &Store{filepath.Join(dir, "file", "store")}
	_, err := s.Pull(t.Context(), Entry{Name: "net", File: "x", URL: siteURL, SHA256: "01234567"}, nil, PullOptions{})
	wantError(t, err, filepath.Join(dir, "file"))
	if os.Getuid() == 0 {
		return // who may write everywhere
	}
	ro := filepath.Join(dir, "ro")
	if err := os.Mkdir(ro, 0o555); err != nil {
		t.Fatal(err)
	}
	_, err = openStore(t, ro).Pull(t.Context(), Entry{Name: "net", File: "x", URL: siteURL, SHA256: "01234567"}, nil, PullOptions{})
	if !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
}

func TestDefaultDir(t *testing.T) {
	dir, err := DefaultDir()
	if cache, e := os.UserCacheDir(); e == nil && (err != nil || dir != filepath.Join(cache, "graft", "backbones")) {
		t.Errorf("%s, %v", dir, err)
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"net", "../x", "a/b", "C:x", "nul", ".", "a\x00", "about.json", "é", " "} {
		f.Add(s)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, name string) {
		s := Store{dir}
		if CheckName(name) == nil && (filepath.Dir(s.folder(name)) != dir || len(name) > 80) {
			t.Errorf("%q is accepted", name)
		}
		clean := cleanFile(name)
		if err := checkFile(clean); err != nil || checkFile(name) == nil && clean != name {
			t.Errorf("%q becomes %q: %v", name, clean, err)
		}
	})
}

func FuzzAbout(f *testing.F) {
	good := `{"name":"net","file":"x","size":1,"sha256":"` + sha([]byte("x")) + `","source":"x","facts":{"a":"b"},"stored":"x"}`
	for _, s := range []string{good, good[:40], "", "null", `{"name":"net"}`, strings.Replace(good, `"stored":"x"`, `"stored":"../x"`, 1)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord(b, "net")
		if err == nil && (r.Name != "net" || r.Size <= 0 || strings.ContainsAny(r.Stored, `/\`) || r.Stored != filepath.Base(r.Stored)) {
			t.Errorf("%s: %+v", b, r)
		}
	})
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-1/2", "bytes 1-0/2", "bytes 0-1/*", "bytes */2", "bytes 0-9223372036854775807/9223372036854775808", "bytes -1-1/2", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if first, total, ok := parseContentRange(s); ok && (first < 0 || first >= total) {
			t.Errorf("%q: %d of %d", s, first, total)
		}
	})
}
