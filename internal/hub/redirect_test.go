package hub

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// seen notes what secrets a host was sent.
type seen map[string][]string

func (s seen) note(r *http.Request) { s[r.Host] = append(s[r.Host], r.Header.Get("Authorization")) }

func (s seen) want(t *testing.T, host string, auth ...string) {
	t.Helper()
	if got := s[host]; fmt.Sprint(got) != fmt.Sprint(auth) {
		t.Errorf("%s was sent %q, want %q", host, got, auth)
	}
}

// A token goes to its own host: not to a subdomain, another port or another host, but again to its own when
// that is redirected back to; and it stands in no error.
func TestTokenStaysAtHome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFixture(t, bodySize)
		seen := seen{}
		hop := func(addr, to string) {
			f.serve(addr, func(w http.ResponseWriter, r *http.Request) {
				seen.note(r)
				if r.Referer() != "" || r.Header.Get("Cookie") != "" {
					t.Errorf("%s was sent %v", r.Host, r.Header)
				}
				http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
				http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			})
		}
		f.srv.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
			seen.note(r)
			if n == 1 {
				http.Redirect(w, r, "https://cdn.site.example/a?signature=tokenlike", http.StatusFound)
			}
			return n == 1
		}
		hop("cdn.site.example:443", "https://site.example:8443/b")
		hop("site.example:8443", "")
		hop("other.example:443", siteURL)
		f.hosts["site.example:8443"] = f.hosts["other.example:443"] // TLS there too; the port is what differs
		f.o.Token = func(host string) string {
			if host == "site.example" {
				return "secret"
			}
			return ""
		}
		if _, err := f.pull(); err != nil {
			t.Fatal(err)
		}
		seen.want(t, "site.example", "Bearer secret", "Bearer secret")
		seen.want(t, "cdn.site.example", "")
		seen.want(t, "site.example:8443", "")
		wantHeld(t, f.store, f.srv.body)
	})
}

func TestErrorsHoldNoSecrets(t *testing.T) {
	for _, code := range []int{403, 404, 503} {
		bubble(t, func(t *testing.T) {
			f := newFixture(t, bodySize)
			f.srv.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, "https://cdn.example/a?signature=hidden", http.StatusFound)
				return true
			}
			f.serve("cdn.example:443", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) })
			f.o.Token = func(host string) string { return "secret" }
			f.o.Mirror = "https://user:password@site.example"
			_, err := f.pull()
			wantError(t, err, "cdn.example answers "+fmt.Sprint(code))
			for _, s := range []string{"secret", "hidden", "password"} {
				if strings.Contains(err.Error(), s) {
					t.Errorf("error %q holds %q", err, s)
				}
			}
		})
	}
}

func TestMirror(t *testing.T) {
	for _, c := range []struct{ mirror, url, want string }{
		{"https://m.example", siteURL, "https://m.example/w/net.pth"},
		{"https://m.example/", siteURL, "https://m.example/w/net.pth"},
		{"https://m.example/hf/", siteURL, "https://m.example/hf/w/net.pth"},
		{"http://localhost:8081/repository/hf", siteURL + "?download=true", "http://localhost:8081/repository/hf/w/net.pth?download=true"},
		{"https://m.example/x", "https://h.example/a%2Fb/c%20d", "https://m.example/x/a%2Fb/c%20d"},
		{"", siteURL + "#x", siteURL},
		{"m.example", siteURL, ""},
		{"https://", siteURL, ""},
		{"https://m.example/?x=1", siteURL, ""},
		{"https://m.example/#x", siteURL, ""},
		{"file:///x", siteURL, ""},
		{"", "https:x", ""},
		{"", "https://user:password@h.example/", ""},
	} {
		u, err := Entry{URL: c.url}.address(c.mirror)
		if got := fmt.Sprint(u); err == nil && got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s, mirror %s: %s, %v; want %s", c.url, c.mirror, got, err, c.want)
		}
	}
}

// A mirror on an intranet may be plain http, also where it redirects to; it is sent no bearer token.
func TestPullFromMirror(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFixture(t, bodySize)
		seen := seen{}
		f.serve("m.example:80", func(w http.ResponseWriter, r *http.Request) {
			seen.note(r)
			http.Redirect(w, r, "http://disk.m.example"+strings.TrimPrefix(r.URL.Path, "/hf"), http.StatusFound)
		})
		f.serve("disk.m.example:80", func(w http.ResponseWriter, r *http.Request) { seen.note(r); f.srv.ServeHTTP(w, r) })
		f.o.Mirror = "http://user:password@m.example/hf"
		f.o.Token = func(host string) string { return "secret" }
		about, err := f.pull()
		if err != nil {
			t.Fatal(err)
		}
		if about.Source != "http://m.example/hf/w/net.pth" || f.srv.requests[0].URL.Path != "/w/net.pth" {
			t.Errorf("%+v, asked for %s", about, f.srv.requests[0].URL)
		}
		seen.want(t, "m.example", "Basic dXNlcjpwYXNzd29yZA==")
		seen.want(t, "disk.m.example", "")
		wantHeld(t, f.store, f.srv.body)
	})
}

// Hugging Face names digest and size on its own answer, then redirects to where the bytes are, which have
// another ETag there; a repository that was renamed redirects on the same host before.
func TestPullHubDigest(t *testing.T) {
	sum := sha(content(bodySize))
	for _, c := range []struct {
		name   string
		header http.Header
		prefix string // of the digest, as the entry has it
		want   string // error; empty for none
	}{
		{"named", http.Header{"X-Linked-Etag": {`"` + sum + `"`}, "X-Linked-Size": {"300000"}, "Etag": {`"` + strings.Repeat("0", 40) + `"`}}, "", ""},
		{"without quotes", http.Header{"X-Linked-Etag": {sum}}, "", ""},
		{"by etag", http.Header{"Etag": {`W/"` + sum + `"`}}, "", ""},
		{"with the entry's own", http.Header{"X-Linked-Etag": {`"` + sum + `"`}}, sum, ""},
		{"not the entry's own", http.Header{"X-Linked-Etag": {`"` + sum + `"`}}, sha(nil), "site.example names sha256 " + sum + ", want " + sha(nil)},
		{"not named", http.Header{"Etag": {`"` + strings.Repeat("0", 40) + `"`}}, "", "site.example names no SHA-256"},
		{"of other bytes", http.Header{"X-Linked-Etag": {`"` + sha(nil) + `"`}}, "", "sha256 is " + sum + ", want " + sha(nil)},
		{"of another size", http.Header{"X-Linked-Etag": {`"` + sum + `"`}, "X-Linked-Size": {"300001"}}, "", "the server has 300000 bytes, want 300001"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFixture(t, bodySize)
				f.entry.Size, f.entry.SHA256, f.entry.HubDigest = 0, c.prefix, true
				cdn := &server{body: f.srv.body, etag: `"` + sha([]byte("the other host's")) + `"`}
				cdn.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
					if n == 1 {
						cdn.cut(w, r, 100_000)
					}
					return n == 1
				}
				f.serve("cdn.example:443", cdn.ServeHTTP)
				f.srv.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path == "/w/net.pth" {
						http.Redirect(w, r, "/renamed/net.pth", http.StatusTemporaryRedirect)
						return true
					}
					for k, v := range c.header {
						w.Header()[k] = v
					}
					http.Redirect(w, r, "https://cdn.example/x?signature=y", http.StatusFound)
					return true
				}
				about, err := f.pull()
				if c.want != "" {
					wantError(t, err, c.want)
					wantNone(t, f.store)
					wantFolder(t, f.store)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if cdn.sent() != bodySize || about.SHA256 != sum {
					t.Errorf("%d bytes served, %+v", cdn.sent(), about)
				}
				wantHeld(t, f.store, f.srv.body)
				if _, err := f.pull(); err != nil || cdn.count() != 2 {
					t.Errorf("second pull: %v, %d requests", err, cdn.count())
				}
			})
		})
	}
}

// The hub's digest outlives the process: what was complete before a kill is verified without the network.
func TestPullHubDigestIsKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFixture(t, bodySize)
		f.entry.SHA256, f.entry.HubDigest = "", true
		sum := sha(f.srv.body)
		for _, c := range []struct {
			digest   string
			requests int
		}{{sum, 0}, {sha(nil), 1}, {"", 2}, {"../x", 3}} {
			f.srv.etag = `"` + sum + `"`
			if err := f.store.Remove("net"); err != nil && c.requests > 0 {
				t.Fatal(err)
			}
			write(t, f.store.Dir()+"/"+marker, "")
			write(t, f.store.folder("net")+"/"+partialFile, string(f.srv.body))
			write(t, f.store.folder("net")+"/"+partialOrigin, `{"url":"`+siteURL+`","size":300000,"sha256":"`+c.digest+`"}`)
			if _, err := f.pull(); err != nil {
				t.Fatal(err)
			}
			wantHeld(t, f.store, f.srv.body)
			if f.srv.count() != c.requests {
				t.Errorf("digest %q: %d requests, want %d", c.digest, f.srv.count(), c.requests)
			}
		}
	})
}

func TestTransportUsesTheProxyVariables(t *testing.T) {
	req, err := http.NewRequest("GET", siteURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := newTransport().Proxy(req)
	want, wantErr := http.ProxyFromEnvironment(req)
	if fmt.Sprint(got, err) != fmt.Sprint(want, wantErr) {
		t.Errorf("%v, %v; want %v, %v", got, err, want, wantErr)
	}
	var _ *url.URL = got
}
