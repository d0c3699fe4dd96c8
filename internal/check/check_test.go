package check

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// recorder is a test that may fail without failing the one that runs it.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Error(...any)          { r.failed = true }
func (r *recorder) Errorf(string, ...any) { r.failed = true }

func TestCompare(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		name      string
		got, want []float32
		tol       Tolerance
		ok        bool
	}{
		{"equal", []float32{1, 2}, []float32{1, 2}, Tolerance{}, true},
		{"one bit", []float32{1}, []float32{math.Nextafter32(1, 2)}, Tolerance{}, false},
		{"length", []float32{1}, []float32{1, 2}, Tolerance{MaxAbs: 9}, false},
		{"within max", []float32{1.1}, []float32{1}, Tolerance{MaxAbs: 0.2}, true},
		{"beyond max", []float32{1.3}, []float32{1}, Tolerance{MaxAbs: 0.2}, false},
		{"beyond nmse", []float32{10, 13}, []float32{10, 10}, Tolerance{NMSE: 0.01}, false},
		{"within nmse", []float32{10, 11}, []float32{10, 10}, Tolerance{NMSE: 0.01}, true},
		{"nan is nan", []float32{nan}, []float32{nan}, Tolerance{}, true},
		{"nan is no number", []float32{nan}, []float32{1}, Tolerance{NMSE: 9}, false},
		{"number is no nan", []float32{1}, []float32{nan}, Tolerance{MaxAbs: 9}, false},
		{"against zeros", []float32{1}, []float32{0}, Tolerance{NMSE: 0.1}, false},
	} {
		r := &recorder{TB: t}
		Close(r, c.got, c.want, c.tol)
		if r.failed == c.ok {
			t.Errorf("%s: accepted %v, want %v", c.name, !r.failed, c.ok)
		}
	}
}

// The gradient check passes the right gradient of a cubic and catches one that is off by a hundredth.
func TestGradCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		scale float32
		ok    bool
	}{{"right", 1, true}, {"off by 1 %", 1.01, false}, {"wrong sign", -1, false}} {
		v := []float32{0.5, -1.25, 2}
		out := make([]float32, len(v))
		r := &recorder{TB: t}
		GradCheck(r, Gradient{
			Vars: [][]float32{v},
			Forward: func() []float32 {
				for i, x := range v {
					out[i] = x * x * x
				}
				return out
			},
			Backward: func(dOut []float32) [][]float32 {
				d := make([]float32, len(v))
				for i, x := range v {
					d[i] = c.scale * dOut[i] * 3 * x * x
				}
				return [][]float32{d}
			},
		})
		if r.failed == c.ok {
			t.Errorf("%s: accepted %v, want %v", c.name, !r.failed, c.ok)
		}
		if v[0] != 0.5 || v[1] != -1.25 || v[2] != 2 {
			t.Errorf("%s: the variables were left at %v", c.name, v)
		}
	}
}

func TestGolden(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("UPDATE_GOLDEN", "1")
	Golden(t, []byte("one\n"), "sub/text")
	t.Setenv("UPDATE_GOLDEN", "")
	Golden(t, []byte("one\n"), "sub/text")
	r := &recorder{TB: t}
	if Golden(r, []byte("two\n"), "sub/text"); !r.failed {
		t.Error("a changed text was accepted")
	}
}

func TestGoldenTensor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ref.json")
	text := `{"script":"make.py","shape":[1,2],"max_abs":0.01,"data":[1,2]}`
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	GoldenTensor(t, tensor.FromFloats([]float32{1, 2.001}, 1, 2), path)
	for _, wrong := range []*tensor.Tensor{
		tensor.FromFloats([]float32{1, 2.1}, 1, 2),
		tensor.FromFloats([]float32{1, 2}, 2),
	} {
		r := &recorder{TB: t}
		if GoldenTensor(r, wrong, path); !r.failed {
			t.Errorf("%v %v was accepted", wrong.Shape, wrong.F)
		}
	}
}

// The bytes of a guarded slice can be used, and the first one beyond it can not: a program that tries dies.
func TestGuarded(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("no guard pages on " + runtime.GOOS)
	}
	side := os.Getenv("CHECK_TOUCH_GUARD")
	for _, n := range []int{0, 1, 7, 4096, 5000} {
		end, front := Guarded[float32](t, n), GuardedFront[float32](t, n)
		for i := range n {
			end[i], front[i] = 1, 1
		}
		if len(end) != n || cap(end) != n {
			t.Fatalf("length %d, capacity %d, want %d", len(end), cap(end), n)
		}
		if n == 7 && side == "behind" {
			touch(end, n)
		}
		if n == 7 && side == "in front" {
			touch(front, -1)
		}
	}
	if side != "" {
		return
	}
	for _, side := range []string{"behind", "in front"} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestGuarded$")
		cmd.Env = append(os.Environ(), "CHECK_TOUCH_GUARD="+side)
		out, err := cmd.CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("SIG")) && !bytes.Contains(out, []byte("unexpected fault")) {
			t.Errorf("%s: a forbidden page was written to: %v\n%s", side, err, out)
		}
	}
}
