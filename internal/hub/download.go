package hub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

const (
	// maxTries bounds the requests for one file (each with its redirects); a try that brings some bytes
	// counts as well. A later call goes on from there.
	maxTries = 6

	// maxUnreached is the same while no server has answered at all: whoever has no network need not wait
	// for half a minute to be told so.
	maxUnreached = 3

	// stallAfter is how long a try lasts without a byte.
	stallAfter = 30 * time.Second

	// firstWait is how long the second try is put off, doubled for each further one.
	firstWait = time.Second

	// maxWait is the longest that a server's Retry-After is obeyed; beyond it the user is told.
	maxWait = 2 * time.Minute
)

// again is an error that another try may mend.
type again struct {
	error
	after  time.Duration // at least, as the server has asked
	atOnce bool          // waiting would not help
}

func (a again) Unwrap() error { return a.error }

// download is one call of Pull on its way.
type download struct {
	entry     Entry
	url       *url.URL
	o         PullOptions
	transport http.RoundTripper
	part      *partial
	linked    origin // Size and SHA256 as the server names them beside a redirect
	reached   bool   // some server has answered
	whole     bool   // the bytes at hand are all of one answer
	close     func()
}

func newDownload(e Entry, u *url.URL, o PullOptions, part *partial) *download {
	d := &download{entry: e, url: u, o: o, transport: o.Transport, part: part, close: part.close}
	if d.transport == nil {
		t := newTransport()
		d.transport = t
		d.close = func() { part.close(); t.CloseIdleConnections() }
	}
	return d
}

// newTransport is the default one, which obeys the proxy variables, with HTTP/1.1 only: a second try then
// never goes over the connection on which the first one has stalled.
func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true // bytes are counted and ranges asked for as they are stored
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	return t
}

// run tries until the partial file is complete and verified.
func (d *download) run(ctx context.Context) (sums, error) {
	if err := checkRoom(d.part.folder, d.entry.Size-d.part.have); err != nil {
		return sums{}, err
	}
	for try := 1; ; try++ {
		s, err := d.try(ctx)
		if err == nil {
			return s, nil
		}
		if ctx.Err() != nil {
			return sums{}, context.Cause(ctx)
		}
		a, ok := errors.AsType[again](err)
		if !ok {
			return sums{}, err
		}
		if try == maxTries || !d.reached && try == maxUnreached {
			return sums{}, d.giveUp(try, a.error)
		}
		if a.atOnce {
			continue
		}
		if err := sleep(ctx, max(a.after, backOff(try))); err != nil {
			return sums{}, err
		}
	}
}

// backOff is half to all of a wait that doubles, so that many who were cut off at once do not return at once.
func backOff(try int) time.Duration {
	wait := firstWait << (try - 1)
	return wait/2 + rand.N(wait/2+1)
}

func (d *download) giveUp(tries int, err error) error {
	if d.part.have > 0 {
		return fmt.Errorf("gave up after %d tries: %w; the first %d bytes are kept: run it again to go on", tries, err, d.part.have)
	}
	return fmt.Errorf("gave up after %d tries: %w; without a network, %s", tries, err, d.entry.byHand())
}

// try fetches what is missing, and verifies.
func (d *download) try(ctx context.Context) (sums, error) {
	if !d.part.complete() {
		if err := d.request(ctx); err != nil {
			return sums{}, err
		}
	}
	s, err := sumFile(ctx, d.part.f.Name())
	if err != nil {
		return sums{}, err
	}
	if err = d.verify(s); err == nil {
		return s, nil
	}
	// The bytes are worth nothing. Where some are of an earlier answer, or from before a power cut, a new
	// beginning can bring the right ones; otherwise the server has others than the entry is about.
	whole := d.whole
	if err := d.restart(origin{}); err != nil {
		return sums{}, err
	}
	if !whole {
		return sums{}, again{error: err, atOnce: true}
	}
	return sums{}, err
}

// verify compares with the entry, and with what the server has named.
func (d *download) verify(s sums) error {
	e := d.entry
	if e.HubDigest { // it begins with the entry's own, if there is one
		e.SHA256 = d.part.origin.SHA256
	}
	return e.verify(s)
}

// restart drops what is there and expects all of o.
func (d *download) restart(o origin) error {
	d.whole = true
	return d.part.restart(o)
}
