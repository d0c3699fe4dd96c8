package hdf5

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	all := loadExpected(t)
	for _, name := range []string{"earliest.h5", "v108.h5", "v114.h5", "latest.h5", "userblock.h5", "paged.h5", "dense.h5",
		"tiny_earliest.h5", "tiny_v108.h5", "tiny_v114.h5", "tiny_latest.h5"} {
		t.Run(name, func(t *testing.T) {
			want, ok := all[name]
			if prefix := strings.HasPrefix(name, "tiny_"); !ok {
				want = all[map[bool]string{true: "tiny_*.h5", false: "*.h5"}[prefix]]
			}
			if len(want.Datasets) == 0 {
				t.Fatal("expected.json has nothing of it")
			}
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

// TestUserBlocks puts what is not HDF5 before a file: 512 bytes, or twice as many, and so on.
func TestUserBlocks(t *testing.T) {
	file := readFile(t, "tiny_earliest.h5")
	for _, block := range []int{0, 512, 1024, 2048, 1 << 20, 600} {
		data := append(make([]byte, block), file...)
		binary.LittleEndian.PutUint64(data[block+24:], uint64(block))
		binary.LittleEndian.PutUint64(data[block+40:], uint64(len(data)))
		err := walkAll(data, false)
		if block == 600 {
			checkRefusal(t, err, "no HDF5 signature in 13440 bytes")
		} else if err != nil {
			t.Errorf("%d bytes: %v", block, err)
		}
	}
}

// TestSuperblock1 makes version 1, which h5py cannot be made to write, out of version 0: it has four bytes
// more, and so the root's object header, which follows it, moves to the end.
func TestSuperblock1(t *testing.T) {
	file := readFile(t, "tiny_earliest.h5")
	le := binary.LittleEndian
	root := le.Uint64(file[64:])
	header := file[root : root+16+uint64(le.Uint32(file[root+8:]))]
	data := slices.Concat(file[:24], []byte{32, 0, 0, 0}, file[24:96], file[100:], header)
	data[8] = 1
	le.PutUint64(data[44:], uint64(len(data)))
	le.PutUint64(data[68:], uint64(len(file)))
	if err := walkAll(data, false); err != nil {
		t.Error(err)
	}
}

// TestShortReads gives an error of the reader, as it is.
func TestShortReads(t *testing.T) {
	file := readFile(t, "tiny_latest.h5")
	broken := errors.New("no such disk")
	for _, n := range []int64{0, 60, 1000, 3000} {
		r := io.NewSectionReader(failing{bytes.NewReader(file), n, broken}, 0, int64(len(file)))
		f, err := Open(r, int64(len(file)))
		if err == nil {
			err = walkGroup(f.Root(), map[uint64]bool{})
		}
		if !errors.Is(err, broken) {
			t.Errorf("from %d on: %v", n, err)
		}
	}
}

// failing is a reader that cannot read from offset from on.
type failing struct {
	io.ReaderAt
	from int64
	err  error
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(p, off)
}

// TestStructuresAreReadOnce makes a file of many groups that share one large heap of names, each of which
// would be read for itself.
func TestStructuresAreReadOnce(t *testing.T) {
	const groups, heapSize = 2000, 100_000
	le := binary.LittleEndian
	file := readFile(t, "tiny_earliest.h5")[:96]
	u64 := func(v ...uint64) {
		for _, x := range v {
			file = le.AppendUint64(file, x)
		}
	}
	header := func(tree, heap uint64) { // version 1, one message: a symbol table
		file = append(file, 1, 0, 1, 0, 1, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0x11, 0, 16, 0, 0, 0, 0, 0)
		u64(tree, heap)
	}
	const root, heap, data, node, tree, empty = 96, 136, 168, 168 + heapSize, 168 + heapSize + 8 + 40*groups, 168 + heapSize + 8 + 40*groups + 48
	header(tree, heap)
	file = append(file, "HEAP\x00\x00\x00\x00"...)
	u64(heapSize, 0, data)
	for i := range heapSize / 10 {
		file = append(file, fmt.Sprintf("%09d\x00", i)...)
	}
	file = append(file, "SNOD\x01\x00"...)
	file = le.AppendUint16(file, groups)
	for i := range uint64(groups) {
		u64(10*i, empty+48+40*i, 0, 0, 0)
	}
	for _, at := range []uint64{node, 0} {
		entries := uint16(min(at, 1))
		file = le.AppendUint16(append(file, "TREE\x00\x00"...), entries)
		u64(undefined, undefined, 0, at, 0)
	}
	for range groups {
		header(empty, heap)
	}
	le.PutUint64(file[40:], uint64(len(file)))
	le.PutUint64(file[64:], root)
	checkRefusal(t, walkAll(file, false), "read over and over again")
}
