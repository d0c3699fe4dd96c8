package nn

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// A tape with less memory computes values a second time, and gives the same bits.
func TestTapeMemory(t *testing.T) {
	for _, k := range []struct {
		name      string
		precision Precision
	}{{"residual", F32}, {"inverted", F32}, {"dense", F32}, {"residual", BF16}, {"inverted", BF16}, {"dense", BF16}} {
		t.Run(k.name+"/"+k.precision.String(), func(t *testing.T) {
			g := buildNet(t, k.name)
			o := TapeOptions{Params: weightsOf(g), BatchStats: true, Precision: k.precision}
			tape, err := NewTape(g, o)
			if err != nil {
				t.Fatal(err)
			}
			const batch = 7
			if tape.Recomputes(batch) {
				t.Error("recomputes before anything is laid out")
			}
			whole, err := tape.Memory(batch)
			if err != nil {
				t.Fatal(err)
			}
			want := tapeOf(t, g, o, batch, 2)
			o.Memory = whole - 1
			if less, err := NewTape(g, o); err != nil {
				t.Fatal(err)
			} else if need, err := less.Memory(batch); err != nil || need > o.Memory || !less.Recomputes(batch) || tape.Recomputes(batch) {
				t.Errorf("%d of %d bytes, error %v, recomputes: %v", need, o.Memory, err, less.Recomputes(batch))
			}
			got := tapeOf(t, g, o, batch, 2)
			if !slices.Equal(got.out, want.out) {
				t.Error("outputs differ")
			}
			got.close(t, want, 0)
			o.Memory = 1000
			tape, err = NewTape(g, o)
			if err != nil {
				t.Fatal(err)
			}
			var few *MemoryError
			if _, err = tape.Memory(batch); !errors.As(err, &few) || few.Least <= o.Memory || !strings.Contains(err.Error(), "use smaller batches") {
				t.Errorf("too little memory: error %v", err)
			}
		})
	}
}

// Steps of one size allocate next to nothing after the first.
func TestTapeNetReusesMemory(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes pools of buffers forget")
	}
	for _, precision := range []Precision{F32, BF16} {
		t.Run(precision.String(), func(t *testing.T) { checkReuse(t, precision) })
	}
}

func checkReuse(t *testing.T, precision Precision) {
	g := buildNet(t, "inverted")
	tape, err := NewTape(g, TapeOptions{Params: weightsOf(g), BatchStats: true, Precision: precision})
	if err != nil {
		t.Fatal(err)
	}
	x := [][]float32{randomInput(g, 4)}
	dOut := make([]float32, 4*10)
	step := func() {
		if _, err := tape.Forward(4, x, nil); err != nil {
			t.Fatal(err)
		}
		if err := tape.Backward(dOut); err != nil {
			t.Fatal(err)
		}
	}
	step()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 20 {
		step()
	}
	runtime.ReadMemStats(&after)
	if per := (after.TotalAlloc - before.TotalAlloc) / 20; per > 16<<10 {
		t.Errorf("a step allocates %d bytes", per)
	}
}
