package weights

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/graft-ml/graft/internal/weights/hdf5"
)

// keras3Tensors reads the layout of Keras 3, which is a tree of the model's objects.
//
// A group is an object: its weights are the data sets 0, 1 … of its group vars, in the order of the layer's
// variables; the other groups are the objects in its attributes. The attribute layers of a model is a list,
// in which an object is called by its class in snake case and, from the second of a class on, its number:
// conv2d, conv2d_1, … . The model's order is not kept. So here the order is by class, then by number, which
// is the model's order within each class, and Layer is the path of these names: "conv2d_1",
// "sequential/conv2d". Keras of 2024 and later keeps the layer's own name as the attribute name of vars: see
// the metadata "layers". Left out are the optimizer's state and that of random number generators, which is no
// weight. TensorFlow 2.13 said _layer_checkpoint_dependencies for layers. (keras/src/saving/saving_lib.py)
func (k *kerasFile) keras3Tensors(root *hdf5.Group) error {
	walk := &keras3Walk{k: k, seen: map[uint64]bool{}}
	if err := walk.object(root, "", nil); err != nil {
		return err
	}
	if k.layers == nil { // else config.json has told
		k.layers = walk.names
	}
	if k.layers != nil {
		k.out.Metadata["layers"] = strings.Join(k.layers, "\n")
	}
	return nil
}

// keras3Walk is a walk through the tree of a Keras 3 file.
type keras3Walk struct {
	k     *kerasFile
	seen  map[uint64]bool // groups, by address
	names []string        // lines of container and name
}

// object adds what is in the group g of one object: path leads to it, layer is what it is called by.
func (w *keras3Walk) object(g *hdf5.Group, path string, layer []string) error {
	if w.seen[g.Address()] {
		return formatErrorf("%q: the group is in the tree more than once", path)
	}
	w.seen[g.Address()] = true
	if len(layer) > maxKerasDepth {
		return formatErrorf("%q: more than %d levels of layers", path, maxKerasDepth)
	}
	for _, name := range keras3Order(g.Names()) {
		if name == "seed_generator" || path == "" && name == "optimizer" {
			continue
		}
		sub, err := g.Group(name)
		if err != nil {
			return err
		}
		switch name {
		case "vars":
			err = w.vars(sub, path+name, layer)
		case "layers", "_layer_checkpoint_dependencies":
			err = w.object(sub, path+name+"/", layer)
		default:
			err = w.object(sub, path+name+"/", append(slices.Clone(layer), name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// vars adds the weights of one object.
func (w *keras3Walk) vars(g *hdf5.Group, path string, layer []string) error {
	named, err := g.HasAttr("name")
	if err != nil {
		return err
	}
	if named && len(layer) > 0 {
		name, err := g.Strings("name")
		if err != nil {
			return err
		}
		w.names = append(w.names, layerLine(layer, strings.Join(name, " ")))
	}
	for _, name := range keras3Order(g.Names()) {
		d, err := g.Dataset(name)
		if err != nil {
			return err
		}
		if err := w.k.add(strings.Join(layer, "/"), path+"/"+name, d); err != nil {
			return err
		}
	}
	return nil
}

// layerLine is a line of Metadata["layers"]: the path that a layer has in the weights, a space, its own name.
func layerLine(path []string, name string) string {
	return strings.Join(path, "/") + " " + strings.ReplaceAll(name, "\n", " ")
}

// keras3Order sorts names: vars first, then layers, then by class and number.
func keras3Order(names []string) []string {
	return slices.SortedFunc(slices.Values(names), func(a, b string) int {
		for _, first := range []string{"vars", "layers"} {
			if (a == first) != (b == first) {
				if a == first {
					return -1
				}
				return 1
			}
		}
		classA, numberA := splitNumber(a)
		classB, numberB := splitNumber(b)
		return cmp.Or(cmp.Compare(classA, classB), cmp.Compare(numberA, numberB), cmp.Compare(a, b))
	})
}

// splitNumber splits "conv2d_10" into "conv2d" and 10, and "10" into "" and 10; "conv2d" has the number -1.
func splitNumber(name string) (class string, number int) {
	class, digits := "", name
	if i := strings.LastIndexByte(name, '_'); i >= 0 {
		class, digits = name[:i], name[i+1:]
	}
	if n, err := strconv.ParseUint(digits, 10, 31); err == nil {
		return class, int(n)
	}
	return name, -1
}
