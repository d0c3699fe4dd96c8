package hub

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/graft-ml/graft/internal/atomicfile"
)

// PullOptions say how a file is fetched. The zero value fetches it from where it is published.
type PullOptions struct {
	// Mirror is an address, https or http, to which the path and the query of the published URL are
	// appended: with https://m.example/hf, https://huggingface.co/timm/x is fetched from
	// https://m.example/hf/timm/x. What it serves must have the same digest.
	Mirror string

	// Offline refuses to fetch: the error says how to import the file instead.
	Offline bool

	// Token returns the token of a host (with its port, if not the usual one), or "". It is sent as a
	// bearer token, over https and to that host only; nil sends none.
	Token func(host string) string

	// Progress is called, from the caller's goroutine, when there are done of total bytes; total is 0
	// where the server does not say. done goes back to 0 when a download has to begin again.
	Progress func(done, total int64)

	// Waiting is called once if another process has been fetching the same name for a second. Pull waits
	// for it until the context ends, and takes over if that process dies.
	Waiting func()

	// Check is given the path of the verified file and can refuse it.
	Check func(path string) error

	// Transport carries the requests; nil is a transport of the call's own, which obeys HTTPS_PROXY,
	// HTTP_PROXY and NO_PROXY.
	Transport http.RoundTripper
}

// Pull fetches a published file into the store and returns what is then there. A file that is there already,
// with the right digest, is not fetched again; another one of that name is replaced. What an earlier call
// has fetched is used, if the server has the same version still. Nothing is seen in the store before the
// digest is verified.
func (s *Store) Pull(ctx context.Context, e Entry, facts map[string]string, o PullOptions) (About, error) {
	if err := CheckName(e.Name); err != nil {
		return About{}, err
	}
	about, err := s.pull(ctx, e, facts, o)
	if err != nil {
		return About{}, fmt.Errorf("pull %s: %w", e.Name, err)
	}
	return about, nil
}

func (s *Store) pull(ctx context.Context, e Entry, facts map[string]string, o PullOptions) (About, error) {
	if err := e.check(); err != nil {
		return About{}, err
	}
	if about, ok := s.holds(ctx, e); ok {
		return about, nil
	}
	switch {
	case e.URL == "":
		return About{}, fmt.Errorf("no address of it is known: %s", e.byHand())
	case o.Offline:
		return About{}, fmt.Errorf("it is not in the store, and fetching is turned off: %s", e.byHand())
	}
	u, err := e.address(o.Mirror)
	if err != nil {
		return About{}, err
	}
	waiting := o.Waiting
	if waiting == nil {
		waiting = func() {}
	}
	unlock, err := s.lock(ctx, e.Name, waiting)
	if err != nil {
		return About{}, err
	}
	defer unlock()
	if about, ok := s.holds(ctx, e); ok { // whoever had the lock has brought it
		return about, nil
	}
	defer s.sweep(e.Name, partialFile, partialOrigin)
	return s.fetch(ctx, e, facts, u, o)
}

// fetch downloads, verifies and commits, in that order.
func (s *Store) fetch(ctx context.Context, e Entry, facts map[string]string, u *url.URL, o PullOptions) (About, error) {
	part, err := openPartial(s.folder(e.Name), shown(u), e)
	if err != nil {
		return About{}, err
	}
	d := newDownload(e, u, o, part)
	sum, err := d.run(ctx)
	d.close()
	if err != nil {
		if part.have == 0 {
			part.remove()
		}
		return About{}, err
	}
	a := About{Name: e.Name, File: e.File, Size: sum.size, SHA256: sum.sha256, Source: shown(u), Facts: facts}
	slot := s.slot(e.Name, e.File)
	if err := atomicfile.Rename(part.f.Name(), filepath.Join(s.folder(e.Name), slot)); err != nil {
		return About{}, err
	}
	os.Remove(filepath.Join(s.folder(e.Name), partialOrigin))
	return a, s.commit(a, slot, o.Check)
}

// holds reports whether the store has the file of e, by its bytes. Where only the server knows the digest, the
// file that was fetched from it is the one.
func (s *Store) holds(ctx context.Context, e Entry) (About, bool) {
	path, about, ok, err := s.Path(e.Name)
	if err != nil || !ok || about.File != e.File {
		return About{}, false
	}
	sum, err := sumFile(ctx, path)
	return about, err == nil && sum.sha256 == about.SHA256 && e.verify(sum) == nil
}

// sums is what identifies a file's bytes.
type sums struct {
	size        int64
	sha256, md5 string
}

// sumFile reads a whole file.
func sumFile(ctx context.Context, path string) (sums, error) {
	f, err := os.Open(path)
	if err != nil {
		return sums{}, err
	}
	defer f.Close()
	h, m := sha256.New(), md5.New()
	n, err := io.CopyBuffer(io.MultiWriter(h, m), ctxReader{ctx, f}, make([]byte, 256<<10))
	return sums{n, hex.EncodeToString(h.Sum(nil)), hex.EncodeToString(m.Sum(nil))}, err
}

// verify compares with all that is known of e.
func (e Entry) verify(s sums) error {
	switch {
	case e.Size > 0 && s.size != e.Size:
		return fmt.Errorf("%s: %d bytes, want %d", e.File, s.size, e.Size)
	case !strings.HasPrefix(s.sha256, e.SHA256):
		return fmt.Errorf("%s: sha256 is %s, want %s", e.File, s.sha256, e.SHA256)
	case e.MD5 != "" && s.md5 != e.MD5:
		return fmt.Errorf("%s: md5 is %s, want %s", e.File, s.md5, e.MD5)
	}
	return nil
}
