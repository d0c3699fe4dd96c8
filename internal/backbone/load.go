package backbone

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/transform"
	"github.com/graft-ml/graft/internal/weights"
)

// FromFile makes a backbone of a weights file, called name in messages: an ONNX model, or a state dict of one
// of the architectures that graft knows. The facts that a state dict does not hold come from the table of
// published files, by the file's hash, or else from o: Arch, Normalise and, where several fit, Layout.
func FromFile(r io.ReaderAt, size int64, name string, o Options) (*Backbone, error) {
	b, err := fromFile(r, size, name, o)
	if err != nil {
		return nil, fmt.Errorf("backbone: %s: %w", name, err)
	}
	return b, nil
}

func fromFile(r io.ReaderAt, size int64, name string, o Options) (*Backbone, error) {
	head := make([]byte, min(size, 16))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	if weights.IsONNX(head) {
		return fromModel(r, size, name, o)
	}
	f, err := weights.Open(r, size, name)
	if err != nil {
		return nil, err
	}
	id := o.Identity
	if id == nil {
		read, err := hashes(io.NewSectionReader(r, 0, size))
		if err != nil {
			return nil, err
		}
		id = &read
	}
	b := &Backbone{Name: name, SHA256: id.sha256}
	return b, b.fromWeights(f, *id, o)
}

// fromModel is fromFile for an ONNX model, which is read as a whole.
func fromModel(r io.ReaderAt, size int64, name string, o Options) (*Backbone, error) {
	if o.Arch != "" || o.Layout != "" {
		return nil, fmt.Errorf("an ONNX model, which is its own architecture: --arch %s and --layout are for weights alone", o.Arch)
	}
	if size > onnx.MaxBytes {
		return nil, fmt.Errorf("%d bytes, an ONNX file has at most %d (2 GiB)", size, onnx.MaxBytes)
	}
	data := make([]byte, size)
	if _, err := r.ReadAt(data, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return fromONNX(data, name, o)
}

// Recognise returns what identifies the file that r gives the bytes of, and the entry of the published file that it is; false if
// it is none.
func Recognise(r io.Reader) (*Identity, Entry, bool, error) {
	id, err := hashes(r)
	if err != nil {
		return nil, Entry{}, false, err
	}
	a, p := findPublished(id)
	if p == nil {
		return &id, Entry{}, false, nil
	}
	e, err := a.entry(p)
	return &id, e, true, err
}

// Identity is what a file is known by.
type Identity struct {
	sha256 [sha256.Size]byte
	md5    [md5.Size]byte
}

// SHA256 returns 64 lower-case hex digits.
func (id *Identity) SHA256() string { return hex.EncodeToString(id.sha256[:]) }

func hashes(r io.Reader) (id Identity, err error) {
	s, m := sha256.New(), md5.New()
	if _, err := io.Copy(io.MultiWriter(s, m), r); err != nil {
		return id, err
	}
	s.Sum(id.sha256[:0])
	m.Sum(id.md5[:0])
	return id, nil
}

// fromWeights builds the network that f has the weights of.
func (b *Backbone) fromWeights(f *weights.File, id Identity, o Options) error {
	a, lay, err := b.identify(f, id, o)
	if err != nil {
		return err
	}
	width, height, err := b.madeFor(a)
	if err != nil {
		return err
	}
	if o.Width > 0 && o.Height > 0 {
		width, height = o.Width, o.Height
	}
	n, found, err := a.fit(lay, width, height, f)
	if err != nil {
		return fmt.Errorf("as %s (%s): %w%s", a.name, lay.name, err, hint(f))
	}
	if err := fill(n, found); err != nil {
		return err
	}
	g, err := n.graph()
	if err != nil {
		return err
	}
	b.Architecture = fmt.Sprintf("%s (%s)", a.name, lay.name)
	return b.build(g, o)
}

// madeFor is the size of the input that the weights were evaluated at, where they are published ones; else the
// architecture's.
func (b *Backbone) madeFor(a *arch) (width, height int, err error) {
	text, ok := b.Metadata[KeyResize]
	if !ok {
		return a.size, a.size, nil
	}
	spec, err := transform.ParseSpec(text)
	return spec.Width, spec.Height, err
}

// identify decides which network f is of, and notes what is known of it in b's metadata.
func (b *Backbone) identify(f *weights.File, id Identity, o Options) (*arch, *layout, error) {
	b.Metadata = map[string]string{KeyFeatures: markFeatures}
	if a, p := findPublished(id); p != nil {
		if o.Arch != "" && o.Arch != a.name || o.Layout != "" && o.Layout != p.Layout {
			return nil, nil, fmt.Errorf("this is %s (%s), published as %s, not %s %s", a.name, p.Layout, p.File, o.Arch, o.Layout)
		}
		b.Name, b.Licence = a.fullName(p), p.Licence
		b.Metadata[KeyInput], b.Metadata[KeyResize] = p.Input, p.Resize
		lay, err := a.layout(p.Layout)
		return a, lay, err
	}
	if o.Arch == "" {
		return nil, nil, fmt.Errorf("not one of the published files that graft knows (SHA-256 %x): name its architecture (--arch) "+
			"and how its input is scaled (--input-mode, or --mean and --std)%s", id.sha256[:8], hint(f))
	}
	a, err := findArch(o.Arch)
	if err != nil {
		return nil, nil, err
	}
	if o.Normalise == nil {
		return nil, nil, fmt.Errorf("as %s: nobody knows how this file's input is scaled: give --input-mode, or --mean and --std", a.name)
	}
	if o.Layout != "" {
		lay, err := a.layout(o.Layout)
		return a, lay, err
	}
	lay, err := a.onlyLayout(f)
	return a, lay, err
}

// onlyLayout returns the one layout of a that f is in. The arrays of several may be called the same: then the
// arithmetic is to be named.
func (a *arch) onlyLayout(f *weights.File) (*layout, error) {
	var fits []*layout
	var names []string
	var unfit error // of the last layout of the file's own kind
	for i := range a.layouts {
		lay := &a.layouts[i]
		if _, _, err := a.fit(lay, a.size, a.size, f); err == nil {
			fits, names = append(fits, lay), append(names, lay.name)
		} else if unfit == nil || lay.keras == isKeras(f) {
			unfit = fmt.Errorf("as %s (%s): %w", a.name, lay.name, err)
		}
	}
	switch len(fits) {
	case 0:
		return nil, fmt.Errorf("%w%s", unfit, hint(f))
	case 1:
		return fits[0], nil
	}
	return nil, fmt.Errorf("as %s: its arrays fit the layouts %s, which differ in arithmetic: choose one (--layout)", a.name, strings.Join(names, ", "))
}

// mostArrays is more than any architecture here has; in files with more nothing is looked for.
const mostArrays = 5000

// hint names the architectures that f fits, as the end of a message.
func hint(f *weights.File) string {
	var fits []string
	for _, a := range archs {
		if len(f.Tensors) > mostArrays {
			break
		}
		for i := range a.layouts {
			if _, _, err := a.fit(&a.layouts[i], a.size, a.size, f); err == nil {
				fits = append(fits, fmt.Sprintf("%s (%s)", a.name, a.layouts[i].name))
			}
		}
	}
	if fits == nil {
		return "; its arrays fit no architecture that graft knows"
	}
	return "; its arrays fit " + strings.Join(fits, ", ")
}

// isKeras reports whether Keras wrote f: its axes and order are Keras's.
func isKeras(f *weights.File) bool { return f.Format == weights.KerasH5 || f.Format == weights.Keras3 }

// fit pairs the arrays of f with the parameters of a, with or without its classifier as f has one.
func (a *arch) fit(lay *layout, width, height int, f *weights.File) (*net, []*weights.Tensor, error) {
	if isKeras(f) != lay.keras {
		return nil, nil, fmt.Errorf("a file of the format %s, want one of %s", f.Format, map[bool]string{true: "Keras", false: "torch"}[lay.keras])
	}
	classes, err := a.classes(lay, f)
	if err != nil {
		return nil, nil, err
	}
	n, err := a.newNet(lay, width, height, classes)
	if err != nil {
		return nil, nil, err
	}
	found, err := match(n, f)
	return n, found, err
}

// classes counts the classes of the classifier in f; 0 if it has none. The classifier is the last layer.
func (a *arch) classes(lay *layout, f *weights.File) (int, error) {
	n, err := a.newNet(lay, a.size, a.size, 1)
	if err != nil || len(n.params) == 0 {
		return 0, err
	}
	if lay.keras {
		if len(f.Tensors) != len(n.params) {
			return 0, nil
		}
		layers := orderedLayers(f, n)
		last := layers[len(layers)-1].tensors
		return lastExtent(last[len(last)-1]), nil
	}
	name := lay.torchName(n.params[len(n.params)-1])
	i := slices.IndexFunc(f.Tensors, func(t weights.Tensor) bool { return t.Name == name })
	if i < 0 {
		return 0, nil
	}
	return lastExtent(&f.Tensors[i]), nil
}

// lastExtent is the size of a bias: how many classes it belongs to. No network has more than a million.
func lastExtent(t *weights.Tensor) int {
	const most = 1 << 20
	if s := t.Shape; len(s) == 1 && s[0] > 0 && s[0] <= most {
		return s[0]
	}
	return 0
}
