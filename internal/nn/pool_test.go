package nn

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// procs sets GOMAXPROCS for one test.
func procs(t *testing.T, n int) {
	old := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(old) })
}

func newTestPool(t *testing.T, threads int) *Pool {
	p := NewPool(threads)
	t.Cleanup(p.Close)
	return p
}

func TestPoolRunsEachOnce(t *testing.T) {
	procs(t, 5)
	for _, p := range []*Pool{nil, newTestPool(t, 1), newTestPool(t, 2), newTestPool(t, 5)} {
		for _, n := range []int{0, 1, 2, 7, 100} {
			for range 20 {
				count := make([]atomic.Int32, n)
				p.Run(n, func(i int) { count[i].Add(1) })
				for i := range count {
					if c := count[i].Load(); c != 1 {
						t.Fatalf("%d threads, n %d: f(%d) ran %d times", p.Threads(), n, i, c)
					}
				}
			}
		}
	}
}

func TestPoolPass(t *testing.T) {
	procs(t, 3)
	p := newTestPool(t, 3)
	var sum atomic.Int64
	for range 50 {
		p.Begin()
		for range 10 {
			p.Run(8, func(i int) { sum.Add(int64(i)) })
		}
		p.End()
	}
	if want := int64(50 * 10 * 28); sum.Load() != want {
		t.Errorf("sum %d, want %d", sum.Load(), want)
	}
}

// A Run from within a Run is serial and does not wait for itself.
func TestPoolNested(t *testing.T) {
	procs(t, 2)
	p := newTestPool(t, 2)
	var calls atomic.Int32
	p.Run(6, func(int) { p.Run(5, func(int) { calls.Add(1) }) })
	if calls.Load() != 30 {
		t.Errorf("%d calls, want 30", calls.Load())
	}
}

func TestPoolManyCallers(t *testing.T) {
	procs(t, 2)
	p := newTestPool(t, 2)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for range 20 {
				if g%2 == 0 {
					p.Begin()
					defer p.End()
				}
				var sum atomic.Int64
				p.Run(10, func(i int) { sum.Add(int64(i)) })
				if sum.Load() != 45 {
					t.Errorf("sum %d, want 45", sum.Load())
				}
				if g%2 == 0 {
					return
				}
			}
		})
	}
	wg.Wait()
}

// With one processor there are no workers to wait for.
func TestPoolOneProc(t *testing.T) {
	procs(t, 1)
	p := newTestPool(t, 8)
	if p.Threads() != 1 {
		t.Errorf("%d threads on one processor", p.Threads())
	}
	n := 0
	p.Run(10, func(int) { n++ })
	if n != 10 {
		t.Errorf("%d calls, want 10", n)
	}
}

// GOMAXPROCS may shrink after the pool was made; the caller must then let the workers run.
func TestPoolFewerProcsLater(t *testing.T) {
	procs(t, 4)
	p := newTestPool(t, 4)
	runtime.GOMAXPROCS(1)
	p.Begin()
	var sum atomic.Int64
	for range 5 {
		p.Run(10, func(i int) { sum.Add(int64(i)) })
	}
	p.End()
	if sum.Load() != 5*45 {
		t.Errorf("sum %d, want %d", sum.Load(), 5*45)
	}
}

func TestPoolClosed(t *testing.T) {
	p := NewPool(2)
	p.Close()
	p.Close()
	n := 0
	p.Begin()
	p.Run(4, func(int) { n++ })
	p.End()
	if n != 4 {
		t.Errorf("%d calls, want 4", n)
	}
}

// A pass in which the pool has nothing to do allocates nothing.
func TestPoolAllocs(t *testing.T) {
	procs(t, 2)
	p := newTestPool(t, 2)
	var n atomic.Int64
	f := func(int) { n.Add(1) }
	if a := testing.AllocsPerRun(20, func() { p.Begin(); p.Run(4, f); p.End() }); a != 0 {
		t.Errorf("%v allocations a pass", a)
	}
}
