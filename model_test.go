package graft_test

import (
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/graft-ml/graft"
)

func open(t *testing.T, o graft.ModelOptions) *graft.Model {
	t.Helper()
	m, err := graft.Open(trained(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// One model, 64 goroutines, alone and in batches: everybody gets the same bits.
func TestModelIsSafeForManyGoroutines(t *testing.T) {
	for _, threads := range []int{0, 1} {
		m := open(t, graft.ModelOptions{Threads: threads})
		pictures := []image.Image{picture(color.RGBA{200, 30, 40, 255}), picture(color.RGBA{90, 90, 90, 255}), picture(color.RGBA{30, 30, 180, 255})}
		want, err := m.PredictBatch(t.Context(), pictures)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for g := range 64 {
			wg.Go(func() {
				i := g % len(pictures)
				alone, err := m.Predict(t.Context(), pictures[i])
				if err != nil || !reflect.DeepEqual(alone, want[i]) {
					t.Errorf("goroutine %d: %v, %v, want %v", g, alone, err, want[i])
				}
				all, err := m.PredictBatch(t.Context(), pictures)
				if err != nil || !reflect.DeepEqual(all, want) {
					t.Errorf("goroutine %d: %v, %v, want %v", g, all, err, want)
				}
			})
		}
		wg.Wait()
	}
}

func TestModelWithOneCPU(t *testing.T) {
	m := open(t, graft.ModelOptions{Threads: 8})
	want, err := m.Predict(t.Context(), picture(color.RGBA{200, 30, 40, 255}))
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one := open(t, graft.ModelOptions{Threads: 8})
	for _, m := range []*graft.Model{m, one} {
		got, err := m.Predict(t.Context(), picture(color.RGBA{200, 30, 40, 255}))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
}

// cpuTime is the processor time that this process has used.
func cpuTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Skip(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// An idle model uses no CPU: over half a second, less than a tenth of one core, a spinning worker would use all.
func TestIdleModelUsesNoCPU(t *testing.T) {
	m := open(t, graft.ModelOptions{})
	if _, err := m.Predict(t.Context(), picture(color.RGBA{200, 30, 40, 255})); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // the garbage of opening
	before := cpuTime(t)
	time.Sleep(500 * time.Millisecond)
	if used := cpuTime(t) - before; used > 100*time.Millisecond {
		t.Errorf("an idle model used %v of CPU in half a second", used)
	}
}

func TestClosedModel(t *testing.T) {
	m := open(t, graft.ModelOptions{})
	m.Close()
	if _, err := m.Predict(t.Context(), picture(color.RGBA{0, 0, 0, 255})); err == nil {
		t.Error("a closed model predicts")
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// Probabilities add up to one and are ordered.
func TestPredictionsAreProbabilities(t *testing.T) {
	m := open(t, graft.ModelOptions{})
	p, err := m.Predict(t.Context(), picture(color.RGBA{120, 40, 120, 255}))
	if err != nil {
		t.Fatal(err)
	}
	if sum := p[0].Probability + p[1].Probability; math.Abs(float64(sum)-1) > 1e-6 || p[0].Probability < p[1].Probability {
		t.Errorf("%v", p)
	}
}

// Every prefix of a model file, and a file with a flipped bit, is an error or a model; never a panic.
func TestOpenDamagedModel(t *testing.T) {
	dir := tinyFolder(t)
	run, err := graft.Train(t.Context(), filepath.Join(dir, "photos"), tinyOptions(dir, "frozen"))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("small", func(t *testing.T) { openDamaged(t, readFile(t, run.Model), 400) })
	t.Run("large", func(t *testing.T) { openDamaged(t, readFile(t, trained()), 8) })
}

// openDamaged opens a model cut, and with a bit flipped, at so many places.
func openDamaged(t *testing.T, data []byte, places int) {
	path := filepath.Join(t.TempDir(), "damaged.onnx")
	try := func(b []byte) error {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		m, err := graft.Open(path, graft.ModelOptions{Threads: 1})
		if err == nil {
			m.Close()
		} else if !strings.Contains(err.Error(), "damaged.onnx") {
			t.Errorf("error does not name the file: %v", err)
		}
		return err
	}
	for n := 0; n < len(data); n += 1 + len(data)/places {
		if try(data[:n]) == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, len(data))
		}
	}
	for i := range places {
		at := i * len(data) / places
		data[at] ^= 1 << (i % 8)
		try(data)
		data[at] ^= 1 << (i % 8)
	}
}
