package weights

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// written is one array of testdata/expected.json, as torch reads it (testdata/backbones/make_torch_files.py).
type written struct {
	Name  string
	Shape []int
	Float bool
	Data  []json.Number
}

func expected(t *testing.T) []written {
	t.Helper()
	var list []written
	if err := json.Unmarshal(file(t, "expected.json"), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// openBytes opens a file whose name says nothing.
func openBytes(data []byte) (*File, error) {
	return Open(bytes.NewReader(data), int64(len(data)), "f")
}

// openAll opens a file and reads all of its arrays.
func openAll(data []byte) (*File, error) {
	f, err := openBytes(data)
	if err != nil {
		return nil, err
	}
	for _, t := range f.Tensors {
		v, err := t.Read()
		if err != nil {
			return nil, err
		}
		if v.DType != t.DType || !v.Shape.Equal(t.Shape) {
			return nil, errors.New(t.Name + ": read as " + v.DType.String() + v.Shape.String())
		}
	}
	return f, nil
}

// The arrays out of every container are the same, number by number.
func TestFormatsAgree(t *testing.T) {
	for _, c := range []struct {
		name   string
		format Format
	}{
		{"zip.pth", TorchZip}, {"zip_protocol4.pth", TorchZip}, {"checkpoint.pth", TorchZip},
		{"stream.pth", TorchStream}, {"stream_protocol4.pth", TorchStream}, {"tar.pth", TorchTar},
		{"all.safetensors", Safetensors},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := openAll(file(t, c.name))
			if err != nil {
				t.Fatal(err)
			}
			if f.Format != c.format || f.Name != "f" {
				t.Errorf("format %q, name %q", f.Format, f.Name)
			}
			want := expected(t)
			if c.format == Safetensors { // has no order of its own
				slices.SortFunc(want, func(a, b written) int { return strings.Compare(a.Name, b.Name) })
				if !reflect.DeepEqual(f.Metadata, map[string]string{"format": "pt"}) {
					t.Errorf("metadata %v", f.Metadata)
				}
			}
			if len(f.Tensors) != len(want) {
				t.Fatalf("%d tensors, want %d", len(f.Tensors), len(want))
			}
			for i, w := range want {
				checkTensor(t, f.Tensors[i], w)
			}
		})
	}
}

func checkTensor(t *testing.T, got Tensor, want written) {
	t.Helper()
	dtype := tensor.Int64
	if want.Float {
		dtype = tensor.Float32
	}
	if got.Name != want.Name || got.DType != dtype || !got.Shape.Equal(want.Shape) || got.Layer != "" {
		t.Errorf("%s %v %v, want %s %v %v", got.Name, got.DType, got.Shape, want.Name, dtype, want.Shape)
	}
	for range 2 { // an array may be read again
		v, err := got.Read()
		if err != nil {
			t.Fatal(err)
		}
		if v.Elems() != len(want.Data) {
			t.Fatalf("%s: %d elements, want %d", want.Name, v.Elems(), len(want.Data))
		}
		for i, number := range want.Data {
			if want.Float {
				if x, err := number.Float64(); err != nil || v.F[i] != float32(x) {
					t.Errorf("%s: element %d is %v, want %v", want.Name, i, v.F[i], number)
				}
			} else if n, err := number.Int64(); err != nil || v.I[i] != n {
				t.Errorf("%s: element %d is %d, want %v", want.Name, i, v.I[i], number)
			}
		}
	}
}

// Files that are no weights are called what they are.
func TestNotWeights(t *testing.T) {
	var format FormatError
	var unsupported UnsupportedError
	for _, c := range []struct {
		name, data, want string
		as               any
	}{
		{"empty", "", "f: empty: not a weights file (known are", &format},
		{"one byte", "\x80", "begins with the bytes 80", &format},
		{"html", "\n<!DOCTYPE html><html>", "an HTML page", &format},
		{"html without a doctype", "<HTML>", "an HTML page", &format},
		{"lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:00", "git-lfs pointer", &format},
		{"json", `{"mode":{}}`, "JSON", &format},
		{"xml", "<?xml version='1.0'?><Error/>", "XML", &format},
		{"gzip", "\x1f\x8b\x08\x00", "gzip", &format},
		{"bzip2", "BZh91AY", "bzip2", &format},
		{"xz", "\xfd7zXZ\x00", "xz", &format},
		{"zstd", "\x28\xb5\x2f\xfd", "zstd", &format},
		{"7z", "7z\xbc\xaf\x27\x1c", "7z", &format},
		{"gguf", "GGUF\x03\x00", "GGUF", &format},
		{"numpy", "\x93NUMPY\x01\x00", "NumPy", &format},
		{"tflite", "\x1c\x00\x00\x00TFL3\x00\x00", "TensorFlow Lite", &format},
		{"text", "not found", `text that begins with "not found"`, &format},
		{"jpeg", "\xff\xd8\xff\xe0", "of kind jpeg", &format},
		{"noise", "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09", "begins with the bytes 00 01 02 03 04 05 06 07", &format},
		{"onnx", "\x08\x07\x12\x07pytorch", "an ONNX model", &unsupported},
		{"tar", strings.Repeat("a", 257) + "ustar" + strings.Repeat("\x00", 250), "a tar archive", &unsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := openBytes([]byte(c.data))
			wantError(t, err, c.want)
			if !errors.As(err, c.as) {
				t.Errorf("%T, want %T", err, c.as)
			}
		})
	}
}

// wantError checks that err is one line that says want.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "weights: f: ") {
		t.Errorf("error %q, want one line with %q", err, want)
	}
}

func TestIsONNX(t *testing.T) {
	for _, c := range []struct {
		head string
		want bool
	}{
		{"\x08\x08\x12\x07pytorch", true}, {"\x08\x03:\x05", true}, {"\x08\x03", false}, {"\x08\x00:\x05", false}, {"\x0a\x03:", false}, {"\x08\x03\xff", false},
	} {
		if got := IsONNX([]byte(c.head)); got != c.want {
			t.Errorf("%q: %v", c.head, got)
		}
	}
}
