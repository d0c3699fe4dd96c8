package onnx

import (
	"archive/zip"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
)

// nodeArchive holds the ONNX project's own tests of single operators; see the script make_node.py beside it.
const nodeArchive = "../../testdata/onnx/node.zip"

// outOfScope lists the cases that are not run, by pattern (path.Match), and why. A pattern that no case
// matches fails the test, and so does a case that is listed and passes.
var outOfScope = []scopeRule{
	{"node/test_cast*FLOAT8*", "8-bit floats"},
	{"node/test_cast*INT4*", "4-bit integers"},
	{"node/test_cast*STRING*", "strings"},
	{"node/test_*_int8*", "signed 8-bit integers"},
	{"node/test_maxpool_2d_uint8", "pooling of integers"},
	{"node/test_*int16", "16-bit integers"},
	{"node/test_*uint32", "unsigned 32-bit integers"},
	{"node/test_*uint64", "unsigned 64-bit integers"},
	{"node/test_m??_float16", "float16 results: graft computes in float32"},
	{"node/test_cast*_to_FLOAT16*", "float16 results"},
	{"node/test_cast*BFLOAT16*", "bfloat16, which these files call uint16"},
	{"node/test_averagepool_*_dilations*", "opset 19 lets AveragePool dilate, opset 17 does not"},
	{"node/test_batchnorm_*_training_mode", "training mode: models are read for inference"},
	{"node/test_training_dropout*", "training mode"},
	{"node/test_identity_opt", "optional values"},
	{"node/test_identity_sequence", "sequences"},
	{"node/test_wrap_pad", "opset 19 added the mode wrap"},
}

type scopeRule struct{ pattern, why string }

// parameters are the inputs that models in use hold as constants, by the names that the tests give them:
// the test makes them initialisers.
var parameters = []string{"axes", "pads", "shape", "new_shape", "starts", "ends", "steps", "split", "t", "repeats"}

func TestNodes(t *testing.T) {
	cases := readCases(t, nodeArchive)
	used := make([]bool, len(outOfScope))
	ran := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		rule := slices.IndexFunc(outOfScope, func(r scopeRule) bool { return matches(t, r.pattern, name) })
		err := runNodeCase(t, cases[name])
		switch {
		case rule >= 0:
			used[rule] = true
			if err == nil {
				t.Errorf("%s passes, but is listed as out of scope: %s", name, outOfScope[rule].why)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			g, _ := fileGraph(cases[name]["model.onnx"])
			for _, n := range g.Nodes {
				ran[n.Op] = true
			}
		}
	}
	for i, r := range outOfScope {
		if !used[i] {
			t.Errorf("no case matches %q", r.pattern)
		}
	}
	for _, op := range strings.Fields(nodeOps) {
		if !ran[op] {
			t.Errorf("no case of %s passes", op)
		}
	}
}

// nodeOps are the operators that the tests must cover.
const nodeOps = `Conv BatchNormalization Relu Clip LeakyRelu PRelu Sigmoid HardSigmoid HardSwish Gelu Erf Tanh Softmax
	LogSoftmax MaxPool AveragePool GlobalAveragePool GlobalMaxPool ReduceMean Gemm MatMul Add Mul Sub Div Pow Sqrt Max
	Min Concat Split Slice ReduceSum Flatten Reshape Transpose Squeeze Unsqueeze Pad Identity Dropout
	LayerNormalization LRN Constant Cast Shape Gather ConstantOfShape Expand Range`

func matches(t *testing.T, pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// readCases returns the files of each case, by name.
func readCases(t *testing.T, file string) map[string]map[string][]byte {
	archive, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	cases := map[string]map[string][]byte{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Dir(f.Name)
		if cases[dir] == nil {
			cases[dir] = map[string][]byte{}
		}
		cases[dir][path.Base(f.Name)] = data
	}
	return cases
}

// fileGraph returns a model's graph as it stands in its file.
func fileGraph(model []byte) (*nn.Graph, error) {
	d := decoder{model: &Model{Graph: &nn.Graph{Init: map[string]*tensor.Tensor{}}}}
	err := d.decodeModel(model)
	dropInitInputs(d.model.Graph)
	return d.model.Graph, err
}

// runNodeCase runs the model of a case on its inputs and compares its outputs; so it does with the model
// written and read again.
func runNodeCase(t *testing.T, files map[string][]byte) error {
	model, inputs, err := bindInputs(files, func(name string) bool { return slices.Contains(parameters, name) })
	if err != nil {
		return err
	}
	m, err := Decode(model)
	if err != nil {
		return err
	}
	if err := runNodeGraph(t, m.Graph, inputs, files); err != nil {
		return err
	}
	if model, err = Encode(m); err != nil {
		return err
	}
	if m, err = Decode(model); err != nil {
		return fmt.Errorf("written and read again: %w", err)
	}
	if err := runNodeGraph(t, m.Graph, inputs, files); err != nil {
		return fmt.Errorf("written and read again: %w", err)
	}
	return nil
}

func runNodeGraph(t *testing.T, g *nn.Graph, inputs map[string]*tensor.Tensor, files map[string][]byte) error {
	got, err := nn.Eval(t.Context(), g, inputs, nil)
	if err != nil {
		return err
	}
	for i, v := range got {
		_, want, err := decodeTensor(files[fmt.Sprintf("output_%d.pb", i)])
		if err != nil {
			return err
		}
		if err := compare(v, want); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// bindInputs returns the inputs by name, and the model with those but the first that bind picks as initialisers:
// protobuf joins the two halves of a message that follow each other, so they are appended to the file.
func bindInputs(files map[string][]byte, bind func(name string) bool) ([]byte, map[string]*tensor.Tensor, error) {
	model, inputs := files["model.onnx"], map[string]*tensor.Tensor{}
	g, err := fileGraph(model)
	if err != nil {
		return nil, nil, err
	}
	r := &rope{}
	for i, in := range g.Inputs {
		data := files[fmt.Sprintf("input_%d.pb", i)]
		_, v, err := decodeTensor(data)
		if err != nil {
			return nil, nil, err
		}
		if i > 0 && bind(in.Name) {
			r.bytes(5, data)
			continue
		}
		inputs[in.Name] = widened(v)
	}
	half := &rope{}
	half.message(7, r)
	return slices.Concat(append([][]byte{model}, half.parts...)...), inputs, nil
}

// Models of old and new opsets give what ONNX Runtime gives; see the script make_opset.py.
func TestOpsets(t *testing.T) {
	cases := readCases(t, "../../testdata/onnx/opset.zip")
	if len(cases) < 40 {
		t.Errorf("%d cases, want some 50", len(cases))
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		if err := runNodeCase(t, cases[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
