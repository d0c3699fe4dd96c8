package onnx

import (
	"cmp"
	"fmt"
	"math"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

func (d *decoder) decodeGraph(msg []byte) error {
	r, g := reader{rest: msg}, d.model.Graph
	for r.next() {
		switch r.num {
		case 1:
			r.err = cmp.Or(r.err, d.decodeNode(r.bytes()))
		case 2:
			g.Name = r.str()
		case 5:
			r.err = cmp.Or(r.err, d.decodeInit(r.bytes()))
		case 11:
			g.Inputs = decodeValue(&r, "input", g.Inputs)
		case 12:
			g.Outputs = decodeValue(&r, "output", g.Outputs)
		case 15:
			return unsupportedf("sparse initialisers")
		}
	}
	return r.err
}

func (d *decoder) decodeInit(msg []byte) error {
	init := d.model.Graph.Init
	name, t, err := decodeTensor(msg)
	if err != nil {
		return fmt.Errorf("initialiser %q: %w", name, err)
	}
	switch {
	case name == "":
		return formatErrorf("initialiser %d has no name", len(init))
	case init[name] != nil:
		return formatErrorf("two initialisers are called %q", name)
	case len(init) == maxNodes:
		return unsupportedf("more than %d initialisers", maxNodes)
	}
	init[name] = t
	return nil
}

func (d *decoder) decodeNode(msg []byte) error {
	g := d.model.Graph
	if len(g.Nodes) == maxNodes {
		return unsupportedf("more than %d nodes", maxNodes)
	}
	r, n, domain := reader{rest: msg}, &nn.Node{Attrs: nn.Attrs{}}, ""
	for r.next() {
		switch r.num {
		case 1:
			n.Inputs = append(n.Inputs, r.str())
		case 2:
			n.Outputs = append(n.Outputs, r.str())
		case 3:
			n.Name = r.str()
		case 4:
			n.Op = r.str()
		case 5:
			name, v, err := decodeAttr(r.bytes())
			if err != nil {
				r.err = cmp.Or(r.err, fmt.Errorf("node %d %q: attribute %q: %w", len(g.Nodes), n.Name, name, err))
				continue
			}
			n.Attrs[name] = v
		case 7:
			domain = r.str()
		}
	}
	if n.Name == "" && len(n.Outputs) > 0 {
		n.Name = n.Outputs[0]
	}
	if isQuantisation(n.Op) && r.err == nil {
		return unsupportedf("node %q: %s: the model is quantised for other runtimes; give the float32 model that it was made of", n.Name, n.Op)
	}
	g.Nodes, d.domains = append(g.Nodes, n), append(d.domains, domain)
	return r.err
}

// The numbers of AttributeProto.AttributeType.
const (
	attrFloat   = 1
	attrInt     = 2
	attrString  = 3
	attrTensor  = 4
	attrGraph   = 5
	attrFloats  = 6
	attrInts    = 7
	attrStrings = 8
)

// rawAttr is an AttributeProto as it stands in the file.
type rawAttr struct {
	kind    int64
	f       float32
	i       int64
	s       string
	t       *tensor.Tensor
	floats  []float32
	ints    []int64
	strings []string
}

// decodeAttr reads an AttributeProto and returns its name and value.
func decodeAttr(msg []byte) (name string, v any, err error) {
	r, a := reader{rest: msg}, rawAttr{}
	for r.next() {
		switch r.num {
		case 1:
			name = r.str()
		case 2:
			a.f = r.float()
		case 3:
			a.i = r.int()
		case 4:
			a.s = r.str()
		case 5:
			if _, a.t, err = decodeTensor(r.bytes()); err != nil {
				return name, nil, err
			}
		case 6, 11:
			return name, nil, unsupportedf("it is a subgraph, as of If, Loop and Scan, which graft does not run")
		case 7:
			a.floats = r.floats(a.floats)
		case 8:
			a.ints = r.ints(a.ints)
		case 9:
			a.strings = append(a.strings, r.str())
		case 20:
			a.kind = r.int()
		}
	}
	if r.err != nil {
		return name, nil, r.err
	}
	v, err = a.value()
	return name, v, err
}

func (a *rawAttr) value() (any, error) {
	switch a.kind {
	case attrFloat:
		return a.f, nil
	case attrInt:
		return a.i, nil
	case attrString:
		return a.s, nil
	case attrTensor:
		if a.t == nil {
			return nil, formatErrorf("no tensor in it")
		}
		return a.t, nil
	case attrFloats:
		return append([]float32{}, a.floats...), nil
	case attrInts:
		return append([]int64{}, a.ints...), nil
	case attrStrings:
		return append([]string{}, a.strings...), nil
	}
	return nil, unsupportedf("attributes of type %d", a.kind)
}

// decodeValue appends a ValueInfoProto, an input or an output of the graph, to vs.
func decodeValue(r *reader, what string, vs []nn.Value) []nn.Value {
	m := reader{rest: r.bytes()}
	var v nn.Value
	var err error
	for m.next() {
		switch m.num {
		case 1:
			v.Name = m.str()
		case 2:
			v.DType, v.Shape, err = decodeType(m.bytes())
		}
	}
	switch err = cmp.Or(m.err, err); {
	case err != nil:
		r.err = cmp.Or(r.err, fmt.Errorf("%s %q: %w", what, v.Name, err))
	case v.Name == "":
		r.fail("%s %d has no name", what, len(vs))
	case len(vs) == maxNodes:
		r.fail("more than %d %ss", maxNodes, what)
	}
	return append(vs, v)
}

// decodeType reads a TypeProto, which must be a tensor's.
func decodeType(msg []byte) (tensor.DType, tensor.Shape, error) {
	r := reader{rest: msg}
	dtype, shape := tensor.Invalid, tensor.Shape(nil)
	for r.next() {
		switch r.num {
		case 1:
			t := reader{rest: r.bytes()}
			for t.next() {
				switch t.num {
				case 1:
					var err error
					dtype, err = dtypeOf(t.int())
					t.err = cmp.Or(t.err, err)
				case 2:
					shape = decodeShape(&t)
				}
			}
			r.err = cmp.Or(r.err, t.err)
		case 4, 5, 7, 8, 9:
			return 0, nil, unsupportedf("it is not a tensor but a sequence, map, sparse or optional value")
		}
	}
	if dtype.IsFloat() {
		dtype = tensor.Float32
	}
	return dtype, shape, r.err
}

// decodeShape reads a TensorShapeProto. An extent without a number is Free, and so is the -1 that some
// exporters write for an open one, or the 0 for the batch.
func decodeShape(r *reader) tensor.Shape {
	s, shape := reader{rest: r.bytes()}, tensor.Shape{}
	for s.next() {
		if s.num != 1 {
			continue
		}
		dim, extent := reader{rest: s.bytes()}, int64(tensor.Free)
		for dim.next() {
			if dim.num == 1 {
				extent = dim.int()
			}
		}
		s.err = cmp.Or(s.err, dim.err)
		switch {
		case extent > math.MaxInt32:
			s.fail("a dimension of %d", extent)
		case len(shape) == maxRank:
			s.fail("more than %d dimensions", maxRank)
		case extent < 0 || extent == 0 && len(shape) == 0:
			extent = tensor.Free
		}
		shape = append(shape, int(extent))
	}
	r.err = cmp.Or(r.err, s.err)
	return shape
}
