package nn

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// small is a valid graph: y = sqrt(x + w).
func small() *Graph {
	return &Graph{
		Name:    "small",
		Inputs:  []Value{{Name: "x", DType: tensor.Float32, Shape: sh(tensor.Free, 2)}},
		Outputs: []Value{{Name: "y"}},
		Init:    map[string]*tensor.Tensor{"w": f32(sh(2), 1, 2)},
		Nodes: []*Node{
			{Op: "Add", Name: "add", Inputs: []string{"x", "w"}, Outputs: []string{"s"}},
			{Op: "Sqrt", Name: "root", Inputs: []string{"s"}, Outputs: []string{"y"}},
		},
	}
}

func TestValidate(t *testing.T) {
	if err := Validate(small()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		spoil func(g *Graph)
		want  string
	}{
		{"unknown operator", func(g *Graph) { g.Nodes[1].Op = "Einsum" }, `node "root": operator "Einsum" is not supported (opset 17)`},
		{"too few inputs", func(g *Graph) { g.Nodes[0].Inputs = []string{"x"} }, `Add "add": 1 inputs, want 2`},
		{"too many inputs", func(g *Graph) { g.Nodes[1].Inputs = []string{"s", "x"} }, `2 inputs, want 1`},
		{"too many outputs", func(g *Graph) { g.Nodes[1].Outputs = []string{"y", "z"} }, `2 outputs, want 1`},
		{"absent input", func(g *Graph) { g.Nodes[0].Inputs[1] = "" }, `input 1 is missing`},
		{"absent output", func(g *Graph) { g.Nodes[0].Outputs[0] = "" }, `output 0 has no name`},
		{"order", func(g *Graph) { g.Nodes[0], g.Nodes[1] = g.Nodes[1], g.Nodes[0] }, `Sqrt "root": input "s" is not made before it is used`},
		{"cycle", func(g *Graph) { g.Nodes[0].Inputs[1] = "y" }, `input "y" is not made before`},
		{"self", func(g *Graph) { g.Nodes[0].Inputs[1] = "s" }, `input "s" is not made before`},
		{"made twice", func(g *Graph) { g.Nodes[1].Outputs[0] = "s" }, `output "s": another value has that name`},
		{"input and initialiser", func(g *Graph) { g.Init["x"] = f32(nil, 1) }, `input "x": another value`},
		{"no output", func(g *Graph) { g.Outputs = nil }, `no output`},
		{"unmade output", func(g *Graph) { g.Outputs[0].Name = "z" }, `output "z" is made by no node`},
		{"free inside", func(g *Graph) { g.Inputs[0].Shape = sh(2, tensor.Free) }, `only the first axis can be free`},
		{"negative extent", func(g *Graph) { g.Inputs[0].Shape = sh(2, -3) }, `extent -3`},
		{"huge input", func(g *Graph) { g.Inputs[0].Shape = sh(1<<30, 1<<30) }, `too large`},
		{"input type", func(g *Graph) { g.Inputs[0].DType = tensor.Invalid }, `a type that is not supported`},
		{"torn initialiser", func(g *Graph) { g.Init["w"].Shape = sh(3) }, `initialiser "w": float32 [3] over 2 elements`},
		{"initialiser without value", func(g *Graph) { g.Init["w"] = nil }, `no value`},
		{"rank of initialiser", func(g *Graph) { g.Init["w"] = f32(make(tensor.Shape, 99)) }, `99 axes`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := small()
			c.spoil(g)
			for _, err := range []error{Validate(g), second(Infer(g)), second(InferAt(g, 1)), second(Eval(t.Context(), g, nil, nil))} {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %s", err, c.want)
				}
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

func TestEval(t *testing.T) {
	x := f32(sh(2, 2), 0, 2, 8, -2)
	got, err := Eval(t.Context(), small(), map[string]*tensor.Tensor{"x": x}, nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got[0], f32(sh(2, 2), 1, 2, 3, 0), tol)

	for name, in := range map[string]map[string]*tensor.Tensor{
		"input \"x\" is missing":      {"z": x},
		"want float32 [1 2]":          {"x": seq(1, 3)},
		"float32 [2], want":           {"x": seq(2)},
		"int64 [1 2], want float32":   {"x": i64(sh(1, 2), 1, 2)},
		"shape [2 2] over 1 elements": {"x": {DType: tensor.Float32, Shape: sh(2, 2), F: []float32{1}}},
	} {
		if _, err := Eval(t.Context(), small(), in, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want %s", err, name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Eval(ctx, small(), map[string]*tensor.Tensor{"x": x}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the context ended", err)
	}
}

// An input or initialiser can be an output, a value can be an output twice, and two inputs share the batch.
func TestEvalOutputs(t *testing.T) {
	g := small()
	g.Inputs = append(g.Inputs, Value{Name: "z", DType: tensor.Float32, Shape: sh(tensor.Free)})
	g.Outputs = []Value{{Name: "s"}, {Name: "y"}, {Name: "w"}, {Name: "x"}, {Name: "s"}}
	x, z := seq(3, 2), seq(3)
	out, err := Eval(t.Context(), g, map[string]*tensor.Tensor{"x": x, "z": z}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out[0] != out[4] || out[2] != g.Init["w"] || out[3] != x {
		t.Error("outputs are not the values they name")
	}
	_, err = Eval(t.Context(), g, map[string]*tensor.Tensor{"x": x, "z": seq(4)}, nil)
	if err == nil || !strings.Contains(err.Error(), `input "z": float32 [4], want float32 [3]`) {
		t.Errorf("two batches: error %v", err)
	}
}

func TestBuilder(t *testing.T) {
	b := NewBuilder("g")
	x := b.Input("x", tensor.Free, 4)
	parts := b.OpN(2, "Split", Attrs{"axis": int64(1)}, x)
	b.Output("sum", b.Op("Add", nil, parts[0], parts[1]))
	b.Output("first", parts[0])
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Outputs[0].String() + ", " + g.Outputs[1].String(); got != "sum float32 [N 2], first float32 [N 2]" {
		t.Errorf("outputs %s", got)
	}
	out, err := Eval(t.Context(), g, map[string]*tensor.Tensor{"x": seq(1, 4)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, out[0], f32(sh(1, 2), 2, 4), 0)
	equal(t, out[1], f32(sh(1, 2), 0, 1), 0)
}

func TestBuilderKeepsTheFirstError(t *testing.T) {
	for want, build := range map[string]func(b *Builder){
		`value "x" is made twice`:     func(b *Builder) { b.Output("y", b.Op("Sqrt", nil, b.Input("x", 1))); b.Const("x", seq(1)) },
		`a value without a name`:      func(b *Builder) { b.Input("") },
		`no node makes "x"`:           func(b *Builder) { b.Output("y", b.Input("x", 1)); b.Input("x") },
		`value "x" is made`:           func(b *Builder) { b.Output("x", b.Op("Sqrt", nil, b.Input("x", 1))) },
		`operator "Foo"`:              func(b *Builder) { b.Output("y", b.Op("Foo", nil, b.Input("x", 1))) },
		`input "z" is not made`:       func(b *Builder) { b.Output("y", b.Op("Sqrt", nil, "z")) },
		`no output`:                   func(b *Builder) { b.Input("x", 1) },
		`shapes [[2] [3]] do not`:     func(b *Builder) { b.Output("y", b.Op("Add", nil, b.Input("x", 2), b.Input("z", 3))) },
		`initialiser "w": no name or`: func(b *Builder) { b.Output("y", b.Op("Sqrt", nil, b.Const("w", nil))) },
	} {
		b := NewBuilder("g")
		build(b)
		if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
