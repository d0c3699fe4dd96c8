package onnx

import (
	"cmp"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// Decode reads a model file. Its tensors may share memory with data, which must not be changed afterwards.
//
// The graph that it returns has the semantics of opset 17. Constant nodes are initialisers in it, and
// initialisers that older files also list as inputs are not inputs. It computes in float32: what the file
// computes in another float type is widened (or narrowed, from double). Only weights that a Cast widens
// stay as small as they are in the file. An unnamed node bears the name of its first output. Extents of
// inputs that the file leaves open are tensor.Free.
//
// Errors are of type FormatError (the file is not valid) or UnsupportedError (graft lacks what it uses).
func Decode(data []byte) (*Model, error) {
	if len(data) > MaxBytes {
		return nil, formatErrorf("%d bytes, an ONNX file has at most %d (2 GiB)", len(data), MaxBytes)
	}
	d := decoder{model: &Model{Graph: &nn.Graph{Init: map[string]*tensor.Tensor{}}, Opset: -1}}
	if err := d.decodeModel(data); err != nil {
		return nil, err
	}
	if err := d.checkOps(); err != nil {
		return nil, err
	}
	g := d.model.Graph
	if err := constantsToInit(g); err != nil {
		return nil, err
	}
	dropInitInputs(g)
	if err := checkWiring(g); err != nil {
		return nil, err
	}
	widen(g)
	if err := adapt(g, d.model.Opset); err != nil {
		return nil, err
	}
	return d.model, nil
}

// decoder gathers what the messages say; only when the whole file is read are the versions known that
// say what its nodes mean.
type decoder struct {
	model   *Model
	domains []string       // of model.Graph.Nodes
	opsets  map[string]int // by domain
}

func (d *decoder) decodeModel(msg []byte) error {
	r, m := reader{rest: msg}, d.model
	d.opsets = map[string]int{}
	hasGraph := false
	for r.next() {
		switch r.num {
		case 1:
			m.IRVersion = int(r.int())
		case 2:
			m.Producer = r.str()
		case 3:
			m.ProducerVersion = r.str()
		case 7:
			// A message that occurs twice is one message, says protobuf: the second adds to the first.
			hasGraph = true
			r.err = cmp.Or(r.err, d.decodeGraph(r.bytes()))
		case 8:
			d.decodeOpset(&r)
		case 14:
			d.decodeMetadata(&r)
		}
	}
	switch {
	case r.err != nil:
		return r.err
	case !hasGraph:
		return formatErrorf("no graph in it (is this an ONNX model?)")
	}
	return d.setOpset()
}

// setOpset finds the version of the standard operators.
func (d *decoder) setOpset() error {
	v, ok := d.opsets[""]
	if !ok {
		return formatErrorf("no opset_import for the standard operators")
	}
	if v < MinOpset || v > MaxOpset {
		return unsupportedf("opset %d, graft reads %d to %d (export the model again with opset_version=17)", v, MinOpset, MaxOpset)
	}
	d.model.Opset = v
	return nil
}

func (d *decoder) decodeOpset(r *reader) {
	o := reader{rest: r.bytes()}
	domain, version := "", int64(0)
	for o.next() {
		switch o.num {
		case 1:
			domain = o.str()
		case 2:
			version = o.int()
		}
	}
	r.err = cmp.Or(r.err, o.err)
	if domain == "ai.onnx" { // the long name of the standard
		domain = ""
	}
	d.opsets[domain] = int(version)
}

func (d *decoder) decodeMetadata(r *reader) {
	e := reader{rest: r.bytes()}
	key, value := "", ""
	for e.next() {
		switch e.num {
		case 1:
			key = e.str()
		case 2:
			value = e.str()
		}
	}
	r.err = cmp.Or(r.err, e.err)
	if d.model.Metadata == nil {
		d.model.Metadata = map[string]string{}
	}
	d.model.Metadata[key] = value
}
