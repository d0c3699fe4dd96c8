package nn

import (
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
)

// viewChain flattens the pictures x as PyTorch exports x.view(x.size(0), -1).
func viewChain(b *Builder, x string) string {
	n := b.Op("Gather", Attrs{"axis": int64(0)}, b.Op("Shape", nil, x), b.Const("zero", tensor.FromInts([]int64{0})))
	shape := b.Op("Concat", Attrs{"axis": int64(0)}, b.Op("Unsqueeze", nil, n, b.Ints(0)), b.Ints(-1))
	return b.Op("Reshape", nil, x, shape)
}

func TestInferFreeBatch(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(b *Builder, x string) string // from x [N 2 4 4]
		want  string                            // the output's shape, or part of the error
	}{
		{"convolution", func(b *Builder, x string) string {
			return b.Op("Conv", Attrs{"strides": []int64{2, 2}}, x, b.Const("w", seq(3, 2, 3, 3)))
		}, "[N 3 1 1]"},
		{"view of x.size(0)", viewChain, "[N 32]"},
		{"reshape by -1", func(b *Builder, x string) string { return b.Op("Reshape", nil, x, b.Ints(-1, 32)) }, "[N 32]"},
		{"reshape by 0", func(b *Builder, x string) string { return b.Op("Reshape", nil, x, b.Ints(0, 8, 4)) }, "[N 8 4]"},
		{"a token for each picture", func(b *Builder, x string) string {
			n := b.Op("Slice", nil, b.Op("Shape", nil, x), b.Ints(0), b.Ints(1))
			shape := b.Op("Concat", Attrs{"axis": int64(0)}, n, b.Ints(1, 8))
			token := b.Op("Expand", nil, b.Const("token", seq(1, 1, 8)), shape)
			return b.Op("Concat", Attrs{"axis": int64(1)}, token, b.Op("Reshape", nil, x, b.Ints(0, 4, 8)))
		}, "[N 5 8]"},
		{"zeros of a computed shape", func(b *Builder, x string) string {
			half := b.Op("Div", nil, b.Op("Shape", Attrs{"start": int64(2)}, x), b.Ints(2))
			n := b.Op("Shape", Attrs{"end": int64(1)}, x)
			return b.Op("ConstantOfShape", nil, b.Op("Concat", Attrs{"axis": int64(0)}, n, half))
		}, "[N 2 2]"},
		{"the batch inside", func(b *Builder, x string) string {
			rows := b.Op("Reshape", nil, x, b.Ints(-1, 4)) // [8N 4]
			return b.Op("Reshape", nil, rows, b.Ints(-1, 8, 4))
		}, "[N 8 4]"},

		{"made for one picture", func(b *Builder, x string) string { return b.Op("Reshape", nil, x, b.Ints(1, 32)) },
			"in a batch of 5: Reshape"},
		{"pictures in a row", func(b *Builder, x string) string { return b.Op("Reshape", nil, x, b.Ints(1, -1)) },
			"shape [1 N]: axis 1 follows the batch"},
		{"two rows for each", func(b *Builder, x string) string { return b.Op("Reshape", nil, x, b.Ints(-1, 16)) },
			"10 rows for 5 pictures"},
		{"rank by batch", func(b *Builder, x string) string {
			n := b.Op("ConstantOfShape", Attrs{"value": ints(1)}, b.Op("Shape", Attrs{"end": int64(1)}, x))
			return b.Op("Reshape", nil, b.Const("one", f32(sh(1), 1)), n)
		}, "rank or type depends on the batch"},
		{"sum with five", func(b *Builder, x string) string { return b.Op("Add", nil, x, b.Const("w", seq(5, 1, 1, 1))) },
			"in a batch of 7"},
		{"target from the pixels", func(b *Builder, x string) string {
			return b.Op("Reshape", nil, x, b.Op("Cast", Attrs{"to": int64(7)}, b.Op("ReduceMean", nil, x)))
		}, "want a list"},
		{"target from the pixels, as a list", func(b *Builder, x string) string {
			mean := b.Op("ReduceMean", Attrs{"keepdims": int64(0), "axes": []int64{0, 1, 2}}, x)
			return b.Op("Reshape", nil, x, b.Op("Cast", Attrs{"to": int64(7)}, mean))
		}, "must be known before a run"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := NewBuilder("g")
			b.Output("y", c.build(b, b.Input("x", tensor.Free, 2, 4, 4)))
			g, err := b.Build()
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Fatalf("error %v, want %s", err, c.want)
				}
				return
			}
			if got := g.Outputs[0].Shape.String(); got != c.want {
				t.Fatalf("%s, want %s", got, c.want)
			}
			// What holds for a free batch holds for each: the run must agree.
			for _, n := range []int{1, 3} {
				out, err := Eval(t.Context(), g, map[string]*tensor.Tensor{"x": seq(n, 2, 4, 4)}, nil)
				if err != nil {
					t.Fatal(err)
				}
				at, err := InferAt(g, n)
				if err != nil {
					t.Fatal(err)
				}
				want := atBatch(g.Outputs[0].Shape, n)
				if !out[0].Shape.Equal(want) || !at["y"].Shape.Equal(want) {
					t.Fatalf("batch %d: run %v, inferred %v, want %v", n, out[0].Shape, at["y"].Shape, want)
				}
			}
		})
	}
}

// Weights kept as float16 with a Cast before their use must be constants to the passes and to the plan.
func TestInferFoldsConstants(t *testing.T) {
	b := NewBuilder("g")
	x := b.Input("x", tensor.Free, 2)
	half := b.Const("half", &tensor.Tensor{DType: tensor.Float16, Shape: sh(2), Raw: []byte{0x00, 0x3c, 0x00, 0xc0}})
	w := b.Op("Cast", Attrs{"to": int64(1)}, half)
	batch := b.Op("Shape", Attrs{"end": int64(1)}, x)
	b.Output("y", b.Op("Mul", nil, x, w))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	infos, err := Infer(g)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, infos[w].Const, f32(sh(2), 1, -2), 0)
	if infos["y"].Const != nil || infos[batch].Const != nil {
		t.Error("a value that depends on the input is constant")
	}
	at, err := InferAt(g, 3)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, at[batch].Const, ints(3), 0)
}

// A file of some bytes must not make gigabytes ahead of a run.
func TestInferBoundsFolding(t *testing.T) {
	b := NewBuilder("g")
	b.Input("x", tensor.Free, 1)
	var last string
	for range 100 {
		last = b.Op("ConstantOfShape", nil, b.Ints(1<<23))
	}
	b.Output("y", last)
	infos, err := Infer(b.g)
	if err != nil {
		t.Fatal(err)
	}
	elems := 0
	for _, v := range infos {
		if v.Const != nil {
			elems += v.Const.Elems()
		}
	}
	if elems > maxFold+300 {
		t.Errorf("%d elements computed, the limit is %d", elems, maxFold)
	}
	if infos["y"].Const != nil || !infos["y"].Shape.Equal(sh(1<<23)) {
		t.Errorf("y is %v, constant %t", infos["y"].Shape, infos["y"].Const != nil)
	}
}

func TestInferAtBatch(t *testing.T) {
	b := NewBuilder("g")
	b.Output("y", b.Op("Sqrt", nil, b.Input("x", tensor.Free, 1<<20)))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, -1, 1 << 20, 1 << 60} {
		if _, err := InferAt(g, n); err == nil {
			t.Errorf("batch %d: no error", n)
		}
	}
}
