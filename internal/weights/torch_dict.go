package weights

import (
	"strings"

	"github.com/graft-ml/graft/internal/weights/pickle"
)

// entry is one tensor of a state dict.
type entry struct {
	name string
	view *view
}

// wrappers are the keys under which checkpoints of training keep the state dict, beside an optimiser's state,
// an epoch and the like.
var wrappers = []string{"state_dict", "model_state_dict", "model"}

// parallel is what torch.nn.DataParallel puts in front of every name.
const parallel = "module."

// stateDict returns the tensors of a state dict, in its order: of object itself, or of the one in a checkpoint.
// Whatever lies beside the tensors of a state dict is refused, not passed over.
func stateDict(object any) ([]entry, error) {
	d, ok := object.(*pickle.Dict)
	if !ok {
		return nil, unsupportedf("holds %s, want a state dict: save model.state_dict()", pickle.Kind(object))
	}
	for _, key := range wrappers {
		inner, _ := d.Get(key)
		if inner, ok := inner.(*pickle.Dict); ok {
			d = inner
			break
		}
	}
	entries, err := dictTensors(d)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.name, parallel) {
			return entries, nil
		}
	}
	for i := range entries {
		entries[i].name = entries[i].name[len(parallel):]
	}
	return entries, nil
}

func dictTensors(d *pickle.Dict) ([]entry, error) {
	if len(d.Keys) == 0 || len(d.Keys) > maxTensors {
		return nil, formatErrorf("a state dict of %d entries", len(d.Keys))
	}
	seen := map[string]bool{}
	var entries []entry
	for i, key := range d.Keys {
		name, ok := key.(string)
		if !ok {
			return nil, formatErrorf("a state dict with %s for a key", pickle.Kind(key))
		}
		v, ok := d.Values[i].(*view)
		if !ok {
			return nil, unsupportedf("the entry %.200q is %s, want a tensor: save model.state_dict()", name, pickle.Kind(d.Values[i]))
		}
		if len(name) > maxName {
			return nil, formatErrorf("a name of %d bytes, the limit is %d", len(name), maxName)
		}
		if seen[name] {
			return nil, formatErrorf("tensor %.200q comes twice", name)
		}
		seen[name] = true
		entries = append(entries, entry{name, v})
	}
	return entries, nil
}
