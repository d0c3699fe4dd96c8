package weights

import (
	"fmt"
	"io"
	"strings"

	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/weights/pickle"
)

// maxPickle is how long the pickle of a state dict may be; one of a thousand tensors takes 150 kB.
const maxPickle = 64 << 20

// maxSpans limits what the tensors of a torch file reach in sum, each from its first element to its last, as
// a multiple of the file's size. Layers may share weights, and three views may interleave in one matrix, but
// a thousand views of one large storage are an attack.
const maxSpans = 4

// torchStorages are the types of storages, by the class that stands for them. Files of weights that were
// saved on a GPU name the same classes in torch.cuda.
var torchStorages = map[string]elem{
	"Double": f64, "Float": f32, "Half": f16, "BFloat16": bf16,
	"Long": i64, "Int": i32, "Short": i16, "Char": i8, "Byte": u8, "Bool": boolean,
}

// view is a tensor as torch saves it: a window on a storage.
type view struct {
	storage *storage
	offset  int64   // of the first element in the storage
	size    []int64 // elements along each axis
	stride  []int64 // elements from one to the next along each axis
}

// torchGlobals are all that a pickle of weights may refer to.
var torchGlobals = func() map[string]pickle.Func {
	m := map[string]pickle.Func{
		"collections.OrderedDict":                    pickle.OrderedDict,
		"torch.Size":                                 torchSize,
		"torch._utils._rebuild_tensor":               rebuildTensor,
		"torch._utils._rebuild_tensor_v2":            rebuildTensorV2,
		"torch._utils._rebuild_parameter":            rebuildParameter,
		"torch._utils._rebuild_parameter_with_state": rebuildParameter,
		"torch.nn.parameter.Parameter":               newParameter,
		"torch.autograd.variable.Variable":           newParameter,
	}
	for name := range torchStorages {
		for _, module := range []string{"torch.", "torch.cuda."} {
			m[module+name+"Storage"] = nil
			m[module+name+"Tensor"] = newTensor
		}
	}
	return m
}()

// storageElem returns the type that a storage's class stands for, "torch.FloatStorage" for one.
func storageElem(v any) (elem, error) {
	if c, ok := v.(*pickle.Class); ok {
		name := strings.TrimPrefix(strings.TrimPrefix(c.Name, "torch."), "cuda.")
		if name, ok := strings.CutSuffix(name, "Storage"); ok {
			return torchStorages[name], nil
		}
	}
	return 0, formatErrorf("%s in place of a storage's type", pickle.Kind(v))
}

// torchSize is torch.Size, a tuple of extents.
func torchSize(args []any) (any, error) {
	if len(args) == 1 {
		if t, ok := args[0].(*pickle.Tuple); ok {
			return t, nil
		}
	}
	return nil, formatErrorf("torch.Size of something else than a tuple")
}

func rebuildTensorV2(args []any) (any, error) {
	if len(args) < 6 || len(args) > 7 {
		return nil, formatErrorf("a tensor of %d arguments, want 6 or 7", len(args))
	}
	if len(args) == 7 { // the conjugate and negative bits: the numbers are not those of the storage
		if d, ok := args[6].(*pickle.Dict); args[6] != nil && (!ok || len(d.Keys) > 0) {
			return nil, unsupportedf("a tensor that is a conjugate or a negative of its storage")
		}
	}
	return rebuildTensor(args[:4])
}

// rebuildTensor takes a storage, an offset, a size and a stride.
func rebuildTensor(args []any) (any, error) {
	v := &view{}
	return v, v.set(args)
}

func (v *view) set(args []any) error {
	if len(args) != 4 {
		return formatErrorf("a tensor of %d arguments, want 4", len(args))
	}
	var ok [4]bool
	v.storage, ok[0] = args[0].(*storage)
	v.offset, ok[1] = args[1].(int64)
	v.size, ok[2] = ints(args[2])
	v.stride, ok[3] = ints(args[3])
	if ok != [4]bool{true, true, true, true} || len(v.size) != len(v.stride) {
		return formatErrorf("a tensor of %s, %s, %s and %s, want a storage, an offset, a size and as many strides",
			pickle.Kind(args[0]), pickle.Kind(args[1]), pickle.Kind(args[2]), pickle.Kind(args[3]))
	}
	return nil
}

// newTensor is the class of a tensor, which early torch called without arguments and completed with a state.
func newTensor(args []any) (any, error) {
	if len(args) != 0 {
		return nil, formatErrorf("a tensor's class with %d arguments, want none", len(args))
	}
	return &view{}, nil
}

// Build takes the state of a tensor of early torch, or of a Parameter: of what requires a gradient there is
// nothing to keep, but its first form has the tensor in front.
func (v *view) Build(state any) error {
	t, ok := state.(*pickle.Tuple)
	switch {
	case ok && len(t.Items) == 4:
		return v.set(t.Items)
	case ok && len(t.Items) == 5:
		data, ok := t.Items[0].(*view)
		if !ok {
			return formatErrorf("a parameter of %s", pickle.Kind(t.Items[0]))
		}
		*v = *data
		return nil
	case ok && len(t.Items) == 3:
		return nil
	}
	return formatErrorf("a tensor's state is %s, want a tuple of 3, 4 or 5", pickle.Kind(state))
}

// rebuildParameter takes a tensor, whether it requires a gradient, and what else was attached to it.
func rebuildParameter(args []any) (any, error) {
	if len(args) < 3 || len(args) > 4 {
		return nil, formatErrorf("a parameter of %d arguments, want 3 or 4", len(args))
	}
	return newParameter(args[:1])
}

func newParameter(args []any) (any, error) {
	if len(args) == 0 {
		return &view{}, nil
	}
	v, ok := args[0].(*view)
	if !ok {
		return nil, formatErrorf("a parameter of %s, want a tensor", pickle.Kind(args[0]))
	}
	return &view{v.storage, v.offset, v.size, v.stride}, nil
}

// ints returns the ints of a tuple.
func ints(v any) ([]int64, bool) {
	t, ok := v.(*pickle.Tuple)
	if !ok || len(t.Items) > maxRank {
		return nil, false
	}
	list := make([]int64, len(t.Items))
	for i, item := range t.Items {
		if list[i], ok = item.(int64); !ok {
			return nil, false
		}
	}
	return list, true
}

// torchFile makes a File of the object that a torch file of size bytes holds.
func torchFile(r io.ReaderAt, size int64, format Format, object any) (*File, error) {
	entries, err := stateDict(object)
	if err != nil {
		return nil, err
	}
	f := &File{Format: format}
	spans := int64(0)
	for _, e := range entries {
		p, err := e.view.place()
		if err != nil {
			return nil, named(fmt.Sprintf("tensor %.200q", e.name), err)
		}
		if spans += p.span; spans > maxSpans*size {
			return nil, formatErrorf("tensor %.200q: together with those before it, it reaches more than %d times the bytes of the file", e.name, maxSpans)
		}
		f.Tensors = append(f.Tensors, Tensor{Name: e.name, Shape: p.shape, DType: p.elem.dtype(),
			Read: func() (*tensor.Tensor, error) { return p.read(r) }})
	}
	return f, nil
}
