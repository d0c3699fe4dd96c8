package graft

import (
	"sync"
	"time"
)

// machineTime is how long one property of the machine is measured. The best of many short windows counts: whatever
// else runs can only slow it down, and leaves it alone for some milliseconds now and then.
const (
	machineTime   = 400 * time.Millisecond
	machineWindow = 2 * time.Millisecond
)

// measurePeak measures the speed of the multiplications and additions that kind does in so many loops, on one thread
// and on so many at once; nil where the processor has none of that kind.
func measurePeak(kind func(loops int) (ops int), threads int, limit time.Duration) *Peak {
	if kind(1) == 0 {
		return nil
	}
	const loops = 2000 // some ten microseconds, in which the goroutine cannot be stopped
	speed := func(threads int) float64 {
		return best(threads, limit, func(int) (ops int) {
			for start := time.Now(); time.Since(start) < machineWindow; {
				ops += kind(loops)
			}
			return ops
		})
	}
	p := &Peak{OneThread: speed(1)}
	p.AllThreads = p.OneThread
	if threads > 1 {
		p.AllThreads = speed(threads)
	}
	return p
}

// measureCopy measures in GB/s how fast so many threads together copy memory that is larger than most caches; what is
// read and what is written both count.
func measureCopy(threads int, limit time.Duration) float64 {
	const bytes = 256 << 20 // from and to
	src, dst := make([]float32, bytes/8), make([]float32, bytes/8)
	for i := range src {
		src[i] = 1 // a page that nobody has written may not be memory at all
	}
	part := len(src) / threads
	return best(threads, limit, func(i int) int {
		return 8 * copy(dst[i*part:(i+1)*part], src[i*part:])
	})
}

// best runs work on so many threads at once, again and again for the time of limit, and returns the most that they
// did a nanosecond together: billions a second.
func best(threads int, limit time.Duration, work func(thread int) (done int)) float64 {
	most := 0.0
	limit = min(limit, machineTime)
	for begin, n := time.Now(), 0; n < 2 || time.Since(begin) < limit; n++ {
		done := make([]int, threads)
		var all sync.WaitGroup
		start := time.Now()
		for i := range threads {
			all.Go(func() { done[i] = work(i) })
		}
		all.Wait()
		elapsed, sum := time.Since(start), 0
		for _, n := range done {
			sum += n
		}
		most = max(most, float64(sum)/float64(max(elapsed.Nanoseconds(), 1)))
	}
	return most
}
