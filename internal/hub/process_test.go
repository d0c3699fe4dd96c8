package hub

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// child is the variable that makes this test binary a process that pulls: a JSON of childJob.
const child = "GRAFT_HUB_TEST_PULL"

type childJob struct {
	Dir, Mirror string
	Entry       Entry
}

// TestChild is not a test but the process that the others start.
func TestChild(t *testing.T) {
	var job childJob
	if err := json.Unmarshal([]byte(os.Getenv(child)), &job); err != nil {
		t.Skip("not started by another test")
	}
	_, err := openStore(t, job.Dir).Pull(t.Context(), job.Entry, nil, PullOptions{
		Mirror:   job.Mirror,
		Progress: func(done, total int64) { fmt.Println("progress", done) },
	})
	if err != nil {
		t.Fatal(err)
	}
}

func startChild(t *testing.T, job childJob, env ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	b, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(append(os.Environ(), child+"="+string(b)), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// A process is killed again and again in the middle of its download. The next ones use what it has left, and
// no file is seen before it is whole.
func TestPullKilled(t *testing.T) {
	t.Parallel()
	const size, kills = 4 << 20, 4
	f := &fixture{network: newNetwork(t), srv: &server{body: content(size), etag: `"v1"`}}
	f.srv.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
		f.srv.whole(&slowWriter{w, r}, r)
		return true
	}
	web := httptest.NewServer(f.srv)
	defer web.Close()
	f.store = openStore(t, t.TempDir())
	job := childJob{f.store.Dir(), web.URL, Entry{Name: "net", URL: siteURL, File: "net.pth", SHA256: sha(f.srv.body)[:8]}}
	for kill := range int64(kills) {
		cmd, out := startChild(t, job)
		for out.Scan() {
			done, err := strconv.ParseInt(strings.TrimPrefix(out.Text(), "progress "), 10, 64)
			if err == nil && done > (kill+1)*size/(kills+1) {
				break
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for out.Scan() { // to the end of the pipe, as Wait wants it
		}
		if cmd.Wait() == nil {
			t.Fatal("the process was done before it was killed")
		}
		wantNone(t, f.store)
	}
	f.entry, f.o.Mirror = job.Entry, web.URL
	if _, err := f.pull(); err != nil {
		t.Fatal(err)
	}
	wantHeld(t, f.store, f.srv.body)
	if n := f.srv.count(); n != kills+1 {
		t.Errorf("%d requests, want %d", n, kills+1)
	}
	// What is served twice is what was in flight: buffers of sockets, some MB at the very most.
	if most := int64(size + kills*size/3); f.srv.sent() > most {
		t.Errorf("%d bytes served of %d, want at most %d", f.srv.sent(), size, most)
	}
}

// slowWriter sends small pieces, so that a reader can be met in the middle.
type slowWriter struct {
	http.ResponseWriter
	r *http.Request
}

func (w *slowWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	http.NewResponseController(w.ResponseWriter).Flush()
	select {
	case <-time.After(time.Millisecond / 2):
	case <-w.r.Context().Done():
		return n, w.r.Context().Err()
	}
	return n, err
}

// The usual variables name a proxy: package http reads them once, so that it takes a process to see it.
func TestPullThroughProxy(t *testing.T) {
	f := &fixture{network: newNetwork(t), srv: &server{body: content(bodySize)}}
	var asked string
	f.srv.fault = func(n int, w http.ResponseWriter, r *http.Request) bool { asked = r.URL.String(); return false }
	proxy := httptest.NewServer(f.srv)
	defer proxy.Close()
	f.store = openStore(t, t.TempDir())
	job := childJob{f.store.Dir(), "http://mirror.invalid/m", Entry{Name: "net", URL: siteURL, File: "net.pth", SHA256: sha(f.srv.body)}}
	cmd, out := startChild(t, job, "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=")
	var lines []string
	for out.Scan() {
		lines = append(lines, out.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, lines)
	}
	if asked != "http://mirror.invalid/m/w/net.pth" {
		t.Errorf("proxy was asked for %q", asked)
	}
	wantHeld(t, f.store, f.srv.body)
}

// A large file takes no more memory than a small one.
func TestPullMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 64 MiB")
	}
	const size, limit = 64 << 20, 16 << 20
	sum := sha(make([]byte, size))
	f := newFixture(t, 1)
	f.serve("big.example:80", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		b := make([]byte, 1<<20)
		for range size / len(b) {
			w.Write(b)
		}
	})
	f.entry.Size, f.entry.SHA256, f.o.Mirror = size, sum, "http://big.example"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := f.pull()
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > limit {
		t.Errorf("%d bytes were allocated for a file of %d, want at most %d", n, size, limit)
	}
}

// Whatever a server does, the file is right or absent, and the requests are bounded.
func TestPullProperty(t *testing.T) {
	t.Parallel()
	const size = 5000
	body := content(size)
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		checks.Value.Set("30")
		defer checks.Value.Set(checks.DefValue)
	}
	rapid.Check(t, func(rt *rapid.T) {
		faults := rapid.SliceOfN(rapid.SampledFrom([]string{"none", "cut", "stall", "zeros", "200", "206 lie", "416", "429", "503", "new version", "no etag", "short"}), 0, 8).Draw(rt, "faults")
		at := rapid.SliceOfN(rapid.IntRange(0, size), len(faults), len(faults)).Draw(rt, "at")
		var err error
		var requests int
		var held []byte
		var left []os.DirEntry
		bubble(t, func(t *testing.T) {
			f := newFixture(t, size)
			f.srv.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
				return n <= len(faults) && f.misbehave(faults[n-1], at[n-1], w, r)
			}
			f.o.Mirror = "http://site.example"
			f.serve("site.example:80", f.srv.ServeHTTP)
			_, err = f.pull()
			requests = f.srv.count()
			if path, _, ok, _ := f.store.Path("net"); ok {
				held, _ = os.ReadFile(path)
			}
			left, _ = os.ReadDir(f.store.folder("net"))
		})
		switch {
		case requests > maxTries:
			rt.Errorf("%d requests", requests)
		case err == nil && (string(held) != string(body) || len(left) != 2):
			rt.Errorf("no error, but %d bytes, %v", len(held), left)
		case err != nil && held != nil:
			rt.Errorf("%v, but %d bytes in the store", err, len(held))
		case err != nil && strings.Contains(err.Error(), "\n"):
			rt.Errorf("error of more than one line: %v", err)
		}
	})
}

// misbehave answers in one of the ways in which servers, proxies and networks fail.
func (f *fixture) misbehave(how string, at int, w http.ResponseWriter, r *http.Request) bool {
	s := f.srv
	switch how {
	case "cut":
		s.cut(w, r, at)
	case "stall":
		w.Header().Set("ETag", s.etag)
		w.Header().Set("Content-Length", strconv.Itoa(len(s.body)))
		w.Write(s.body[:at])
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	case "zeros":
		w.Header().Set("ETag", s.etag)
		w.Write(make([]byte, len(s.body)))
	case "short":
		w.Write(s.body[:at])
	case "200":
		r.Header.Del("Range")
		return false
	case "206 lie":
		w.Header().Set("ETag", s.etag)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, len(s.body)-1, len(s.body)))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(s.body[min(at+1, len(s.body)):])
	case "416", "429", "503":
		code, _ := strconv.Atoi(how)
		w.WriteHeader(code)
	case "new version":
		s.etag = fmt.Sprintf(`"v%d"`, at)
		return false
	case "no etag":
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(s.body)))
	default:
		return false
	}
	return true
}
