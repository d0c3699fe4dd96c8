package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxRedirects bounds the redirects of one try.
const maxRedirects = 5

// maxUnsized bounds a file of which nobody says how long it is.
const maxUnsized = 8 << 30

var errStalled = fmt.Errorf("no data for %v", stallAfter)

// request asks for the bytes that are missing and appends what comes.
func (d *download) request(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(stallAfter, func() { cancel(errStalled) })
	defer stall.Stop()
	alive := func() { stall.Reset(stallAfter) }
	resp, err := d.follow(ctx, alive)
	if err == nil {
		defer resp.Body.Close()
		if err = d.accept(resp); err == nil {
			err = d.receive(resp.Body, alive)
		}
	}
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return again{error: errStalled}
	}
	return err
}

// follow sends the request and follows redirects: by itself, so that each is judged, and so that what is
// secret is chosen anew for each host.
func (d *download) follow(ctx context.Context, alive func()) (*http.Response, error) {
	u := d.url
	for hop := 0; ; hop++ {
		resp, err := d.ask(ctx, u)
		if err != nil {
			return nil, d.network(u, err)
		}
		alive()
		d.reached = true
		if d.home(u) {
			if err := d.noteLinked(resp); err != nil {
				resp.Body.Close()
				return nil, err
			}
		}
		switch resp.StatusCode {
		case 301, 302, 303, 307, 308:
		default:
			return resp, nil
		}
		resp.Body.Close()
		next, err := u.Parse(resp.Header.Get("Location"))
		switch {
		case err != nil || next.Host == "" || next.Scheme != "https" && next.Scheme != "http":
			return nil, fmt.Errorf("%s redirects to no address", u.Host)
		case u.Scheme == "https" && next.Scheme == "http":
			return nil, fmt.Errorf("%s redirects from https to http, to %s: refused", u.Host, next.Host)
		case hop == maxRedirects:
			return nil, fmt.Errorf("%s redirects more than %d times", d.url.Host, maxRedirects)
		}
		u = next
	}
}

// home reports whether u is of the host that the entry, or the mirror, names.
func (d *download) home(u *url.URL) bool { return u.Host == d.url.Host && u.Scheme == d.url.Scheme }

// ask sends one request. A token goes to the host it is of, and over https only.
func (d *download) ask(ctx context.Context, u *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	if p := d.part; p.resumable() {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", p.have))
		req.Header.Set("If-Range", p.origin.ETag)
	}
	if token := d.token(u); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	} else if p, ok := d.url.User.Password(); ok && d.home(u) { // as the mirror's address names them
		req.SetBasicAuth(d.url.User.Username(), p)
	}
	resp, err := d.transport.RoundTrip(req)
	if err == nil {
		resp.Request = req
	}
	return resp, err
}

func (d *download) token(u *url.URL) string {
	if d.o.Token == nil || u.Scheme != "https" {
		return ""
	}
	return d.o.Token(u.Host)
}

// network says what went wrong before an answer came. A certificate that does not fit will not fit next time.
func (d *download) network(u *url.URL, err error) error {
	err = fmt.Errorf("%s: %w", u.Host, err)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return err
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound && !d.reached {
		return fmt.Errorf("%w; without a network, %s", err, d.entry.byHand())
	}
	return again{error: err}
}

// noteLinked takes the digest and the size that Hugging Face names on its own answer, before it redirects to
// where the bytes are.
func (d *download) noteLinked(resp *http.Response) error {
	if !d.entry.HubDigest {
		return nil
	}
	for _, key := range []string{"X-Linked-Etag", "Etag"} {
		if sum := strings.Trim(strings.TrimPrefix(resp.Header.Get(key), "W/"), `"`); sha256Form.MatchString(sum) {
			d.linked.SHA256 = sum
			break
		}
	}
	if n, err := strconv.ParseInt(resp.Header.Get("X-Linked-Size"), 10, 64); err == nil && n > 0 {
		d.linked.Size = n
	}
	if !strings.HasPrefix(d.linked.SHA256, d.entry.SHA256) && d.linked.SHA256 != "" {
		return fmt.Errorf("%s names sha256 %s, want %s", d.url.Host, d.linked.SHA256, d.entry.SHA256)
	}
	return nil
}

// accept judges an answer and makes the partial file fit it: the next byte of the body goes to its end.
func (d *download) accept(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusOK:
		o := origin{URL: shown(d.url), ETag: strongETag(resp), Size: max(resp.ContentLength, 0), SHA256: d.linked.SHA256}
		return d.begin(o)
	case http.StatusPartialContent:
		if err := d.fits(resp); err != nil {
			return d.afresh(err)
		}
		d.whole = false
		return checkRoom(d.part.folder, d.part.origin.Size-d.part.have)
	case http.StatusRequestedRangeNotSatisfiable:
		return d.afresh(fmt.Errorf("%s has fewer bytes than are here", host(resp)))
	}
	return d.refused(resp)
}

// begin starts a file of which the server may have said the length.
func (d *download) begin(o origin) error {
	if d.entry.HubDigest && o.SHA256 == "" {
		return fmt.Errorf("%s names no SHA-256 of it to verify it by: %s", d.url.Host, d.entry.byHand())
	}
	for _, known := range []int64{d.entry.Size, d.linked.Size} {
		switch {
		case o.Size == 0:
			o.Size = known
		case known > 0 && o.Size != known:
			return fmt.Errorf("%s: the server has %d bytes, want %d", d.entry.File, o.Size, known)
		}
	}
	if err := d.restart(o); err != nil {
		return err
	}
	return checkRoom(d.part.folder, o.Size)
}

// fits reports why an answer with a part of a file does not go on where the partial file ends.
func (d *download) fits(resp *http.Response) error {
	p := d.part
	first, total, ok := parseContentRange(resp.Header.Get("Content-Range"))
	etag := resp.Header.Get("Etag")
	switch {
	case !p.resumable():
		return fmt.Errorf("%s sends a part without being asked to", host(resp))
	case !ok || first != p.have || p.origin.Size > 0 && total != p.origin.Size:
		return fmt.Errorf("%s sends another part than was asked for", host(resp))
	case etag != "" && etag != p.origin.ETag, d.linked.SHA256 != p.origin.SHA256:
		return fmt.Errorf("%s has another version by now", host(resp))
	}
	return nil
}

// afresh is the error after which the next try begins with the first byte.
func (d *download) afresh(err error) error {
	if err := d.restart(origin{}); err != nil {
		return err
	}
	return again{error: err, atOnce: true}
}

// refused says what an answer without any bytes means.
func (d *download) refused(resp *http.Response) error {
	err := fmt.Errorf("%s answers %s for %s", host(resp), resp.Status, shown(d.url))
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		if d.token(d.url) != "" {
			return fmt.Errorf("%w: it does not take the token that was sent (HF_TOKEN)", err)
		}
		return fmt.Errorf("%w: it may need a token (HF_TOKEN)", err)
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= 500:
		after := retryAfter(resp, time.Now())
		if after > maxWait {
			return fmt.Errorf("%w and asks to come back in %v", err, after.Round(time.Second))
		}
		return again{error: err, after: after}
	}
	return err
}

// receive appends the body.
func (d *download) receive(body io.Reader, alive func()) error {
	p := d.part
	limit := p.origin.Size
	if limit == 0 {
		limit = maxUnsized
	}
	d.progress()
	for buf := make([]byte, 256<<10); ; {
		n, err := body.Read(buf)
		if n > 0 {
			alive()
			if p.have+int64(n) > limit {
				d.restart(origin{})
				return fmt.Errorf("%s: the server sends more than %d bytes", d.entry.File, limit)
			}
			if err := p.write(buf[:n]); err != nil {
				return d.full(err)
			}
			d.progress()
		}
		switch {
		case err == io.EOF && p.origin.Size == 0 && p.have > 0:
			o := p.origin
			o.Size = p.have
			return p.setOrigin(o)
		case err == io.EOF && p.complete():
			return nil
		case err == io.EOF:
			err = io.ErrUnexpectedEOF
			fallthrough
		case err != nil:
			return again{error: fmt.Errorf("%s: after %d bytes of %d: %w", d.url.Host, p.have, p.origin.Size, err)}
		}
	}
}

func (d *download) progress() {
	if d.o.Progress != nil {
		d.o.Progress(d.part.have, d.part.origin.Size)
	}
}

// full ends a download whose bytes cannot be written: what is there is removed, so that a disk that it has
// filled is not left so.
func (d *download) full(err error) error {
	need := d.part.origin.Size
	d.restart(origin{})
	return fmt.Errorf("%w (%d bytes are needed)", err, need)
}

// host is who has answered.
func host(resp *http.Response) string { return resp.Request.URL.Host }

// strongETag returns the ETag by which bytes of two answers may be put together, or "".
func strongETag(resp *http.Response) string {
	if tag := resp.Header.Get("Etag"); len(tag) > 2 && len(tag) < 1024 && tag[0] == '"' && tag[len(tag)-1] == '"' {
		return tag
	}
	return ""
}

// parseContentRange reads "bytes FIRST-LAST/TOTAL". A total that is not said, *, is not accepted.
func parseContentRange(s string) (first, total int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	span, size, ok2 := strings.Cut(s, "/")
	a, b, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return 0, 0, false
	}
	first, err1 := strconv.ParseInt(a, 10, 64)
	last, err2 := strconv.ParseInt(b, 10, 64)
	total, err3 := strconv.ParseInt(size, 10, 64)
	return first, total, err1 == nil && err2 == nil && err3 == nil && 0 <= first && first <= last && last < total
}

// retryAfter returns how long the server asks to be left alone: seconds, or a date, which is measured by the
// server's own clock.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	v := resp.Header.Get("Retry-After")
	if n, err := strconv.ParseUint(v, 10, 32); err == nil {
		return time.Duration(n) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = date
	}
	return max(at.Sub(now), 0)
}
