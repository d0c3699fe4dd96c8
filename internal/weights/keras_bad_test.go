package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/graft-ml/graft/internal/weights/hdf5"
)

// readKeras opens a file and reads all of its arrays.
func readKeras(data []byte, container Format) error {
	f, err := openKeras(bytes.NewReader(data), int64(len(data)), "model", container)
	if err != nil {
		return err
	}
	for _, w := range f.Tensors {
		if _, err := w.Read(); err != nil {
			return err
		}
	}
	return nil
}

// checkKerasRefusal checks that a file is refused in one line with want, at once and for little memory.
func checkKerasRefusal(t *testing.T, data []byte, container Format, want string) {
	t.Helper()
	const maxAlloc = 64 << 20
	var err error
	start := time.Now()
	spent := allocated(func() { err = readKeras(data, container) })
	if took := time.Since(start); spent > maxAlloc || took > 2*time.Second {
		t.Errorf("took %v and %d bytes of memory", took, spent)
	}
	var damaged FormatError
	var unsupported UnsupportedError
	if !errors.As(err, &damaged) && !errors.As(err, &unsupported) {
		t.Fatalf("error %v, want a FormatError or an UnsupportedError with %q", err, want)
	}
	if s := err.Error(); !strings.Contains(s, want) || strings.Contains(s, "\n") || strings.Contains(s, "hdf5:") {
		t.Errorf("error %q, want one line with %q", s, want)
	}
}

// replaced returns data with all of old, which must be there, replaced by what is as long.
func replaced(t *testing.T, data []byte, old, by string) []byte {
	t.Helper()
	if !bytes.Contains(data, []byte(old)) || len(old) != len(by) {
		t.Fatalf("cannot replace %q by %q", old, by)
	}
	return bytes.ReplaceAll(data, []byte(old), []byte(by))
}

// flagged sets a flag of the first member of a zip in its directory.
func flagged(t *testing.T, data []byte, flag byte) []byte {
	t.Helper()
	data = bytes.Clone(data)
	data[bytes.Index(data, []byte("PK\x01\x02"))+8] |= flag
	return data
}

// redirected returns an HDF5 file in which what leads to one object leads to another: both are paths of groups
// or of data sets; of these, what leads to the numbers.
func redirected(t *testing.T, data []byte, from, to string) []byte {
	t.Helper()
	f, err := hdf5.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	address := func(path string) string {
		o, err := f.Root().Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var at uint64
		switch o := o.(type) {
		case *hdf5.Group:
			at = o.Address()
		case *hdf5.Dataset:
			offset, _, _ := o.Extent()
			at = uint64(offset)
		}
		return string(binary.LittleEndian.AppendUint64(nil, at))
	}
	return replaced(t, data, address(from), address(to))
}

func TestKerasBadZips(t *testing.T) {
	h5 := string(kerasFileBytes(t, "small.weights.h5"))
	good := zipOf(t, member{keras3Member, h5, zip.Store})
	many := make([]member, 10_001)
	for i := range many {
		many[i] = member{fmt.Sprint(i), "", zip.Store}
	}
	long := make([]member, 80)
	for i := range long {
		long[i] = member{fmt.Sprintf("%060000d", i), "", zip.Store}
	}
	tests := []struct {
		want string
		data []byte
	}{
		{"a zip without model.weights.h5", zipOf(t, member{"model.weights.npz", "x", zip.Store})},
		{"a zip that has the member \"model.weights.h5\" twice", zipOf(t, member{keras3Member, h5, zip.Store}, member{keras3Member, h5, zip.Store})},
		{"a zip of 10001 members", zipOf(t, many...)},
		{"a zip whose directory has more than", zipOf(t, long...)},
		{"member \"model.weights.h5\" has 1048576 bytes out of", zipOf(t, member{keras3Member, strings.Repeat("\x00", 1<<20), zip.Deflate})},
		{"member \"config.json\" has 4200000 bytes out of", zipOf(t, member{kerasConfig, strings.Repeat(" ", 4_200_000), zip.Deflate})},
		{"config.json: invalid character", zipOf(t, member{kerasConfig, "{x", zip.Store})},
		{"config.json: unexpected end", zipOf(t, member{kerasConfig, "{", zip.Store})},
		{"config.json: invalid character '[' exceeded max depth", zipOf(t, member{kerasConfig, strings.Repeat("[", 100_000), zip.Store})},
		{"metadata.json: json: cannot unmarshal", zipOf(t, member{kerasMetadata, `{"keras_version": 3}`, zip.Store})},
		{"config.json: json: cannot unmarshal", zipOf(t, member{kerasConfig, `{"config": {"layers": 3}}`, zip.Store})},
		{"a damaged zip, or one that is cut short", good[:len(good)-1]},
		{"is damaged: zip: checksum error", replaced(t, good, "\x89HDF", "\x89HDE")},
		{"no HDF5 signature", zipOf(t, member{"model.weights.h5", "x", zip.Store})},
		{"is encrypted", flagged(t, good, 1)},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) { checkKerasRefusal(t, tt.data, Keras3, tt.want) })
	}
	if err := readKeras(good, Keras3); err != nil {
		t.Error(err)
	}
	checkKerasRefusal(t, good, KerasH5, "no HDF5 signature")
}

func TestKerasBadFiles(t *testing.T) {
	legacy, small := kerasFileBytes(t, "legacy.h5"), kerasFileBytes(t, "small.weights.h5")
	tests := []struct {
		name, want string
		data       []byte
	}{
		{"other HDF5", "HDF5, but not of a Keras model: neither layer_names, model_weights nor layers; it has [\"", replaced(t, legacy, "layer_names", "layer_namez")},
		{"no weight_names", "no attribute \"weight_names\"", replaced(t, legacy, "weight_names", "weight_namez")},
		{"layer missing", "\"/zz_first\": not in the file", replaced(t, legacy, "zz_first\x00", "zz_fIrst\x00")},
		{"layer twice", "layer_names has \"conv2d_2\" twice", replaced(t, legacy, "\x08\x00\x00\x00\x00\x00\x00\x00conv2d_3", "\x08\x00\x00\x00\x00\x00\x00\x00conv2d_2")},
		{"group twice", "\"layers/conv2d_2/\": the group is in the tree more than once", redirected(t, small, "layers/conv2d_2", "layers/conv2d_1")},
		{"group in itself", "\"layers/layers/\": the group is in the tree more than once", redirected(t, replaced(t, small, "sequential\x00", "layers\x00ial\x00"), "layers/layers", "layers")},
		{"array twice", "and \"/conv2d_1/conv2d_1/kernel\" are one array", redirected(t, legacy, "conv2d_2", "conv2d_1")},
		{"overlap", "overlap in the file", redirected(t, legacy, "conv2d_2/conv2d_2/kernel", "conv2d_1/conv2d_1/kernel")},
		{"integers", "floats of 4 bytes, want floats or integers", replaced(t, small, "\x11\x20\x1f\x00\x04\x00\x00\x00\x00\x00\x20\x00\x17", "\x11\x20\x1f\x00\x04\x00\x00\x00\x00\x00\x20\x00\x16")},
		{"bomb", "the arrays up to \"/l/c\" are more than 1000 times as long as the file", kerasFileBytes(t, "bomb.h5")},
		{"empty", "no HDF5 signature in 0 bytes", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkKerasRefusal(t, tt.data, KerasH5, tt.want) })
	}
}

// TestKerasCut cuts one file of each layout at any byte.
func TestKerasCut(t *testing.T) {
	for _, name := range []string{"split.h5", "lambda.keras"} {
		data := kerasFileBytes(t, name)
		if err := readKeras(data, containerOf(name)); err != nil {
			t.Fatal(err)
		}
		for n := range data {
			err := readKeras(data[:n], containerOf(name))
			if err == nil || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%s cut to %d of %d bytes: %v", name, n, len(data), err)
			}
		}
	}
}

// FuzzKeras opens a file of either container and reads all of its arrays.
func FuzzKeras(f *testing.F) {
	for _, name := range []string{"keras1.h5", "split.h5", "lambda.keras"} {
		f.Add(kerasFileBytes(f, name), containerOf(name) == Keras3)
	}
	f.Fuzz(func(t *testing.T, data []byte, zipped bool) {
		if len(data) > 1<<16 {
			return
		}
		container := KerasH5
		if zipped {
			container = Keras3
		} else if len(data) > 48 { // the length that the superblock names
			data = bytes.Clone(data)
			binary.LittleEndian.PutUint64(data[40:], uint64(len(data)))
		}
		spent := allocated(func() { _ = readKeras(data, container) })
		// The structures, and an array of halves of 1000 times what is stored for it.
		if spent > 64<<20+4000*uint64(len(data)) {
			t.Errorf("%d bytes of memory for %d", spent, len(data))
		}
	})
}
