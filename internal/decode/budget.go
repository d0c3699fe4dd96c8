package decode

import (
	"context"
	"slices"
	"sync"
)

// Budget bounds the bytes that pictures being decoded hold at once, over all workers that share it. Whoever
// comes first is served first, so that a large picture is not starved by small ones. A picture that needs
// more than the whole budget is decoded when nothing else is held. A nil Budget bounds nothing.
type Budget struct {
	mu      sync.Mutex
	total   int64
	used    int64
	waiting []*waiter
}

type waiter struct {
	n     int64
	ready chan struct{} // closed once n is held
}

// NewBudget returns a budget of the given number of bytes, at least one.
func NewBudget(bytes int64) *Budget { return &Budget{total: max(bytes, 1)} }

// clamp is n, or the whole budget where that is less.
func (b *Budget) clamp(n int64) int64 {
	if b == nil {
		return n
	}
	return min(n, b.total)
}

// acquire waits until n bytes are free and takes them; n must have passed clamp. It returns ctx's error if
// that comes first, with nothing taken.
func (b *Budget) acquire(ctx context.Context, n int64) error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	if len(b.waiting) == 0 && b.used+n <= b.total {
		b.used += n
		b.mu.Unlock()
		return nil
	}
	w := &waiter{n, make(chan struct{})}
	b.waiting = append(b.waiting, w)
	b.mu.Unlock()

	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.waiting, w); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	} else {
		b.used -= n // granted at the same moment
	}
	b.grant()
	return ctx.Err()
}

// release gives n bytes back.
func (b *Budget) release(n int64) {
	if b == nil || n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	b.grant()
}

// grant serves those who wait, in order, as far as the budget goes. b.mu is held.
func (b *Budget) grant() {
	for len(b.waiting) > 0 && b.used+b.waiting[0].n <= b.total {
		b.used += b.waiting[0].n
		close(b.waiting[0].ready)
		b.waiting = b.waiting[1:]
	}
}
