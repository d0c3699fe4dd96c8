package backbone

import (
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/transform"
)

// Files with a fixed batch of 1, whose shapes say so or not, and what becomes of them.
func TestFixedBatch(t *testing.T) {
	const c = 6
	features := func(b *toy) string { return b.gap(b.relu(b.conv(b.Input("data", 1, 3, size, size), 3, c, 3, 1))) }
	for name, tc := range map[string]struct {
		build  func(b *toy) string
		single bool
	}{
		"flatten": {func(b *toy) string { return b.gemm(b.flatten(features(b)), c, 5) }, false},
		"reshape [1 6]": {func(b *toy) string {
			return b.gemm(b.Op("Reshape", nil, features(b), b.Ints(1, c)), c, 5)
		}, false},
		"reshape [1 -1]": {func(b *toy) string {
			return b.gemm(b.Op("Reshape", nil, features(b), b.Ints(1, -1)), c, 5)
		}, false},
		"squeeze and excitation": {func(b *toy) string {
			x := b.relu(b.conv(b.Input("data", 1, 3, size, size), 3, c, 3, 1))
			se := b.Op("Reshape", nil, b.gap(x), b.Ints(1, c))
			se = b.Op("Reshape", nil, b.Op("Sigmoid", nil, b.gemm(se, c, c)), b.Ints(1, c, 1, 1))
			return b.gemm(b.flatten(b.gap(b.Op("Mul", nil, x, se))), c, 5)
		}, false},
		"shuffle of channels": {func(b *toy) string {
			x := b.relu(b.conv(b.Input("data", 1, 3, size, size), 3, c, 3, 1))
			x = b.Op("Reshape", nil, x, b.Ints(1, 2, c/2, size, size))
			x = b.Op("Reshape", nil, b.Op("Transpose", nn.Attrs{"perm": []int64{0, 2, 1, 3, 4}}, x), b.Ints(1, -1, size, size))
			return b.gemm(b.flatten(b.gap(x)), c, 5)
		}, false},
		"batch merged with channels": {func(b *toy) string {
			x := b.Op("Reshape", nil, b.relu(b.conv(b.Input("data", 1, 3, size, size), 3, c, 3, 1)), b.Ints(c, -1))
			x = b.Op("ReduceMean", nn.Attrs{"axes": []int64{1}, "keepdims": int64(1)}, x)
			return b.gemm(b.Op("Transpose", nil, x), c, 5)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newToy(name)
			out := tc.build(b)
			b.Output(out, out)
			g, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			bb, err := FromONNX(encode(t, g), name, Options{Normalise: mode(t, "tf")})
			if err != nil {
				t.Fatal(err)
			}
			if bb.SinglePicture() != tc.single || bb.Width != c || strings.Contains(bb.Cut, "one picture at a time") != tc.single {
				t.Fatalf("single %v, width %d, cut %q; want single %v", bb.SinglePicture(), bb.Width, bb.Cut, tc.single)
			}
			x := pixels(3)
			plane := 3 * size * size
			first := eval(t, bb.Graph, tensor.FromFloats(x.F[:plane], 1, 3, size, size))
			if tc.single {
				return
			}
			if all := eval(t, bb.Graph, x); !slices.Equal(all.F[:c], first.F) {
				t.Error("a picture alone has other features than in a batch")
			}
		})
	}
}

// torch's x.squeeze() drops a batch of 1 with the rest; its features must stay a row.
func TestSqueezeKeepsTheBatch(t *testing.T) {
	b := newToy("squeeze")
	f := b.Op("Squeeze", nil, b.gap(b.relu(b.conv(b.input(), 3, 6, 3, 1))))
	out := b.gemm(f, 6, 5)
	b.Output(out, out)
	// The Builder infers shapes for a batch above 1 and is content.
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	bb, err := FromONNX(encode(t, g), "squeeze", Options{Normalise: mode(t, "raw")})
	if err != nil {
		t.Fatal(err)
	}
	if one := eval(t, bb.Graph, pixels(1)); bb.SinglePicture() || !one.Shape.Equal(tensor.Shape{1, 6}) {
		t.Errorf("single %v, features of one picture %v", bb.SinglePicture(), one.Shape)
	}
}

func TestOptions(t *testing.T) {
	f := families[0]
	data, _ := f.file(t, tensor.Free)
	open, err := onnx.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	open.Graph.Inputs[0].Shape = tensor.Shape{tensor.Free, 3, tensor.Free, tensor.Free}
	openData, err := onnx.Encode(open)
	if err != nil {
		t.Fatal(err)
	}
	crop, bicubic := transform.Crop, transform.Bicubic
	for name, c := range map[string]struct {
		data []byte
		o    Options
		want string
	}{
		"from the file":  {data, Options{}, "stretch 8x8 bilinear"},
		"another size":   {data, Options{Width: 12, Height: 10}, "stretch 12x10 bilinear"},
		"size left open": {openData, Options{Width: 16, Height: 16}, "stretch 16x16 bilinear"},
		"rule":           {data, Options{Resize: &crop, Short: 9, Filter: &bicubic}, "crop 9 8x8 bicubic"},
	} {
		c.o.Normalise = mode(t, "raw")
		b, err := FromONNX(c.data, name, c.o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := b.Spec.String(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if s := b.Graph.Inputs[0].Shape; s[2] != b.Spec.Height || s[3] != b.Spec.Width {
			t.Errorf("%s: input %v", name, s)
		}
	}
	if _, err := FromONNX(openData, "open.onnx", Options{}); err == nil ||
		!strings.Contains(err.Error(), "--input-mode") || !strings.Contains(err.Error(), "--size") || !strings.Contains(err.Error(), "open.onnx") {
		t.Errorf("error %v, want both that is missing, and the file", err)
	}
}

func TestRefused(t *testing.T) {
	simple := func(shape ...int) func(b *toy) string {
		return func(b *toy) string { return b.relu(b.Input("data", shape...)) }
	}
	for name, c := range map[string]struct {
		build func(b *toy) string
		want  string
	}{
		"gray":          {simple(tensor.Free, 1, 8, 8), "three channels"},
		"rows":          {simple(tensor.Free, 3), "want a float picture"},
		"no classifier": {simple(tensor.Free, 3, 8, 8), "found no classifier"},
		"weights of its own behind": {func(b *toy) string {
			return b.Op("LeakyRelu", nil, b.gemm(b.flatten(b.gap(b.input())), 3, 5))
		}, "comes out of LeakyRelu"},
		"sum of two branches": {func(b *toy) string {
			x := b.flatten(b.gap(b.input()))
			return b.Op("Add", nil, b.gemm(x, 3, 5), b.gemm(x, 3, 5))
		}, "comes out of Add"},
		"nothing in front": {func(b *toy) string {
			return b.flatten(b.gap(b.conv(b.input(), 3, 5, 1, 1)))
		}, "nothing is left in front"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newToy(name)
			out := c.build(b)
			b.Output(out, out)
			g, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			_, err = FromONNX(encode(t, g), "file.onnx", Options{Normalise: mode(t, "raw")})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "file.onnx") {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// Damaged files are an error or a backbone, never a panic.
func TestDamaged(t *testing.T) {
	data, _ := families[2].file(t, 1)
	flipped := make([]byte, len(data))
	for i := range data {
		copy(flipped, data)
		flipped[i] ^= 1 << (i % 8)
		FromONNX(flipped, "damaged", Options{Normalise: mode(t, "tf")})
		if i%7 == 0 {
			FromONNX(data[:i], "cut", Options{Normalise: mode(t, "tf")})
		}
	}
}
