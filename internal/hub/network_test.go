package hub

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// network is an internet in memory: hosts by "name:port", with real HTTP and TLS over net.Pipe. In a bubble of
// synctest its clock is fake, so that stalls and waits of minutes take no time and are measured exactly.
type network struct {
	t     *testing.T
	hosts map[string]listener
}

type listener chan net.Conn

func (l listener) Accept() (net.Conn, error) {
	if c, ok := <-l; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l listener) Close() error   { return nil }
func (l listener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "pipe"} }

func newNetwork(t *testing.T) *network { return &network{t, map[string]listener{}} }

// serve adds a host: with TLS, if its port is 443.
func (n *network) serve(addr string, h http.HandlerFunc) {
	l := make(listener)
	n.hosts[addr] = l
	srv := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	var on net.Listener = l
	if _, port, _ := net.SplitHostPort(addr); port == "443" {
		on = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate()}})
	}
	go srv.Serve(on)
	n.t.Cleanup(func() { close(l); srv.Close() })
}

// transport is the package's own, dialling into the network.
func (n *network) transport() *http.Transport {
	tr := newTransport()
	tr.Proxy = nil
	tr.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	tr.DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) {
		l, ok := n.hosts[addr]
		if addr == "unknown.example:443" {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}}
		}
		if !ok {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("connection refused")}
		}
		here, there := net.Pipe()
		select {
		case l <- there:
			return here, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	n.t.Cleanup(tr.CloseIdleConnections)
	return tr
}

var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1<<32, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// content returns n bytes that repeat nowhere.
func content(n int) []byte {
	b := make([]byte, 0, n+32)
	for i := 0; len(b) < n; i++ {
		sum := sha256.Sum256(fmt.Append(nil, i))
		b = append(b, sum[:]...)
	}
	return b[:n]
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func md(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

// server serves body with an ETag, Range and If-Range, as net/http does it.
type server struct {
	body []byte
	etag string
	// fault, if it returns true, has answered request number n (from 1) itself.
	fault func(n int, w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	requests []*http.Request
	at       []time.Time
	served   int64 // bytes of body
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests, s.at = append(s.requests, r), append(s.at, time.Now())
	n := len(s.requests)
	s.mu.Unlock()
	cw := &countingWriter{ResponseWriter: w, s: s}
	if s.fault != nil && s.fault(n, cw, r) {
		return
	}
	s.whole(cw, r)
}

// count returns how many requests have come, sent how many bytes were written in answer.
func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

func (s *server) sent() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served
}

// whole answers as a good server does.
func (s *server) whole(w http.ResponseWriter, r *http.Request) {
	if s.etag != "" {
		w.Header().Set("ETag", s.etag)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.body))
}

type countingWriter struct {
	http.ResponseWriter
	s *server
}

func (w *countingWriter) Write(b []byte) (int, error) {
	w.s.mu.Lock()
	w.s.served += int64(len(b)) // before the client can see them
	w.s.mu.Unlock()
	return w.ResponseWriter.Write(b)
}

func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// cut answers as a good server does, but for the connection, which ends after n bytes of the body.
func (s *server) cut(w http.ResponseWriter, r *http.Request, n int) {
	s.whole(&cutWriter{ResponseWriter: w, left: n}, r)
}

type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(b []byte) (int, error) {
	if len(b) < w.left {
		w.left -= len(b)
		return w.ResponseWriter.Write(b)
	}
	w.ResponseWriter.Write(b[:w.left])
	http.NewResponseController(w.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func (w *cutWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

const site, siteURL = "site.example:443", "https://site.example/w/net.pth"

// fixture is a server with a file, its entry, and an empty store.
type fixture struct {
	*network
	srv   *server
	entry Entry
	store *Store
	o     PullOptions
}

func newFixture(t *testing.T, size int) *fixture {
	body := content(size)
	f := &fixture{network: newNetwork(t), srv: &server{body: body, etag: `"v1"`}}
	f.serve(site, f.srv.ServeHTTP)
	f.entry = Entry{Name: "net", URL: siteURL, File: "net.pth", Size: int64(size), SHA256: sha(body)}
	f.store = openStore(t, t.TempDir())
	f.o = PullOptions{Transport: f.transport()}
	return f
}

func openStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *fixture) pull() (About, error) {
	return f.store.Pull(f.t.Context(), f.entry, map[string]string{"arch": "net"}, f.o)
}

// bubble runs a test in a bubble, where time is fake.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}
