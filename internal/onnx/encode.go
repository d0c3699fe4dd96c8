package onnx

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

func (m *Model) encode() (*rope, error) {
	if m.Graph == nil {
		return nil, formatErrorf("a model without a graph")
	}
	g, err := lower(m.Graph)
	if err != nil {
		return nil, err
	}
	graph, err := encodeGraph(g)
	if err != nil {
		return nil, err
	}
	r := &rope{}
	r.varint(1, irWrite)
	r.str(2, m.Producer)
	r.str(3, m.ProducerVersion)
	r.message(7, graph)
	opset := &rope{}
	opset.str(1, "")
	opset.varint(2, nn.Opset)
	r.message(8, opset)
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		value := m.Metadata[key]
		// Other readers of protobuf refuse the whole file for one bad string.
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return nil, formatErrorf("metadata %q: %.40q is not UTF-8, ONNX has no other text", key, value)
		}
		entry := &rope{}
		entry.str(1, key)
		entry.str(2, value)
		r.message(14, entry)
	}
	if r.size > MaxBytes {
		return nil, formatErrorf("the model takes %d bytes, an ONNX file has at most %d (2 GiB)", r.size, MaxBytes)
	}
	return r, nil
}

func encodeGraph(g *nn.Graph) (*rope, error) {
	if err := checkWiring(g); err != nil {
		return nil, err
	}
	r := &rope{}
	for _, n := range g.Nodes {
		node, err := encodeNode(n)
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", n.Op, n.Name, err)
		}
		r.message(1, node)
	}
	r.str(2, g.Name)
	for _, name := range slices.Sorted(maps.Keys(g.Init)) {
		t, err := encodeTensor(name, g.Init[name])
		if err != nil {
			return nil, fmt.Errorf("initialiser %q: %w", name, err)
		}
		r.message(5, t)
	}
	if err := encodeValues(r, 11, g.Inputs); err != nil {
		return nil, err
	}
	return r, encodeValues(r, 12, g.Outputs)
}

// encodeValues adds the graph's inputs or outputs as field num.
func encodeValues(r *rope, num protowire.Number, values []nn.Value) error {
	for _, v := range values {
		dtype, err := protoOf(v.DType)
		if err != nil {
			return fmt.Errorf("value %q: %w", v.Name, err)
		}
		shape := &rope{}
		for i, d := range v.Shape {
			dim := &rope{}
			switch {
			case d != tensor.Free:
				dim.varint(1, int64(d))
			case i == 0:
				dim.str(2, "N")
			}
			shape.message(1, dim)
		}
		t, typ, info := &rope{}, &rope{}, &rope{}
		t.varint(1, dtype)
		t.message(2, shape)
		typ.message(1, t)
		info.str(1, v.Name)
		info.message(2, typ)
		r.message(num, info)
	}
	return nil
}

func encodeNode(n *nn.Node) (*rope, error) {
	if !nn.Has(n.Op) && !isQuantisation(n.Op) {
		return nil, formatErrorf("not an operator of opset %d", nn.Opset)
	}
	r := &rope{}
	for _, name := range n.Inputs {
		r.str(1, name)
	}
	for _, name := range n.Outputs {
		r.str(2, name)
	}
	r.str(3, n.Name)
	r.str(4, n.Op)
	for _, key := range slices.Sorted(maps.Keys(n.Attrs)) {
		a, err := encodeAttr(key, n.Attrs[key])
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", key, err)
		}
		r.message(5, a)
	}
	return r, nil
}

func encodeAttr(name string, v any) (*rope, error) {
	r := &rope{}
	r.str(1, name)
	kind := int64(0)
	switch v := v.(type) {
	case float32:
		kind = attrFloat
		r.float(2, v)
	case int64:
		kind = attrInt
		r.varint(3, v)
	case string:
		kind = attrString
		r.str(4, v)
	case *tensor.Tensor:
		kind = attrTensor
		t, err := encodeTensor("", v)
		if err != nil {
			return nil, err
		}
		r.message(5, t)
	case []float32:
		kind = attrFloats
		for _, x := range v {
			r.float(7, x)
		}
	case []int64:
		kind = attrInts
		for _, x := range v {
			r.varint(8, x)
		}
	case []string:
		kind = attrStrings
		for _, x := range v {
			r.str(9, x)
		}
	default:
		return nil, formatErrorf("a value of type %T", v)
	}
	r.varint(20, kind)
	return r, nil
}

// encodeTensor writes t, whose elements must be as many as its shape says and fit its type.
func encodeTensor(name string, t *tensor.Tensor) (*rope, error) {
	dtype, err := protoOf(t.DType)
	if err != nil {
		return nil, err
	}
	if n, err := t.Shape.Elems(); err != nil || n != t.Elems() {
		return nil, formatErrorf("shape %v over %d elements", t.Shape, t.Elems())
	}
	raw := t.Raw
	switch {
	case t.DType == tensor.Float32:
		raw = bytesOf(t.F)
	case !t.DType.IsFloat():
		if raw, err = encodeInts(t); err != nil {
			return nil, err
		}
	}
	r := &rope{}
	for _, d := range t.Shape {
		r.varint(1, int64(d))
	}
	r.varint(2, dtype)
	if name != "" {
		r.str(8, name)
	}
	r.bytes(9, raw)
	return r, nil
}

// encodeInts returns the integers of t in the width of its type.
func encodeInts(t *tensor.Tensor) ([]byte, error) {
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	switch t.DType {
	case tensor.Int32:
		lo, hi = math.MinInt32, math.MaxInt32
	case tensor.Uint8:
		lo, hi = 0, math.MaxUint8
	case tensor.Int8:
		lo, hi = math.MinInt8, math.MaxInt8
	case tensor.Bool:
		lo, hi = 0, 1
	}
	var out []byte
	for i, v := range t.I {
		if v < lo || v > hi {
			return nil, formatErrorf("element %d is %d, %v holds %d to %d", i, v, t.DType, lo, hi)
		}
		switch t.DType {
		case tensor.Int64:
			out = binary.LittleEndian.AppendUint64(out, uint64(v))
		case tensor.Int32:
			out = binary.LittleEndian.AppendUint32(out, uint32(v))
		default:
			out = append(out, byte(v))
		}
	}
	return out, nil
}
