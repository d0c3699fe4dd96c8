package hub

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const bodySize = 300_000

// wantHeld checks that the store holds body as "net", and nothing else of that name.
func wantHeld(t *testing.T, s *Store, body []byte) About {
	t.Helper()
	path, about, ok, err := s.Path("net")
	if err != nil || !ok {
		t.Fatalf("not in the store: %v", err)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, body) {
		t.Fatalf("%d bytes, %v: not the file", len(got), err)
	}
	if about.SHA256 != sha(body) || about.Size != int64(len(body)) || about.Name != "net" {
		t.Errorf("%+v", about)
	}
	wantFolder(t, s, aboutFile, filepath.Base(path))
	return about
}

// wantFolder checks what is in the folder of "net".
func wantFolder(t *testing.T, s *Store, want ...string) {
	t.Helper()
	entries, _ := os.ReadDir(s.folder("net"))
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("folder holds %q, want %q", got, want)
	}
}

func wantNone(t *testing.T, s *Store) {
	t.Helper()
	if path, _, ok, err := s.Path("net"); ok || err != nil {
		t.Errorf("in the store: %s, %v", path, err)
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one of %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q has more than one line", err)
	}
}

func TestPull(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFixture(t, bodySize)
		var progress []int64
		f.o.Progress = func(done, total int64) {
			if total != bodySize {
				t.Errorf("total %d", total)
			}
			progress = append(progress, done)
		}
		checked := ""
		f.o.Check = func(path string) error {
			wantNone(t, f.store)
			b, err := os.ReadFile(path)
			checked = sha(b)
			return err
		}
		about, err := f.pull()
		if err != nil {
			t.Fatal(err)
		}
		if checked != f.entry.SHA256 {
			t.Errorf("check saw %s", checked)
		}
		if about.Source != siteURL || about.File != "net.pth" || !maps.Equal(about.Facts, map[string]string{"arch": "net"}) {
			t.Errorf("%+v", about)
		}
		if progress[0] != 0 || progress[len(progress)-1] != bodySize || !slices.IsSorted(progress) {
			t.Errorf("progress %d", progress)
		}
		wantHeld(t, f.store, f.srv.body)
		f.o.Offline = true // not needed any more
		if again, err := f.pull(); err != nil || again.SHA256 != about.SHA256 || f.srv.count() != 1 {
			t.Errorf("second pull: %+v, %v, %d requests", again, err, f.srv.count())
		}
	})
}

// Faults that a further try mends. The file is right in the end, and bytes that have come are not asked for
// again where the server lets us.
func TestPullMends(t *testing.T) {
	const k = 100_000
	type step = func(s *server, w http.ResponseWriter, r *http.Request) bool
	cut := func(s *server, w http.ResponseWriter, r *http.Request) bool { s.cut(w, r, k); return true }
	status := func(code int, retryAfter string) step {
		return func(s *server, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Retry-After", retryAfter)
			w.WriteHeader(code)
			return true
		}
	}
	part := func(contentRange, etag string) step {
		return func(s *server, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Range", contentRange)
			w.Header().Set("ETag", etag)
			w.WriteHeader(http.StatusPartialContent)
			w.Write(s.body[k:])
			return true
		}
	}
	newer := func(s *server, w http.ResponseWriter, r *http.Request) bool { s.etag = `"v2"`; return false }
	for _, c := range []struct {
		name   string
		etag   string
		steps  []step
		tries  int
		served int64
		least  time.Duration // between the first and the last request
		most   time.Duration
	}{
		{"cut", `"v1"`, []step{cut}, 2, bodySize, time.Second / 2, time.Second},
		{"cut twice", `"v1"`, []step{cut, cut}, 3, bodySize, 3 * time.Second / 2, 3 * time.Second},
		{"cut, no etag", "", []step{cut}, 2, bodySize + k, time.Second / 2, time.Second},
		{"cut, weak etag", `W/"v1"`, []step{cut}, 2, bodySize + k, time.Second / 2, time.Second},
		{"cut before the first byte", `"v1"`, []step{func(s *server, w http.ResponseWriter, r *http.Request) bool { panic(http.ErrAbortHandler) }},
			2, bodySize, time.Second / 2, time.Second},
		{"stall in the body", `"v1"`, []step{func(s *server, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("ETag", `"v1"`)
			w.Header().Set("Content-Length", "300000")
			w.Write(s.body[:k])
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return true
		}}, 2, bodySize, 30500 * time.Millisecond, 31 * time.Second},
		{"stall before the answer", `"v1"`, []step{func(s *server, w http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }},
			2, bodySize, 30500 * time.Millisecond, 31 * time.Second},
		{"slow, but never 30 seconds without a byte", `"v1"`, []step{func(s *server, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("ETag", `"v1"`)
			for b := range slices.Chunk(s.body, k) {
				w.Write(b)
				http.NewResponseController(w).Flush()
				time.Sleep(29 * time.Second)
			}
			return true
		}}, 1, bodySize, 0, 0},
		{"200 for a range", `"v1"`, []step{cut, func(s *server, w http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("Range")
			return false
		}}, 2, bodySize + k, time.Second / 2, time.Second},
		{"changed etag, 200", `"v1"`, []step{cut, newer}, 2, bodySize + k, time.Second / 2, time.Second},
		{"changed etag, 206", `"v1"`, []step{cut, part("bytes 100000-299999/300000", `"v2"`)}, 3, -1, time.Second / 2, time.Second},
		{"206 from elsewhere", `"v1"`, []step{cut, part("bytes 0-199999/300000", `"v1"`)}, 3, -1, time.Second / 2, time.Second},
		{"206 of another size", `"v1"`, []step{cut, part("bytes 100000-299999/300001", `"v1"`)}, 3, -1, time.Second / 2, time.Second},
		{"206 without a range", `"v1"`, []step{cut, part("", `"v1"`)}, 3, -1, time.Second / 2, time.Second},
		{"206 unasked", `"v1"`, []step{part("bytes 100000-299999/300000", `"v1"`)}, 2, -1, 0, 0},
		{"416", `"v1"`, []step{cut, status(416, "")}, 3, bodySize + k, time.Second / 2, time.Second},
		{"wrong bytes in the rest", `"v1"`, []step{cut, func(s *server, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Range", "bytes 100000-299999/300000")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(make([]byte, bodySize-k))
			return true
		}}, 3, -1, time.Second / 2, time.Second},
		{"503 without a time", `"v1"`, []step{status(503, "")}, 2, bodySize, time.Second / 2, time.Second},
		{"429 for 7 seconds", `"v1"`, []step{status(429, "7")}, 2, bodySize, 7 * time.Second, 7 * time.Second},
		{"503 until a date", `"v1"`, []step{status(503, "Sat, 01 Jan 2000 00:01:00 GMT")}, 2, bodySize, time.Minute, time.Minute},
		{"503 until a date gone by", `"v1"`, []step{status(503, "Fri, 31 Dec 1999 00:01:00 GMT")}, 2, bodySize, time.Second / 2, time.Second},
		{"five faults", `"v1"`, []step{status(500, ""), status(502, ""), status(503, ""), status(504, ""), cut}, 6, bodySize, 31 * time.Second / 2, 31 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFixture(t, bodySize)
				f.srv.etag = c.etag
				f.srv.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
					return n <= len(c.steps) && c.steps[n-1](f.srv, w, r)
				}
				if _, err := f.pull(); err != nil {
					t.Fatal(err)
				}
				wantHeld(t, f.store, f.srv.body)
				if n := f.srv.count(); n != c.tries {
					t.Errorf("%d requests, want %d", n, c.tries)
				}
				if c.served >= 0 && f.srv.sent() != c.served {
					t.Errorf("%d bytes served, want %d", f.srv.sent(), c.served)
				}
				if took := f.srv.at[len(f.srv.at)-1].Sub(f.srv.at[0]); took < c.least || took > c.most {
					t.Errorf("waited %v, want %v to %v", took, c.least, c.most)
				}
			})
		})
	}
}

// Faults that end a pull. Nothing is in the store then.
func TestPullFails(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }
	}
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	for _, c := range []struct {
		name     string
		answer   http.HandlerFunc
		change   func(e *Entry, o *PullOptions)
		want     []string
		requests int
	}{
		{"404", status(404), nil, []string{"pull net: site.example answers 404 Not Found", siteURL}, 1},
		{"410", status(410), nil, []string{"410 Gone"}, 1},
		{"401", status(401), nil, []string{"401 Unauthorized", "may need a token (HF_TOKEN)"}, 1},
		{"403", status(403), nil, []string{"403 Forbidden", "may need a token (HF_TOKEN)"}, 1},
		{"403 in spite of a token", status(403), func(e *Entry, o *PullOptions) { o.Token = func(string) string { return "secret" } },
			[]string{"does not take the token"}, 1},
		{"304", status(304), nil, []string{"304 Not Modified"}, 1},
		{"503 for ever", status(503), nil, []string{"gave up after 6 tries", "503 Service Unavailable", "graft backbones import net.pth"}, 6},
		{"503 for an hour", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(503)
		},
			nil, []string{"asks to come back in 1h0m0s"}, 1},
		{"stall for ever", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil, []string{"gave up after 3 tries", "no data for 30s"}, 3},
		{"wrong bytes, right length", func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, bodySize)) }, nil,
			[]string{"net.pth: sha256 is " + sha(make([]byte, bodySize)) + ", want " + sha(content(bodySize))}, 1},
		{"wrong prefix", nil, func(e *Entry, o *PullOptions) { e.SHA256 = "0123abcd" }, []string{"sha256 is " + sha(content(bodySize)) + ", want 0123abcd"}, 1},
		{"wrong md5", nil, func(e *Entry, o *PullOptions) { e.SHA256, e.MD5 = "", md(nil) }, []string{"md5 is " + md(content(bodySize)) + ", want " + md(nil)}, 1},
		{"right md5, wrong sha256", nil, func(e *Entry, o *PullOptions) { e.SHA256, e.MD5 = "0123abcd", md(content(bodySize)) }, []string{"want 0123abcd"}, 1},
		{"another size", nil, func(e *Entry, o *PullOptions) { e.Size++ }, []string{"the server has 300000 bytes, want 300001"}, 1},
		{"another size, not announced", func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).Flush()
			w.Write(make([]byte, bodySize+1))
		}, nil, []string{"sends more than 300000 bytes"}, 1},
		{"no room", nil, func(e *Entry, o *PullOptions) { e.Size = 1 << 60 }, []string{"bytes free, 1152921504606846976 are needed"}, 0},
		{"to http", redirect("http://plain.example/x"), nil, []string{"from https to http", "plain.example", "refused"}, 1},
		{"to ftp", redirect("ftp://plain.example/x"), nil, []string{"redirects to no address"}, 1},
		{"to nowhere", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(302) }, nil, []string{"more than 5 times"}, 6},
		{"in a circle", redirect(siteURL), nil, []string{"site.example redirects more than 5 times"}, 6},
		{"no host", nil, func(e *Entry, o *PullOptions) { e.URL = "https://gone.example/net.pth" },
			[]string{"gave up after 3 tries", "gone.example", "connection refused", "get net.pth from https://gone.example/net.pth and run: graft backbones import net.pth"}, 0},
		{"no name service", nil, func(e *Entry, o *PullOptions) { e.URL = "https://unknown.example/net.pth" },
			[]string{"unknown.example", "no such host; without a network, get net.pth from https://unknown.example/net.pth"}, 0},
		{"certificate", nil, func(e *Entry, o *PullOptions) { o.Transport.(*http.Transport).TLSClientConfig = nil }, []string{"pull net: site.example: ", "x509"}, 0},
		{"offline", nil, func(e *Entry, o *PullOptions) { o.Offline = true }, []string{"turned off", "get net.pth from " + siteURL + " and run: graft backbones import net.pth"}, 0},
		{"no address", nil, func(e *Entry, o *PullOptions) { e.URL = "" }, []string{"no address", "get net.pth and run: graft backbones import net.pth"}, 0},
		{"http address", nil, func(e *Entry, o *PullOptions) { e.URL = "http://site.example/x" }, []string{"want https://HOST/PATH"}, 0},
		{"no digest", nil, func(e *Entry, o *PullOptions) { e.SHA256 = "" }, []string{"no published digest", "graft backbones import"}, 0},
		{"short digest", nil, func(e *Entry, o *PullOptions) { e.SHA256 = "0123abc" }, []string{"8 to 64"}, 0},
		{"name", nil, func(e *Entry, o *PullOptions) { e.Name = "../x" }, []string{`name "../x"`}, 0},
		{"file", nil, func(e *Entry, o *PullOptions) { e.File = "../x" }, []string{`file name "../x"`}, 0},
		{"mirror", nil, func(e *Entry, o *PullOptions) { o.Mirror = "file:///x" }, []string{"mirror: want https://HOST"}, 0},
		{"check", nil, func(e *Entry, o *PullOptions) { o.Check = func(string) error { return errors.New("is a cat") } }, []string{"pull net: is a cat"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFixture(t, bodySize)
				f.srv.fault = func(_ int, w http.ResponseWriter, r *http.Request) bool {
					if c.answer != nil {
						c.answer(w, r)
					}
					return c.answer != nil
				}
				if c.change != nil {
					c.change(&f.entry, &f.o)
				}
				_, err := f.pull()
				wantError(t, err, c.want...)
				wantNone(t, f.store)
				wantFolder(t, f.store)
				if f.srv.count() != c.requests {
					t.Errorf("%d requests, want %d", f.srv.count(), c.requests)
				}
			})
		})
	}
}

// A pull that is cancelled leaves what has come; another store, as of a later process, goes on from there.
func TestPullResumes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFixture(t, bodySize)
		f.srv.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				f.srv.cut(w, r, 200_000)
			}
			return n == 1
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel) // in the wait before the second try
		if _, err := f.store.Pull(ctx, f.entry, nil, f.o); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		wantNone(t, f.store)
		wantFolder(t, f.store, partialFile, partialOrigin)
		f.store = openStore(t, f.store.Dir())
		if _, err := f.pull(); err != nil {
			t.Fatal(err)
		}
		wantHeld(t, f.store, f.srv.body)
		if got := f.srv.requests[1].Header; got.Get("Range") != "bytes=200000-" || got.Get("If-Range") != `"v1"` || f.srv.sent() != bodySize {
			t.Errorf("asked for %v, %d bytes served", got, f.srv.sent())
		}
	})
}

// What a process left behind is used if it is what the entry is about, and never trusted.
func TestPullFindsARest(t *testing.T) {
	body := content(bodySize)
	spoilt := slices.Clone(body)
	spoilt[7] ^= 1
	const good = `{"url":"` + siteURL + `","etag":"\"v1\"","size":300000}`
	for _, c := range []struct {
		name     string
		partial  []byte
		origin   string
		requests int
		served   int64
	}{
		{"all of it", body, good, 0, 0},
		{"all of it, no etag", body, `{"url":"` + siteURL + `","size":300000}`, 0, 0},
		{"all of it, spoilt", spoilt, good, 1, bodySize},
		{"half of it", body[:150_000], good, 1, 150_000},
		{"half of it, spoilt", spoilt[:150_000], good, 2, bodySize + 150_000},
		{"nothing yet", nil, good, 1, bodySize},
		{"too much", append(slices.Clone(body), 0), good, 1, bodySize},
		{"of another address", body, `{"url":"https://other.example/","etag":"\"v1\"","size":300000}`, 1, bodySize},
		{"of another size", body[:1000], `{"url":"` + siteURL + `","etag":"\"v1\"","size":300001}`, 1, bodySize},
		{"of another version", body[:1000], `{"url":"` + siteURL + `","etag":"\"v0\"","size":300000}`, 1, bodySize},
		{"no etag", body[:1000], `{"url":"` + siteURL + `","size":300000}`, 1, bodySize},
		{"no origin", body, "", 1, bodySize},
		{"torn origin", body, good[:20], 1, bodySize},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFixture(t, bodySize)
				write(t, filepath.Join(f.store.folder("net"), partialFile), string(c.partial))
				write(t, filepath.Join(f.store.folder("net"), partialOrigin), c.origin)
				write(t, filepath.Join(f.store.folder("net"), ".graft-0.tmp"), "torn")
				write(t, filepath.Join(f.store.Dir(), marker), "")
				if _, err := f.pull(); err != nil {
					t.Fatal(err)
				}
				wantHeld(t, f.store, body)
				if f.srv.count() != c.requests || f.srv.sent() != c.served {
					t.Errorf("%d requests, %d bytes served; want %d, %d", f.srv.count(), f.srv.sent(), c.requests, c.served)
				}
			})
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// A file that has rotted on disk, or is another, is fetched again; one whose digest is published in part or
// as MD5 is recognised.
func TestPullLooksAtWhatIsThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFixture(t, bodySize)
		for _, c := range []struct {
			name        string
			sha256, md5 string
			spoil       func(path string)
			requests    int
		}{
			{"first", f.entry.SHA256, "", nil, 1},
			{"by prefix", f.entry.SHA256[:8], "", nil, 1},
			{"by md5", "", md(f.srv.body), nil, 1},
			{"rotted", f.entry.SHA256, "", func(path string) { write(t, path, strings.Repeat("x", bodySize)) }, 2},
			{"cut", f.entry.SHA256, "", func(path string) { write(t, path, "x") }, 3},
			{"gone", f.entry.SHA256, "", func(path string) { os.Remove(path) }, 4},
			{"about torn", f.entry.SHA256, "", func(path string) { write(t, filepath.Join(filepath.Dir(path), aboutFile), "{") }, 5},
		} {
			if c.spoil != nil {
				path, _, _, err := f.store.Path("net")
				if err != nil {
					t.Fatal(err)
				}
				c.spoil(path)
			}
			f.entry.SHA256, f.entry.MD5 = c.sha256, c.md5
			if _, err := f.pull(); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			wantHeld(t, f.store, f.srv.body)
			if f.srv.count() != c.requests {
				t.Errorf("%s: %d requests, want %d", c.name, f.srv.count(), c.requests)
			}
		}
	})
}

// Eight at once make one download; those that wait say so after a second.
func TestPullAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFixture(t, bodySize)
		f.srv.fault = func(n int, w http.ResponseWriter, r *http.Request) bool { time.Sleep(10 * time.Second); return false }
		var waiting, failed int
		var mu sync.Mutex
		f.o.Waiting = func() { mu.Lock(); defer mu.Unlock(); waiting++ }
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				store, err := OpenStore(f.store.Dir())
				if err == nil {
					_, err = store.Pull(t.Context(), f.entry, nil, f.o)
				}
				if err != nil {
					mu.Lock()
					defer mu.Unlock()
					failed++
					t.Error(err)
				}
			})
		}
		time.Sleep(2 * time.Second)
		_, err := f.store.Put(t.Context(), About{Name: "net", File: "x"}, strings.NewReader("x"), nil)
		wantError(t, err, "import net: another process is downloading or importing net")
		wantError(t, f.store.Remove("net"), "another process")
		wg.Wait()
		if f.srv.count() != 1 || waiting != 7 || failed != 0 {
			t.Errorf("%d requests, %d waited, %d failed", f.srv.count(), waiting, failed)
		}
		wantHeld(t, f.store, f.srv.body)
	})
}

// The one who waits can be told to stop.
func TestPullWaitsNoLongerThanItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFixture(t, bodySize)
		unlock, err := f.store.lock(t.Context(), "net", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := f.store.Pull(ctx, f.entry, nil, f.o); !errors.Is(err, context.DeadlineExceeded) || f.srv.count() > 0 {
			t.Errorf("%v, %d requests", err, f.srv.count())
		}
	})
}

// A disk that is full ends the pull and is not left full.
func TestPullDiskFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	bubble(t, func(t *testing.T) {
		f := newFixture(t, bodySize)
		write(t, filepath.Join(f.store.Dir(), marker), "")
		if err := os.Mkdir(f.store.folder("net"), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/dev/full", filepath.Join(f.store.folder("net"), partialFile)); err != nil {
			t.Fatal(err)
		}
		_, err := f.pull()
		wantError(t, err, partialFile, "no space left on device", "300000 bytes are needed")
		wantNone(t, f.store)
		wantFolder(t, f.store)
		if f.srv.count() != 1 {
			t.Errorf("%d requests", f.srv.count())
		}
	})
}

// What had come before the disk was full is removed as well.
func TestFullRemovesTheRest(t *testing.T) {
	dir := t.TempDir()
	part, err := openPartial(dir, siteURL, Entry{})
	if err != nil {
		t.Fatal(err)
	}
	defer part.close()
	if err := errors.Join(part.restart(origin{URL: siteURL, ETag: `"v1"`, Size: 10}), part.write([]byte("12345"))); err != nil {
		t.Fatal(err)
	}
	d := download{part: part}
	wantError(t, d.full(errors.New("full")), "full (10 bytes are needed)")
	if info, err := os.Stat(filepath.Join(dir, partialFile)); err != nil || info.Size() != 0 || part.have != 0 {
		t.Errorf("%v bytes, %v", info.Size(), err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		value, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"7", "", 7 * time.Second},
		{"-7", "", 0},
		{"x", "", 0},
		{"99999999999999999999", "", 0},
		{"4294967295", "", 4294967295 * time.Second},
		{"Thu, 01 Jan 2026 00:00:09 GMT", "", 9 * time.Second},
		{"Thu, 01 Jan 2026 00:00:09 GMT", "Thu, 01 Jan 2026 00:00:04 GMT", 5 * time.Second}, // our clock is slow
		{"Thu, 01 Jan 2025 00:00:09 GMT", "", 0},
	} {
		resp := &http.Response{Header: http.Header{"Retry-After": {c.value}, "Date": {c.date}}}
		if got := retryAfter(resp, now); got != c.want {
			t.Errorf("%q at %q: %v, want %v", c.value, c.date, got, c.want)
		}
	}
}

// A failed pull leaves the file that was there.
func TestPullKeepsTheOld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFixture(t, bodySize)
		old := []byte("my own weights")
		if _, err := f.store.Put(t.Context(), About{Name: "net", File: "net.pth"}, bytes.NewReader(old), nil); err != nil {
			t.Fatal(err)
		}
		f.o.Check = func(path string) error { return errors.New("no") }
		if _, err := f.pull(); err == nil {
			t.Fatal("no error")
		}
		wantHeld(t, f.store, old)
		f.o.Check = nil
		if _, err := f.pull(); err != nil {
			t.Fatal(err)
		}
		wantHeld(t, f.store, f.srv.body)
		synctest.Wait()
	})
}
