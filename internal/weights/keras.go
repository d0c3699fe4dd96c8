package weights

import (
	"cmp"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/graft-ml/graft/internal/weights/hdf5"
)

// Limits of a Keras file. The largest model of keras.applications has 2,000 arrays, four levels deep.
const (
	maxKerasTensors = 100_000
	maxKerasDepth   = 32
	maxKerasGrowth  = 1000 // bytes of arrays for each of the file
)

// openKeras reads the arrays of a Keras model: r is an HDF5 file, or, if container is Keras3, a .keras.
// Which of Keras's two layouts an HDF5 file has, its content says: see legacyTensors and keras3Tensors.
func openKeras(r io.ReaderAt, size int64, name string, container Format) (*File, error) {
	k := &kerasFile{out: &File{Name: name, Metadata: map[string]string{}}, seen: map[uint64]string{}}
	if container == Keras3 {
		var err error
		if r, size, err = k.unzip(r, size); err != nil {
			return nil, err
		}
	}
	k.room = maxKerasGrowth * min(size, math.MaxInt64/maxKerasGrowth)
	h, err := hdf5.Open(r, size)
	if err == nil {
		err = k.read(h.Root())
	}
	if err == nil {
		err = k.apart()
	}
	if err != nil {
		return nil, kerasError(err)
	}
	return k.out, nil
}

// kerasError makes an error of package hdf5 one of this package.
func kerasError(err error) error {
	var damaged hdf5.FormatError
	var unsupported hdf5.UnsupportedError
	switch {
	case errors.As(err, &damaged):
		return FormatError(damaged)
	case errors.As(err, &unsupported):
		return UnsupportedError(unsupported)
	}
	return err
}

// kerasFile is a Keras file that is being opened.
type kerasFile struct {
	out     *File
	seen    map[uint64]string // the arrays so far, by address
	extents []kerasExtent
	layers  []string // lines of Metadata["layers"]
	room    int64    // how many more bytes of arrays the file may declare
}

// kerasExtent is where an array lies that is stored in one piece.
type kerasExtent struct {
	at, size int64
	name     string
}

func (k *kerasFile) read(root *hdf5.Group) error {
	listed, err := hasList(root, "layer_names")
	if err != nil {
		return err
	}
	switch {
	case listed:
		k.out.Format = KerasH5
		return k.legacyTensors(root)
	case root.Has("model_weights"): // a model that was saved whole
		k.out.Format = KerasH5
		g, err := root.Group("model_weights")
		if err != nil {
			return err
		}
		return k.legacyTensors(g)
	case root.Has("layers") || root.Has("_layer_checkpoint_dependencies"):
		k.out.Format = Keras3
		return k.keras3Tensors(root)
	}
	names := root.Names()
	return formatErrorf("HDF5, but not of a Keras model: neither layer_names, model_weights nor layers; it has %q", names[:min(5, len(names))])
}

// legacyTensors reads the layout of Keras 1 and 2, which Keras 3 writes into files called .h5.
//
// The attribute layer_names of g names the layers in the model's order. Each is a group with the attribute
// weight_names, whose elements are paths of data sets below that group, in the order of the layer's weights:
// the trained ones, then the others. A nested model is one layer, with all its weights in that order. A list
// that is too long for an attribute is cut into layer_names0, layer_names1 … . Keras loads by these orders
// alone; the order of the links in a group means nothing. What belongs to no layer is at the end, in
// top_level_model_weights; optimizer_weights are outside of g. (keras/src/legacy/saving/legacy_h5_format.py)
func (k *kerasFile) legacyTensors(g *hdf5.Group) error {
	for _, name := range []string{"keras_version", "backend"} {
		if ok, err := g.HasAttr(name); err != nil {
			return err
		} else if ok {
			value, err := g.Strings(name)
			if err != nil {
				return err
			}
			k.out.Metadata[name] = strings.Join(value, " ")
		}
	}
	layers, err := stringList(g, "layer_names")
	if err != nil {
		return err
	}
	const topLevel = "top_level_model_weights"
	if g.Has(topLevel) {
		layers = append(layers, topLevel)
	}
	seen := map[string]bool{}
	for _, layer := range layers {
		if seen[layer] {
			return formatErrorf("layer_names has %q twice", layer)
		}
		seen[layer] = true
		lg, err := g.Group(layer)
		if err != nil {
			return err
		}
		names, err := stringList(lg, "weight_names")
		if err != nil {
			return err
		}
		for _, name := range names {
			d, err := lg.Dataset(name)
			if err != nil {
				return err
			}
			if err := k.add(layer, name, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// stringList returns a list of strings that Keras may have cut into several attributes.
func stringList(g *hdf5.Group, name string) ([]string, error) {
	if ok, err := g.HasAttr(name); ok || err != nil {
		if err != nil {
			return nil, err
		}
		return g.Strings(name)
	}
	var out []string
	for i := 0; ; i++ {
		part := name + strconv.Itoa(i)
		ok, err := g.HasAttr(part)
		if err != nil {
			return nil, err
		}
		if !ok && i == 0 {
			return nil, formatErrorf("%q: no attribute %q", g.Path(), name)
		}
		if !ok {
			return out, nil
		}
		list, err := g.Strings(part)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
}

// hasList reports whether stringList would find a list.
func hasList(g *hdf5.Group, name string) (bool, error) {
	ok, err := g.HasAttr(name)
	if ok || err != nil {
		return ok, err
	}
	return g.HasAttr(name + "0")
}

// add appends an array to the file's tensors.
func (k *kerasFile) add(layer, name string, d *hdf5.Dataset) error {
	if other, twice := k.seen[d.Address()]; twice {
		return formatErrorf("%q and %q are one array", other, d.Path())
	}
	k.seen[d.Address()] = d.Path()
	if len(k.seen) > maxKerasTensors {
		return formatErrorf("more than %d arrays", maxKerasTensors)
	}
	a, err := newKerasArray(d)
	if err != nil {
		return err
	}
	// Arrays in chunks may lie over each other, which only their indexes would tell.
	if k.room -= int64(a.elems) * int64(a.typ.Size); k.room < 0 {
		return formatErrorf("the arrays up to %q are more than %d times as long as the file", d.Path(), maxKerasGrowth)
	}
	if at, size, ok := d.Extent(); ok {
		k.extents = append(k.extents, kerasExtent{at, size, d.Path()})
	}
	k.out.Tensors = append(k.out.Tensors, Tensor{Name: name, Layer: layer, Shape: a.shape, DType: a.dtype, Read: a.read})
	return nil
}

// apart refuses arrays that share bytes.
func (k *kerasFile) apart() error {
	slices.SortFunc(k.extents, func(a, b kerasExtent) int { return cmp.Compare(a.at, b.at) })
	for i := 1; i < len(k.extents); i++ {
		if a, b := k.extents[i-1], k.extents[i]; a.at+a.size > b.at {
			return formatErrorf("%q and %q overlap in the file", a.name, b.name)
		}
	}
	return nil
}
