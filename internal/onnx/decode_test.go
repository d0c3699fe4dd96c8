package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/graft-ml/graft/internal/tensor"
)

// msg builds a message from fields added by f.
func msg(f func(r *rope)) *rope {
	r := &rope{}
	f(r)
	return r
}

// fileWith returns a model file at opset 17 whose graph holds what graph adds.
func fileWith(graph func(g *rope)) []byte {
	m := msg(func(r *rope) {
		r.message(7, msg(graph))
		r.message(8, msg(func(o *rope) { o.varint(2, 17) }))
	})
	var out []byte
	for _, p := range m.parts {
		out = append(out, p...)
	}
	return out
}

func fileWithTensor(t func(r *rope)) []byte {
	return fileWith(func(g *rope) { g.message(5, msg(func(r *rope) { r.str(8, "w"); t(r) })) })
}

func fileWithNode(n func(r *rope)) []byte {
	return fileWith(func(g *rope) { g.message(1, msg(func(r *rope) { r.str(2, "y"); n(r) })) })
}

// fileWithRelu returns a model of one Relu from x to y, with what more adds to the graph.
func fileWithRelu(x, y string, more func(g *rope)) []byte {
	return fileWith(func(g *rope) {
		g.message(1, msg(func(r *rope) { r.str(1, x); r.str(2, y); r.str(4, "Relu") }))
		value := func(name string) *rope {
			return msg(func(r *rope) {
				r.str(1, name)
				r.message(2, msg(func(r *rope) {
					r.message(1, msg(func(r *rope) { r.varint(1, protoFloat); r.message(2, &rope{}) }))
				}))
			})
		}
		g.message(11, value("x"))
		g.message(12, value("y"))
		more(g)
	})
}

func TestDecodeRefuses(t *testing.T) {
	nothing := func(*rope) {}
	external := func(r *rope) {
		r.varint(1, 4)
		r.varint(2, protoFloat)
		r.message(13, msg(func(e *rope) { e.str(1, "location"); e.str(2, "a/../../etc/passwd") }))
		r.varint(14, 1)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                 {nil, "no graph"},
		"text":                  {[]byte("hello, world"), "onnx: "},
		"html":                  {[]byte("<!DOCTYPE html><html>"), "onnx: "},
		"length beyond the end": {[]byte{0x3a, 0x80, 0x80, 0x80, 0x80, 0x04, 1}, "longer than the"},
		"length of 2^63":        {[]byte{0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, "longer than the"},
		"varint of 11 bytes":    {[]byte{8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}, "cut short"},
		"group":                 {[]byte{0x0b, 0x0c}, "wire type 3"},
		"wrong wire type":       {[]byte{0x3d, 0, 0, 0, 0}, "wire type 5, want 2"},
		"no opset":              {[]byte{0x3a, 0}, "no opset_import"},
		"no output":             {fileWith(nothing), "no output"},
		"external data":         {fileWithTensor(external), "external_data"},
		"dims of 2^31": {fileWithTensor(func(r *rope) { r.varint(1, 1<<31); r.varint(2, 1) }),
			"a dimension of 2147483648"},
		"negative dim": {fileWithTensor(func(r *rope) { r.varint(1, -1); r.varint(2, 1) }), "a dimension of -1"},
		"dims that overflow": {fileWithTensor(func(r *rope) {
			for range 4 {
				r.varint(1, 1<<30)
			}
			r.varint(2, 1)
		}), "too many elements"},
		"shape without data": {fileWithTensor(func(r *rope) { r.varint(1, 1<<30); r.varint(2, 1) }),
			"1073741824 elements, 0 are given"},
		"raw_data too short": {fileWithTensor(func(r *rope) { r.varint(1, 2); r.varint(2, 1); r.bytes(9, make([]byte, 7)) }),
			`initialiser "w": onnx: shape [2] of float takes 8 bytes, raw_data has 7`},
		"element type int8": {fileWithTensor(func(r *rope) { r.varint(2, 3) }), "element type int8"},
		"element type 99":   {fileWithTensor(func(r *rope) { r.varint(2, 99) }), "element type 99 does not exist"},
		"rank 17": {fileWithTensor(func(r *rope) {
			for range 17 {
				r.varint(1, 1)
			}
			r.varint(2, 1)
		}), "more than 16 dimensions"},
		"unknown operator": {fileWithNode(func(r *rope) { r.str(4, "Frobnicate"); r.str(3, "n1") }),
			`node "n1": operator "Frobnicate" of domain ai.onnx, opset 17`},
		"unknown domain": {fileWithNode(func(r *rope) { r.str(4, "Relu"); r.str(7, "com.example") }),
			`operator "Relu" of domain com.example`},
		"subgraph": {fileWithNode(func(r *rope) {
			r.str(4, "If")
			r.message(5, msg(func(a *rope) { a.str(1, "then_branch"); a.message(6, nested(10_000)); a.varint(20, 5) }))
		}), `attribute "then_branch": onnx: it is a subgraph`},
		"cycle":            {fileWithRelu("y", "y", nothing), `"y" before anything makes it`},
		"output not made":  {fileWithRelu("x", "z", nothing), `nothing makes the output "y"`},
		"value made twice": {fileWithRelu("x", "x", nothing), `two values are called "x"`},
		"nameless initialiser": {fileWithRelu("x", "y", func(g *rope) { g.message(5, msg(func(r *rope) { r.varint(2, 1) })) }),
			"elements, 0 are given"},
		"sparse initialiser": {fileWithRelu("x", "y", func(g *rope) { g.message(15, &rope{}) }), "sparse"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(c.data)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			var format FormatError
			var unsupported UnsupportedError
			if !errors.As(err, &format) && !errors.As(err, &unsupported) {
				t.Errorf("error %v says neither whose fault it is", err)
			}
		})
	}
}

// nested is a graph in an attribute of a node of a graph …, depth times.
func nested(depth int) *rope {
	var g []byte
	for range depth {
		for _, field := range []byte{6, 5, 1} { // graph in attribute, attribute in node, node in graph
			head := protowire.AppendVarint([]byte{field<<3 | 2}, uint64(len(g)))
			g = append(head, g...)
		}
	}
	return &rope{parts: [][]byte{g}, size: len(g)}
}

func TestDecodeOpsets(t *testing.T) {
	for _, c := range []struct {
		opset int
		ok    bool
	}{{6, false}, {7, true}, {21, true}, {22, false}, {-1, false}} {
		data := encoded(t, smallModel())
		// A second opset_import of the same domain replaces the first.
		data = append(data, 0x42, 2, 16, byte(c.opset&0x7f))
		if c.opset < 0 {
			continue
		}
		m, err := Decode(data)
		if (err == nil) != c.ok {
			t.Errorf("opset %d: %v", c.opset, err)
		}
		if err == nil && m.Opset != c.opset {
			t.Errorf("opset %d: read as %d", c.opset, m.Opset)
		}
		if err != nil && !strings.Contains(err.Error(), "graft reads 7 to 21") {
			t.Errorf("opset %d: %v does not say what is read", c.opset, err)
		}
	}
}

// The typed lists hold the same values as raw_data.
func TestTypedData(t *testing.T) {
	for name, c := range map[string]struct {
		fields func(r *rope)
		want   *tensor.Tensor
	}{
		"float_data": {func(r *rope) { r.varint(2, protoFloat); r.float(4, 1.5); r.float(4, -2) },
			tensor.FromFloats([]float32{1.5, -2}, 2)},
		"float_data packed": {func(r *rope) { r.varint(2, protoFloat); r.bytes(4, bytesOf([]float32{1.5, -2})) },
			tensor.FromFloats([]float32{1.5, -2}, 2)},
		"int64_data": {func(r *rope) { r.varint(2, protoInt64); r.varint(7, -3); r.varint(7, 1<<40) },
			tensor.FromInts([]int64{-3, 1 << 40}, 2)},
		"int32_data": {func(r *rope) { r.varint(2, protoInt32); r.bytes(5, []byte{1, 5}) },
			&tensor.Tensor{DType: tensor.Int32, Shape: tensor.Shape{2}, I: []int64{1, 5}}},
		"uint8 in int32_data": {func(r *rope) { r.varint(2, protoUint8); r.varint(5, 200); r.varint(5, 0) },
			&tensor.Tensor{DType: tensor.Uint8, Shape: tensor.Shape{2}, I: []int64{200, 0}}},
		"bool in int32_data": {func(r *rope) { r.varint(2, protoBool); r.varint(5, 1); r.varint(5, 0) },
			&tensor.Tensor{DType: tensor.Bool, Shape: tensor.Shape{2}, I: []int64{1, 0}}},
		"float16 in int32_data": {func(r *rope) { r.varint(2, protoFloat16); r.varint(5, 0x3c00); r.varint(5, 0xc000) },
			&tensor.Tensor{DType: tensor.Float16, Shape: tensor.Shape{2}, Raw: []byte{0, 0x3c, 0, 0xc0}}},
		"double_data": {func(r *rope) {
			r.varint(2, protoDouble)
			r.bytes(10, []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0})
		},
			tensor.FromFloats([]float32{1, -2}, 2)},
		"double raw": {func(r *rope) {
			r.varint(2, protoDouble)
			r.bytes(9, []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0})
		},
			tensor.FromFloats([]float32{1, -2}, 2)},
		"int32 raw": {func(r *rope) { r.varint(2, protoInt32); r.bytes(9, []byte{255, 255, 255, 255, 1, 0, 0, 0}) },
			&tensor.Tensor{DType: tensor.Int32, Shape: tensor.Shape{2}, I: []int64{-1, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := msg(func(r *rope) { r.varint(1, 2); c.fields(r) })
			var data []byte
			for _, p := range r.parts {
				data = append(data, p...)
			}
			_, got, err := decodeTensor(data)
			if err != nil {
				t.Fatal(err)
			}
			if err := compare(got, c.want); err != nil || string(got.Raw) != string(c.want.Raw) {
				t.Errorf("%v, raw % x; want % x", err, got.Raw, c.want.Raw)
			}
		})
	}
}

// Every prefix of a file is refused, whatever cut it short, and every flipped bit gives an error or a model.
func TestDecodeDamaged(t *testing.T) {
	data := encoded(t, smallModel())
	whole, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		m, err := Decode(data[:n:n])
		// A cut between two fields of the model loses whole fields: only metadata may be missing then.
		if err == nil && len(m.Graph.Nodes) != len(whole.Graph.Nodes) {
			t.Errorf("cut at %d: accepted with %d nodes of %d", n, len(m.Graph.Nodes), len(whole.Graph.Nodes))
		}
	}
	flipped := make([]byte, len(data))
	for i := range data {
		for bit := range 8 {
			copy(flipped, data)
			flipped[i] ^= 1 << bit
			if m, err := Decode(flipped); err == nil {
				Encode(m) // must not panic; a value out of range may well be refused
			}
		}
	}
}

// A small file cannot make us allocate much more than its size.
func TestDecodeMemory(t *testing.T) {
	const most = 1 << 20
	for name, data := range map[string][]byte{
		"huge shape":   fileWithTensor(func(r *rope) { r.varint(1, 1<<30); r.varint(2, protoFloat16) }),
		"huge raw":     {0x3a, 0x0a, 0x2a, 0x08, 0x4a, 0xff, 0xff, 0xff, 0xff, 0x07, 1, 1},
		"packed bytes": fileWithTensor(func(r *rope) { r.varint(1, 1<<20); r.varint(2, protoInt64); r.bytes(7, make([]byte, 1000)) }),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Decode(data); err == nil {
			t.Errorf("%s: accepted", name)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > most {
			t.Errorf("%s: %d bytes allocated for a file of %d", name, got, len(data))
		}
	}
}

// Weights lie in the file's own bytes where alignment allows.
func TestDecodeReferencesWeights(t *testing.T) {
	m := smallModel()
	m.Graph.Init["b"] = tensor.FromFloats([]float32{1, 2}, 2)
	data := encoded(t, m)
	shared := 0
	for shift := range 4 { // one of the four offsets aligns it
		buf := make([]byte, len(data)+4)[shift:]
		got, err := Decode(buf[:copy(buf, data)])
		if err != nil {
			t.Fatal(err)
		}
		clear(buf)
		switch f := got.Graph.Init["b"].F; {
		case f[0] == 0 && f[1] == 0:
			shared++
		case f[0] != 1 || f[1] != 2:
			t.Errorf("shift %d: %v", shift, f)
		}
	}
	if shared != 1 && littleEndian {
		t.Errorf("%d of 4 alignments share memory, want 1", shared)
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.onnx")
	if err := os.WriteFile(good, encoded(t, smallModel()), 0o644); err != nil {
		t.Fatal(err)
	}
	if m, err := ReadFile(good); err != nil || m.Metadata["classes"] == "" {
		t.Errorf("%v, %v", m, err)
	}
	bad := filepath.Join(dir, "bad.onnx")
	if err := os.WriteFile(bad, []byte("no model"), 0o644); err != nil {
		t.Fatal(err)
	}
	huge := filepath.Join(dir, "huge.onnx")
	if err := os.WriteFile(huge, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 1<<31); err != nil { // a hole, no bytes on the disk
		t.Fatal(err)
	}
	fifo := filepath.Join(dir, "fifo.onnx")
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		bad: "onnx: ", huge: "2 GiB", fifo: "not a regular file", dir: "not a regular file",
		filepath.Join(dir, "none.onnx"): "no such file",
	} {
		done := make(chan error, 1)
		go func() { _, err := ReadFile(path); done <- err }()
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: error %v, want one with %q", path, err, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%s: still waiting", path)
		}
	}
}

func TestUnnamedNodes(t *testing.T) {
	m := smallModel()
	m.Graph.Nodes[1].Name = ""
	got, err := Decode(encoded(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if name := got.Graph.Nodes[1].Name; name != "conv" {
		t.Errorf("name %q, want that of the output", name)
	}
}
