package weights

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Limits of a .keras. Keras itself writes three members, and a few more for layers with vocabularies, and
// refuses a member that is more than 100 times its stored bytes.
const (
	maxKerasMembers   = 10_000
	maxKerasDirectory = 4 << 20
	maxKerasRatio     = 100
	maxKerasUnpacked  = 2 << 30
	maxKerasJSON      = 4 << 20
	maxKerasNesting   = 8 // of models in config.json
)

// Members of a .keras.
const (
	kerasWeights  = "model.weights.h5"
	kerasConfig   = "config.json"
	kerasMetadata = "metadata.json"
)

func isKerasZip(r io.ReaderAt) bool {
	var head [4]byte
	n, _ := r.ReadAt(head[:], 0)
	return n == 4 && string(head[:]) == "PK\x03\x04"
}

// unzip returns the weights in a .keras as a file of their own, in place if they are stored, and notes what
// its two descriptions say. They are read as data: the classes that config.json names are compared and counted,
// whatever they are.
func (k *kerasFile) unzip(r io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	members, err := kerasMembers(r, size)
	if err != nil {
		return nil, 0, err
	}
	if f := members[kerasMetadata]; f != nil {
		var meta struct {
			Version string `json:"keras_version"`
		}
		if err := kerasJSON(f, &meta); err != nil {
			return nil, 0, err
		}
		k.out.Metadata["keras_version"] = meta.Version
	}
	if f := members[kerasConfig]; f != nil {
		var model kerasObject
		if err := kerasJSON(f, &model); err != nil {
			return nil, 0, err
		}
		if k.layers, err = model.layers(nil); err != nil {
			return nil, 0, err
		}
	}
	f := members[kerasWeights]
	if f == nil {
		return nil, 0, unsupportedf("a zip without %s", kerasWeights)
	}
	if f.Method == zip.Store {
		at, err := f.DataOffset()
		if err != nil {
			return nil, 0, kerasZipError(err)
		}
		// Read once to compare the checksum, which is all there is against damage.
		if err := eachKerasByte(f, io.Discard); err != nil {
			return nil, 0, err
		}
		n := int64(f.UncompressedSize64)
		return io.NewSectionReader(r, at, n), n, nil
	}
	data, err := unpackKeras(f, maxKerasUnpacked)
	return bytes.NewReader(data), int64(len(data)), err
}

// kerasMembers returns the members of a zip by name.
func kerasMembers(r io.ReaderAt, size int64) (map[string]*zip.File, error) {
	// archive/zip takes 250 bytes of memory for each of 46 in the directory, however many there are.
	limited := &limitedReaderAt{r: r, left: maxKerasDirectory}
	z, err := zip.NewReader(limited, size)
	if err != nil {
		return nil, kerasZipError(err)
	}
	limited.left = -1
	if len(z.File) > maxKerasMembers {
		return nil, formatErrorf("a zip of %d members, at most %d are expected", len(z.File), maxKerasMembers)
	}
	members := map[string]*zip.File{}
	for _, f := range z.File {
		switch {
		case members[f.Name] != nil:
			return nil, formatErrorf("a zip with two members %q", f.Name)
		case f.Flags&1 != 0:
			return nil, unsupportedf("a zip whose member %q is encrypted", f.Name)
		case f.Method != zip.Store && f.Method != zip.Deflate:
			return nil, unsupportedf("a zip whose member %q is compressed by method %d, want stored or deflated", f.Name, f.Method)
		case f.Method == zip.Store && f.CompressedSize64 != f.UncompressedSize64 || f.UncompressedSize64 > 1<<62 || f.CompressedSize64 > uint64(size):
			return nil, formatErrorf("a zip of %d bytes whose member %q has %d, stored in %d", size, f.Name, f.UncompressedSize64, f.CompressedSize64)
		}
		members[f.Name] = f
	}
	return members, nil
}

// limitedReaderAt fails once more than left bytes have been read; a negative left has no limit.
type limitedReaderAt struct {
	r    io.ReaderAt
	left int
}

var errLargeDirectory = errors.New("its directory is longer than any weights need")

func (l *limitedReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if l.left >= 0 {
		if len(p) > l.left {
			return 0, errLargeDirectory
		}
		l.left -= len(p)
	}
	return l.r.ReadAt(p, off)
}

func kerasZipError(err error) error {
	if errors.Is(err, zip.ErrFormat) || errors.Is(err, zip.ErrAlgorithm) || errors.Is(err, zip.ErrChecksum) ||
		errors.Is(err, errLargeDirectory) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return formatErrorf("a damaged zip: %v", err)
	}
	return fmt.Errorf("weights: %w", err)
}

// unpackKeras returns a member of at most limit bytes.
func unpackKeras(f *zip.File, limit uint64) ([]byte, error) {
	n := f.UncompressedSize64
	if n > limit || n/maxKerasRatio > f.CompressedSize64 {
		return nil, formatErrorf("a zip whose member %q has %d bytes out of %d, at most %d and %d times as many are read",
			f.Name, n, f.CompressedSize64, limit, maxKerasRatio)
	}
	var b bytes.Buffer
	b.Grow(int(n) + bytes.MinRead)
	err := eachKerasByte(f, &b)
	return b.Bytes(), err
}

// eachKerasByte writes a member's bytes to w and compares its checksum.
func eachKerasByte(f *zip.File, w io.Writer) error {
	r, err := f.Open()
	if err != nil {
		return kerasZipError(err)
	}
	defer r.Close()
	if _, err := io.Copy(w, r); err != nil {
		return formatErrorf("a zip whose member %q is damaged: %v", f.Name, err)
	}
	return nil
}

func kerasJSON(f *zip.File, into any) error {
	data, err := unpackKeras(f, maxKerasJSON)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return formatErrorf("%s: %v", f.Name, err)
	}
	return nil
}

// kerasObject is an object in config.json, of which two names and the layers of a model are of interest.
type kerasObject struct {
	Class  string          `json:"class_name"`
	Name   string          `json:"name"`
	Config json.RawMessage `json:"config"`
}

// layers returns a line for each layer of a model, in the model's order: what the weights call it, as
// keras3Tensors says, and its own name. path is what the model is called by.
func (o *kerasObject) layers(path []string) ([]string, error) {
	var model struct {
		Layers []kerasObject `json:"layers"`
	}
	if !bytes.HasPrefix(o.Config, []byte("{")) || len(path) > maxKerasNesting {
		return nil, nil
	}
	if err := json.Unmarshal(o.Config, &model); err != nil {
		return nil, formatErrorf("%s: %v", kerasConfig, err)
	}
	if len(model.Layers) > maxKerasTensors {
		return nil, formatErrorf("%s: a model of %d layers", kerasConfig, len(model.Layers))
	}
	var lines []string
	used := map[string]int{}
	for _, l := range model.Layers {
		called := snakeCase(l.Class)
		used[called]++
		if n := used[called]; n > 1 {
			called = fmt.Sprintf("%s_%d", called, n-1)
		}
		inner := append(path[:len(path):len(path)], called)
		lines = append(lines, layerLine(inner, l.name()))
		if class := l.Class; class == "Functional" || class == "Sequential" {
			below, err := l.layers(inner)
			if err != nil {
				return nil, err
			}
			lines = append(lines, below...)
		}
	}
	return lines, nil
}

// name returns a layer's own name, which a Sequential model keeps in the layer's config alone.
func (o *kerasObject) name() string {
	if o.Name != "" {
		return o.Name
	}
	var config struct {
		Name string `json:"name"`
	}
	// A layer of the user's may have anything for a config; then it has no name here.
	_ = json.Unmarshal(o.Config, &config)
	return config.Name
}

var (
	notWord   = regexp.MustCompile(`\W+`)
	beforeCap = regexp.MustCompile(`(.)([A-Z][a-z]+)`)
	lowerCap  = regexp.MustCompile(`([a-z])([A-Z])`)
)

// snakeCase is Keras's: Conv2D becomes conv2d, DepthwiseConv2D depthwise_conv2d, ReLU re_lu.
func snakeCase(class string) string {
	s := notWord.ReplaceAllString(class, "")
	s = beforeCap.ReplaceAllString(s, "${1}_$2")
	return strings.ToLower(lowerCap.ReplaceAllString(s, "${1}_$2"))
}
