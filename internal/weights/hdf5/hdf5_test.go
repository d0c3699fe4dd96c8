package hdf5

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// expected is what h5py read from a file.
type expected struct {
	Datasets map[string]struct {
		DType string
		Shape []int
		Data  []float64
	}
	Groups     map[string][]string
	Attributes map[string]map[string][]string
}

func loadExpected(t testing.TB) map[string]expected {
	t.Helper()
	var out map[string]expected
	data, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// readFile unpacks one of the files that testdata/backbones/make_hdf5_files.py wrote.
func readFile(t testing.TB, name string) []byte {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func openFile(t testing.TB, data []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestReadsWhatH5pyWrote compares all of each file with what h5py says of it.
func TestReadsWhatH5pyWrote(t *testing.T) {
	for name, want := range loadExpected(t) {
		t.Run(name, func(t *testing.T) {
			root := openFile(t, readFile(t, name)).Root()
			for path, names := range want.Groups {
				g := root
				if path != "/" {
					var err error
					if g, err = root.Group(path[1:]); err != nil {
						t.Error(err)
						continue
					}
				}
				if !slices.Equal(g.Names(), names) {
					t.Errorf("%s: links %q, want %q", path, g.Names(), names)
				}
				checkAttributes(t, &g.object, want.Attributes[path])
			}
			for path, w := range want.Datasets {
				d, err := root.Dataset(path[1:])
				if err != nil {
					t.Error(err)
					continue
				}
				if !slices.Equal(d.Shape, w.Shape) {
					t.Errorf("%s: shape %v, want %v", path, d.Shape, w.Shape)
				}
				got, err := numbers(d)
				if err != nil || !slices.Equal(got, w.Data) {
					t.Errorf("%s (%s): %v, %v, want %v", path, w.DType, got, err, w.Data)
				}
			}
		})
	}
}

func checkAttributes(t *testing.T, o *object, want map[string][]string) {
	t.Helper()
	for name, values := range want {
		got, err := o.Strings(name)
		if err != nil || !slices.Equal(got, values) {
			t.Errorf("%s, attribute %s: %q, %v, want %q", o.Path(), name, got, err, values)
		}
	}
	if len(o.attrs) != len(want) {
		t.Errorf("%s: attributes %q, want %q", o.Path(), slices.Collect(maps.Keys(o.attrs)), slices.Collect(maps.Keys(want)))
	}
}

// numbers reads a data set and checks that each element is given once.
func numbers(d *Dataset) ([]float64, error) {
	n := 1
	for _, extent := range d.Shape {
		n *= extent
	}
	out := make([]float64, n)
	given := make([]bool, n)
	err := d.Read(func(first int, elems []byte) {
		for i := range len(elems) / d.Type.Size {
			if given[first+i] {
				panic("an element twice")
			}
			given[first+i] = true
			out[first+i] = number(d.Type, elems[i*d.Type.Size:(i+1)*d.Type.Size])
		}
	})
	if err == nil && slices.Contains(given, false) {
		panic("an element not at all")
	}
	return out, err
}

// number widens one element; the halves in these files are whole numbers.
func number(t Type, b []byte) float64 {
	switch {
	case t.Class == Float && t.Size == 2:
		h := t.Order.Uint16(b)
		if h == 0 {
			return 0
		}
		return math.Ldexp(float64(h&0x3ff|0x400), int(h>>10)-25)
	case t.Class == Float && t.Size == 4:
		return float64(math.Float32frombits(t.Order.Uint32(b)))
	case t.Class == Float:
		return math.Float64frombits(t.Order.Uint64(b))
	case t.Size == 1 && t.Signed:
		return float64(int8(b[0]))
	case t.Size == 1:
		return float64(b[0])
	case t.Size == 2 && t.Signed:
		return float64(int16(t.Order.Uint16(b)))
	case t.Size == 2:
		return float64(t.Order.Uint16(b))
	case t.Size == 4:
		return float64(int32(t.Order.Uint32(b)))
	}
	return float64(int64(t.Order.Uint64(b)))
}
