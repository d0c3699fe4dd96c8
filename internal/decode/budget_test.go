package decode

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestBudgetBoundsAndServesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(10)
		if err := b.acquire(t.Context(), 6); err != nil {
			t.Fatal(err)
		}
		var order []int64
		var mu sync.Mutex
		for _, n := range []int64{8, 3, 1} { // 3 and 1 would fit, and must not overtake 8
			go func() {
				if err := b.acquire(t.Context(), n); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, n)
				mu.Unlock()
			}()
			synctest.Wait()
		}
		if len(order) != 0 {
			t.Fatalf("%v were served while 6 of 10 are held", order)
		}
		b.release(6)
		synctest.Wait()
		if len(order) != 1 || order[0] != 8 {
			t.Fatalf("served %v, want 8 first and 3 not beside it", order)
		}
		b.release(8)
		synctest.Wait()
		if len(order) != 3 || b.used != 4 {
			t.Errorf("served %v with %d held, want all three and 4", order, b.used)
		}
	})
}

func TestBudgetCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(10)
		if err := b.acquire(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var first, second error
		var served atomic.Bool
		go func() { first = b.acquire(ctx, 9) }()
		synctest.Wait()
		go func() { second = b.acquire(t.Context(), 1); served.Store(true) }()
		synctest.Wait()
		b.release(2)
		synctest.Wait()
		if served.Load() {
			t.Fatal("the second was served before the first")
		}
		cancel() // the first gives up; its place must not block the second
		synctest.Wait()
		if !errors.Is(first, context.Canceled) || !served.Load() || second != nil || b.used != 9 {
			t.Errorf("first %v, second served %v with %v, %d held", first, served.Load(), second, b.used)
		}
	})
}

// A picture holds its pixels' share of the budget until it is released, and only once.
func TestImageHoldsItsPixels(t *testing.T) {
	b := NewBudget(1 << 20)
	m, err := Decode(t.Context(), golden(t, "420_61x43.jpg"), Options{Budget: b})
	if err != nil {
		t.Fatal(err)
	}
	if b.used != int64(len(m.Pix)) {
		t.Errorf("%d bytes held, want %d", b.used, len(m.Pix))
	}
	m.Release()
	m.Release()
	if b.used != 0 {
		t.Errorf("%d bytes held after the release", b.used)
	}
}
