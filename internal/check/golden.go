package check

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// Golden compares got with the file testdata/name of the package under test. With UPDATE_GOLDEN=1 in the
// environment it writes the file instead; the diff is for the review.
func Golden(t testing.TB, got []byte, name string) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (UPDATE_GOLDEN=1 writes it)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (UPDATE_GOLDEN=1 rewrites it)\n--- got\n%s\n--- want\n%s", path, got, want)
	}
}

// A Reference is a tensor that somebody else's program computed, as its script wrote it to a JSON file, with
// what is allowed between it and ours. Such a file is never rewritten from our own results.
type Reference struct {
	Script string    `json:"script"` // the committed program that made it
	Shape  []int     `json:"shape"`
	NMSE   float64   `json:"nmse"`
	MaxAbs float64   `json:"max_abs"`
	Data   []float32 `json:"data"`
}

// LoadReference reads a Reference; a file without limits or whose data does not fill the shape fails the test.
func LoadReference(t testing.TB, path string) Reference {
	t.Helper()
	var r Reference
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		t.Fatalf("reference %s: %v", path, err)
	}
	n, err := tensor.Shape(r.Shape).Elems()
	if err != nil || n != len(r.Data) || r.Script == "" || r.NMSE <= 0 && r.MaxAbs <= 0 {
		t.Fatalf("reference %s: want a script, a limit, and as many data (%d) as shape %v says", path, len(r.Data), r.Shape)
	}
	return r
}

// GoldenTensor compares a Float32 tensor with the reference at path.
func GoldenTensor(t testing.TB, got *tensor.Tensor, path string) {
	t.Helper()
	r := LoadReference(t, path)
	if got.DType != tensor.Float32 || !got.Shape.Equal(r.Shape) {
		t.Errorf("%s: %v %v, want float32 %v", path, got.DType, got.Shape, tensor.Shape(r.Shape))
		return
	}
	if err := Compare(got.F, r.Data, Tolerance{NMSE: r.NMSE, MaxAbs: r.MaxAbs}); err != nil {
		t.Errorf("%s: %v", path, err)
	}
}
