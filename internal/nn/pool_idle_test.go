//go:build unix

package nn

import (
	"syscall"
	"testing"
	"time"
)

// Workers of an idle pool sleep: over 300 ms the process uses next to no CPU.
func TestPoolIdle(t *testing.T) {
	procs(t, 4)
	p := newTestPool(t, 4)
	p.Run(100, func(int) { time.Sleep(10 * time.Microsecond) })
	time.Sleep(20 * time.Millisecond)
	before := cpuTime(t)
	time.Sleep(300 * time.Millisecond)
	if used := cpuTime(t) - before; used > 60*time.Millisecond {
		t.Errorf("an idle pool used %v of CPU in 300 ms", used)
	}
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
