package nn

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Pool is a set of workers that share the work of a pass through a network. The caller of Run works along,
// so that a Pool of n threads has n-1 goroutines. A nil Pool runs everything on the caller.
//
// Steps of a network take microseconds, less than it takes to wake a sleeping thread. Between Begin and End the
// workers therefore spin, ready for the next Run; outside they sleep and use no CPU, but for a moment after End, which
// spares passes that follow one another the waking.
type Pool struct {
	threads int
	wake    []chan struct{} // one a worker; each holds at most one token
	done    sync.WaitGroup
	close   sync.Once

	pass    sync.Mutex  // held from Begin to End
	active  atomic.Bool // a pass is on
	job     sync.Mutex  // held while f is being run
	open    atomic.Bool // f and n may be read by those counted in inside
	inside  atomic.Int64
	next    atomic.Int64 // the first index that nobody has taken
	left    atomic.Int64 // indices not finished
	n       int64
	f       func(i int)
	epoch   atomic.Uint64 // counts jobs
	closing atomic.Bool
}

// Spins before a waiting goroutine lets others run: about a millisecond, longer than a step of a pass.
const patience = 1 << 20

// Spins of a worker after a pass before it sleeps: some 40 µs, about what it takes to wake one.
const linger = 1 << 15

// NewPool returns a Pool of the given number of threads, but of at most GOMAXPROCS; 0 or less means GOMAXPROCS.
// Close ends its goroutines.
func NewPool(threads int) *Pool {
	limit := runtime.GOMAXPROCS(0)
	if threads <= 0 || threads > limit {
		threads = limit
	}
	p := &Pool{threads: threads}
	for range threads - 1 {
		c := make(chan struct{}, 1)
		p.wake = append(p.wake, c)
		p.done.Add(1)
		go p.work(c)
	}
	return p
}

// Threads returns the number of threads, 1 for a nil Pool.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return p.threads
}

// Close ends the workers, once passes in progress have ended. A closed Pool runs everything on the caller.
func (p *Pool) Close() {
	if p == nil {
		return
	}
	p.close.Do(func() {
		p.pass.Lock()
		defer p.pass.Unlock()
		p.closing.Store(true)
		for _, c := range p.wake {
			close(c)
		}
		p.done.Wait()
	})
}

// Begin starts a pass: the workers wake and stay awake until End, which must follow. Passes of several
// callers come one after another.
func (p *Pool) Begin() {
	if p == nil {
		return
	}
	p.pass.Lock()
	p.rouse()
}

// End ends the pass that Begin started.
func (p *Pool) End() {
	if p == nil {
		return
	}
	p.active.Store(false)
	p.pass.Unlock()
}

func (p *Pool) rouse() {
	if p.closing.Load() {
		return
	}
	p.active.Store(true)
	for _, c := range p.wake {
		select {
		case c <- struct{}{}:
		default: // it has one already
		}
	}
}

// Run calls f(0) … f(n-1), each once, and returns when all are done. Outside a pass it is a pass of its own.
// While the workers are busy with another Run, that of another caller or the one from whose f this is called,
// all of it runs on the caller.
func (p *Pool) Run(n int, f func(i int)) {
	if p == nil || n < 2 || p.threads == 1 || !p.job.TryLock() {
		for i := range n {
			f(i)
		}
		return
	}
	defer p.job.Unlock()
	if p.pass.TryLock() {
		p.rouse()
		defer p.End()
	}
	p.n, p.f = int64(n), f
	p.next.Store(0)
	p.left.Store(int64(n))
	p.epoch.Add(1)
	p.open.Store(true)
	p.take()
	wait(func() bool { return p.left.Load() == 0 })
	// A worker that is late may still be between its look at open and its look at next: f and n change
	// only when it is out.
	p.open.Store(false)
	wait(func() bool { return p.inside.Load() == 0 })
	p.f = nil
}

// take runs indices of the job until none is left to take.
func (p *Pool) take() {
	for {
		i := p.next.Add(1) - 1
		if i >= p.n {
			return
		}
		p.f(int(i))
		p.left.Add(-1)
	}
}

// wait spins until ready. It yields only after a long time: yielding is what puts two workers on one
// processor, but without it a caller might wait for a worker that has none.
func wait(ready func() bool) {
	for spins := 0; !ready(); spins++ {
		if spins > patience {
			runtime.Gosched()
		}
	}
}

// work is a worker: asleep until woken, then looking for jobs until the pass ends and no other has begun soon after.
func (p *Pool) work(wake <-chan struct{}) {
	defer p.done.Done()
	for range wake {
		seen, spins := uint64(0), 0
		for idle := 0; idle < linger; {
			if !p.active.Load() {
				idle++
				continue
			}
			idle = 0
			if e := p.epoch.Load(); e != seen && p.help() {
				seen, spins = e, 0
				continue
			}
			if spins++; spins > patience {
				runtime.Gosched()
			}
		}
	}
}

// help takes part in the open job and reports whether there was one.
func (p *Pool) help() bool {
	if !p.open.Load() {
		return false
	}
	p.inside.Add(1)
	defer p.inside.Add(-1)
	if !p.open.Load() {
		return false
	}
	p.take()
	return true
}
