package weights

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Limits of a .keras. Keras itself refuses a member that is more than 100 times its stored bytes.
const (
	maxKerasRatio    = 100
	maxKerasUnpacked = 2 << 30
	maxKerasJSON     = 4 << 20
	maxKerasNesting  = 8 // of models in config.json
)

// Members of a .keras beside keras3Member.
const (
	kerasConfig   = "config.json"
	kerasMetadata = "metadata.json"
)

// unzip returns the weights in a .keras as a file of their own, in place if they are stored, and notes what
// its two descriptions say. They are read as data: the classes that config.json names are compared and counted,
// whatever they are.
func (k *kerasFile) unzip(r io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	z, err := readZip(r, size)
	if err != nil {
		return nil, 0, err
	}
	members := map[string]*zip.File{}
	for _, name := range []string{kerasMetadata, kerasConfig, keras3Member} {
		if f := z.files[name]; f != nil {
			if err := checkKerasMember(f, size); err != nil {
				return nil, 0, err
			}
			members[name] = f
		}
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
	f := members[keras3Member]
	if f == nil {
		return nil, 0, unsupportedf("a zip without %s", keras3Member)
	}
	if f.Method == zip.Store {
		at, err := f.DataOffset()
		if err != nil {
			return nil, 0, damagedMember(f, err)
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

// checkKerasMember refuses a member that is not simply stored or deflated.
func checkKerasMember(f *zip.File, size int64) error {
	n, stored := f.UncompressedSize64, f.CompressedSize64
	switch {
	case f.Flags&1 != 0:
		return unsupportedf("the zip's member %q is encrypted", f.Name)
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return unsupportedf("the zip's member %q is compressed by method %d, want stored or deflated", f.Name, f.Method)
	case stored > uint64(size) || f.Method == zip.Store && n != stored:
		return formatErrorf("the zip's member %q: %d bytes, stored in %d, in a file of %d", f.Name, n, stored, size)
	}
	return nil
}

// unpackKeras returns a member of at most limit bytes.
func unpackKeras(f *zip.File, limit uint64) ([]byte, error) {
	n := f.UncompressedSize64
	if n > limit || n/maxKerasRatio > f.CompressedSize64 {
		return nil, formatErrorf("the zip's member %q has %d bytes out of %d, at most %d and %d times as many are read",
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
		return damagedMember(f, err)
	}
	defer r.Close()
	if _, err := io.Copy(w, r); err != nil {
		return damagedMember(f, err)
	}
	return nil
}

func damagedMember(f *zip.File, err error) error {
	return formatErrorf("the zip's member %q is damaged: %v", f.Name, err)
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
