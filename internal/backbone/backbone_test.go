package backbone

import (
	"crypto/sha256"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/transform"
)

// toy builds small networks in the manner of well-known families, with random weights.
type toy struct {
	*nn.Builder
	r *rand.Rand
	n int
}

func newToy(name string) *toy {
	return &toy{Builder: nn.NewBuilder(name), r: rand.New(rand.NewPCG(1, 2))}
}

func (b *toy) weight(shape ...int) string {
	t := tensor.New(tensor.Float32, shape...)
	fan := 1
	for _, d := range shape[1:] {
		fan *= d
	}
	for i := range t.F {
		t.F[i] = float32(b.r.NormFloat64() / math.Sqrt(float64(fan)))
	}
	b.n++
	return b.Const("w"+string(rune('a'+b.n)), t)
}

// conv is a square convolution that keeps the size.
func (b *toy) conv(x string, in, out, k, groups int) string {
	p := int64(k / 2)
	return b.Op("Conv", nn.Attrs{"kernel_shape": []int64{int64(k), int64(k)}, "pads": []int64{p, p, p, p}, "group": int64(groups)},
		x, b.weight(out, in/groups, k, k), b.weight(out))
}

func (b *toy) relu(x string) string    { return b.Op("Relu", nil, x) }
func (b *toy) gap(x string) string     { return b.Op("GlobalAveragePool", nil, x) }
func (b *toy) flatten(x string) string { return b.Op("Flatten", nn.Attrs{"axis": int64(1)}, x) }
func (b *toy) dropout(x string) string { return b.Op("Dropout", nil, x) }
func (b *toy) gemm(x string, in, out int) string {
	return b.Op("Gemm", nn.Attrs{"transB": int64(1)}, x, b.weight(out, in), b.weight(out))
}

const size = 8

func (b *toy) input() string { return b.Input("data", tensor.Free, 3, size, size) }

// A family is a way to build a classifier. It returns the value that the rule must cut at and the output.
type family struct {
	name  string
	width int
	build func(b *toy) (cut, out string)
	want  string // in Backbone.Cut
}

var families = []family{
	{"resnet", 6, func(b *toy) (string, string) {
		x := b.relu(b.conv(b.input(), 3, 6, 3, 1))
		x = b.relu(b.Op("Add", nil, b.conv(x, 6, 6, 3, 1), b.conv(x, 6, 6, 1, 1)))
		f := b.flatten(b.gap(x))
		return f, b.gemm(f, 6, 5)
	}, `cut before Gemm "gemm_`},
	{"mobilenet", 10, func(b *toy) (string, string) {
		x := b.relu(b.conv(b.input(), 3, 4, 3, 1))
		x = b.conv(x, 4, 4, 3, 4)
		x = b.Op("Clip", nil, b.conv(x, 4, 10, 1, 1), b.Const("zero", &tensor.Tensor{DType: tensor.Float32, F: []float32{0}}), b.Const("six", &tensor.Tensor{DType: tensor.Float32, F: []float32{6}}))
		f := b.Op("ReduceMean", nn.Attrs{"axes": []int64{2, 3}, "keepdims": int64(0)}, x)
		logits := b.Op("Add", nil, b.weight(5), b.Op("MatMul", nil, f, b.weight(10, 5)))
		return f, b.Op("Softmax", nn.Attrs{"axis": int64(-1)}, logits)
	}, `cut before MatMul "matmul_`},
	{"squeezenet", 4, func(b *toy) (string, string) {
		x := b.relu(b.conv(b.input(), 3, 4, 1, 1))
		x = b.Op("Concat", nn.Attrs{"axis": int64(1)}, b.relu(b.conv(x, 4, 2, 1, 1)), b.relu(b.conv(x, 4, 2, 3, 1)))
		f := b.dropout(x)
		return f, b.Op("Softmax", nn.Attrs{"axis": int64(1)}, b.flatten(b.gap(b.relu(b.conv(f, 4, 5, 1, 1)))))
	}, `cut before Conv "conv_`},
	{"vgg", 9, func(b *toy) (string, string) {
		x := b.Op("MaxPool", nn.Attrs{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}}, b.relu(b.conv(b.input(), 3, 4, 3, 1)))
		x = b.dropout(b.relu(b.gemm(b.flatten(x), 64, 7)))
		f := b.dropout(b.relu(b.gemm(x, 7, 9)))
		return f, b.gemm(f, 9, 5)
	}, "[N 9] -> [N 5]"},
	{"efficientnet", 6, func(b *toy) (string, string) {
		silu := func(x string) string { return b.Op("Mul", nil, x, b.Op("Sigmoid", nil, x)) }
		x := silu(b.conv(b.input(), 3, 6, 3, 1))
		se := b.Op("Sigmoid", nil, b.conv(silu(b.conv(b.gap(x), 6, 2, 1, 1)), 2, 6, 1, 1))
		x = b.Op("Mul", nil, x, se)
		f := b.dropout(b.flatten(b.gap(x)))
		return f, b.Op("Sigmoid", nil, b.Op("Identity", nil, b.gemm(f, 6, 5)))
	}, "features [N 6]"},
}

// file returns the family's classifier as a model file, and the name of the tensor to cut at.
func (f family) file(t *testing.T, batch int) ([]byte, string) {
	b := newToy(f.name)
	at, out := f.build(b)
	b.Output(out, out)
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	g.Inputs[0].Shape[0] = batch
	return encode(t, g), at
}

func encode(t *testing.T, g *nn.Graph) []byte {
	data, err := onnx.Encode(&onnx.Model{Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func pixels(n int) *tensor.Tensor {
	r := rand.New(rand.NewPCG(3, 4))
	x := tensor.New(tensor.Float32, n, 3, size, size)
	for i := range x.F {
		x.F[i] = float32(r.IntN(256))
	}
	return x
}

func eval(t *testing.T, g *nn.Graph, x *tensor.Tensor) *tensor.Tensor {
	t.Helper()
	out, err := nn.Eval(t.Context(), g, map[string]*tensor.Tensor{g.Inputs[0].Name: x}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

func mode(t *testing.T, name string) *transform.Normalise {
	t.Helper()
	n, err := transform.ParseMode(name)
	if err != nil {
		t.Fatal(err)
	}
	return &n
}

// reference computes what the original network holds at a tensor, normalised and pooled by hand.
func reference(t *testing.T, data []byte, at string, x *tensor.Tensor, norm *transform.Normalise) *tensor.Tensor {
	t.Helper()
	m, err := onnx.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Outputs = []nn.Value{{Name: at}}
	in := tensor.New(tensor.Float32, x.Shape...)
	plane := size * size
	for i, v := range x.F {
		c := i / plane % 3
		if norm.BGR {
			v = x.F[i+(2-2*c)*plane]
		}
		in.F[i] = (v - norm.Mean[c]) / norm.Std[c]
	}
	y := eval(t, m.Graph, in)
	if len(y.Shape) == 2 {
		return y
	}
	n, c := y.Shape[0], y.Shape[1]
	out := tensor.New(tensor.Float32, n, c)
	area := len(y.F) / (n * c)
	for i := range out.F {
		sum := 0.0
		for _, v := range y.F[i*area : (i+1)*area] {
			sum += float64(v)
		}
		out.F[i] = float32(sum / float64(area))
	}
	return out
}

// maxRel returns the largest difference in units of the largest value.
func maxRel(t *testing.T, got, want *tensor.Tensor) float64 {
	t.Helper()
	if !got.Shape.Equal(want.Shape) {
		t.Fatalf("shape %v, want %v", got.Shape, want.Shape)
	}
	var diff, scale float64
	for i, w := range want.F {
		diff = max(diff, math.Abs(float64(got.F[i]-w)))
		scale = max(scale, math.Abs(float64(w)))
	}
	if scale == 0 || math.IsNaN(diff) {
		t.Fatalf("scale %v, difference %v", scale, diff)
	}
	return diff / scale
}

// Each family is cut where a person would cut it, and its features are those of the whole network.
func TestFamilies(t *testing.T) {
	for _, f := range families {
		for _, input := range []string{"torch", "tf", "caffe", "raw"} {
			t.Run(f.name+"/"+input, func(t *testing.T) {
				data, at := f.file(t, tensor.Free)
				norm := mode(t, input)
				b, err := FromONNX(data, f.name, Options{Normalise: norm})
				if err != nil {
					t.Fatal(err)
				}
				if b.Width != f.width || b.SinglePicture() || !strings.Contains(b.Cut, f.want) {
					t.Errorf("width %d, single %v, cut %q; want %d and %q", b.Width, b.SinglePicture(), b.Cut, f.width, f.want)
				}
				if in := b.Graph.Inputs[0]; in.Name != "input" || !in.Shape.Equal(tensor.Shape{tensor.Free, 3, size, size}) {
					t.Errorf("input %v", in)
				}
				if out := b.Graph.Outputs; len(out) != 1 || out[0].Name != "features" || !out[0].Shape.Equal(tensor.Shape{tensor.Free, f.width}) {
					t.Errorf("outputs %v", out)
				}
				if b.SHA256 != sha256.Sum256(data) {
					t.Error("the hash is not the file's")
				}
				x := pixels(3)
				got := eval(t, b.Graph, x)
				if d := maxRel(t, got, reference(t, data, at, x, norm)); d > 1e-5 {
					t.Errorf("features differ by %g of their largest", d)
				}
				for i := range 3 { // alone or in a batch: the same bits
					one := eval(t, b.Graph, &tensor.Tensor{DType: x.DType, Shape: tensor.Shape{1, 3, size, size}, F: x.F[i*3*size*size : (i+1)*3*size*size]})
					if !slices.Equal(one.F, got.F[i*f.width:(i+1)*f.width]) {
						t.Errorf("picture %d alone has other features than in a batch", i)
					}
				}
			})
		}
	}
}

// What is cut off leaves nothing behind, and the rest survives a model file.
func TestRoundTrip(t *testing.T) {
	for _, f := range families {
		data, _ := f.file(t, tensor.Free)
		b, err := FromONNX(data, f.name, Options{Normalise: mode(t, "torch")})
		if err != nil {
			t.Fatal(err)
		}
		used := map[string]bool{}
		for _, n := range b.Graph.Nodes {
			for _, in := range n.Inputs {
				used[in] = true
			}
		}
		for name := range b.Graph.Init {
			if !used[name] {
				t.Errorf("%s: initialiser %q is left", f.name, name)
			}
		}
		written, err := onnx.Encode(&onnx.Model{Graph: b.Graph, Metadata: map[string]string{
			KeyFeatures: OutputName, KeyInput: "raw", KeyResize: b.Spec.String()}})
		if err != nil {
			t.Fatal(err)
		}
		again, err := FromONNX(written, f.name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if again.Spec != b.Spec || !strings.HasPrefix(again.Cut, `nothing cut: output "features"`) {
			t.Errorf("%s: spec %v, cut %q", f.name, again.Spec, again.Cut)
		}
		x := pixels(2)
		if !slices.Equal(eval(t, again.Graph, x).F, eval(t, b.Graph, x).F) {
			t.Errorf("%s: features differ after a model file", f.name)
		}
	}
}

func TestCutByName(t *testing.T) {
	f := families[0]
	data, at := f.file(t, tensor.Free)
	m, err := onnx.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	logits := m.Graph.Outputs[0].Name
	relu := m.Graph.Nodes[1].Outputs[0]
	weight := m.Graph.Nodes[0].Inputs[1]
	for cut, want := range map[string]string{
		CutNone: `nothing cut: output "` + logits + `" [N 5]; features [N 5]`,
		at:      `cut at "` + at + `" [N 6]; features [N 6]`,
		relu:    `cut at "` + relu + `" [N 6 8 8]; features [N 6]`,
	} {
		b, err := FromONNX(data, f.name, Options{Normalise: mode(t, "raw"), Cut: cut})
		if err != nil {
			t.Fatal(err)
		}
		if b.Cut != want {
			t.Errorf("cut %q, want %q", b.Cut, want)
		}
		x := pixels(2)
		at := cut
		if cut == CutNone {
			at = logits
		}
		if d := maxRel(t, eval(t, b.Graph, x), reference(t, data, at, x, mode(t, "raw"))); d > 1e-5 {
			t.Errorf("--cut %s: features differ by %g", cut, d)
		}
	}
	for _, cut := range []string{"nowhere", weight, "data"} {
		if _, err := FromONNX(data, f.name, Options{Normalise: mode(t, "raw"), Cut: cut}); err == nil || !strings.Contains(err.Error(), cut) {
			t.Errorf("--cut %s: error %v, want one that names it", cut, err)
		}
	}
}

func TestNHWC(t *testing.T) {
	b := newToy("keras")
	x := b.Op("Transpose", nn.Attrs{"perm": []int64{0, 3, 1, 2}}, b.Input("input", tensor.Free, size, size, 3))
	f := b.flatten(b.gap(b.relu(b.conv(x, 3, 6, 3, 1))))
	out := b.gemm(f, 6, 5)
	b.Output(out, out)
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	bb, err := FromONNX(encode(t, g), "keras", Options{Normalise: mode(t, "caffe")})
	if err != nil {
		t.Fatal(err)
	}
	if s := bb.Graph.Inputs[0].Shape; !s.Equal(tensor.Shape{tensor.Free, 3, size, size}) {
		t.Fatalf("input %v", s)
	}
	// The same network with the transpose undone takes the picture as it is.
	plain := newToy("plain")
	f = plain.flatten(plain.gap(plain.relu(plain.conv(plain.input(), 3, 6, 3, 1))))
	out = plain.gemm(f, 6, 5)
	plain.Output(out, out)
	if g, err = plain.Build(); err != nil {
		t.Fatal(err)
	}
	want, err := FromONNX(encode(t, g), "plain", Options{Normalise: mode(t, "caffe")})
	if err != nil {
		t.Fatal(err)
	}
	px := pixels(2)
	if d := maxRel(t, eval(t, bb.Graph, px), eval(t, want.Graph, px)); d > 1e-6 {
		t.Errorf("features differ by %g", d)
	}
}

// tokens is a network whose classifier reads [N, T, D]: the middle is averaged.
func TestMatMulOverTokens(t *testing.T) {
	b := newToy("tokens")
	x := b.Op("Reshape", nil, b.conv(b.input(), 3, 6, 1, 1), b.Ints(0, 6, size*size))
	f := b.Op("Transpose", nn.Attrs{"perm": []int64{0, 2, 1}}, x)
	out := b.Op("ReduceMean", nn.Attrs{"axes": []int64{1}, "keepdims": int64(0)}, b.Op("MatMul", nil, f, b.weight(6, 5)))
	b.Output(out, out)
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	bb, err := FromONNX(encode(t, g), "tokens", Options{Normalise: mode(t, "raw")})
	if err != nil {
		t.Fatal(err)
	}
	if bb.Width != 6 {
		t.Errorf("width %d, want 6", bb.Width)
	}
}

func TestEmbedded(t *testing.T) {
	if sum := sha256.Sum256(graftSFile); sum != graftS.sha256 {
		t.Fatalf("graft_s.onnx has sha256 %x, want %x", sum, graftS.sha256)
	}
	b, err := Embedded(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b.Name != "graft_s" || b.Width != 384 || b.Spec.String() != "stretch 96x96 bilinear" || b.SinglePicture() || b.Licence == "" {
		t.Errorf("%s: width %d, %v, licence %q", b.Name, b.Width, b.Spec, b.Licence)
	}
	if want := `nothing cut: output "features" [N 384]; features [N 384]`; b.Cut != want {
		t.Errorf("cut %q, want %q", b.Cut, want)
	}
	// The file under another name is known as what it is.
	other, err := FromONNX(graftSFile, "mine.onnx", Options{})
	if err != nil || other.SHA256 != b.SHA256 || other.Spec != b.Spec {
		t.Errorf("from a file: %v", err)
	}
}

// MobileNetV2 as published: the feature is the pooled input of the last Gemm.
func TestMobileNetV2(t *testing.T) {
	dir := os.Getenv("GRAFT_DATA")
	if dir == "" {
		t.Skip("GRAFT_DATA does not name the folder that holds weights/mobilenetv2_100_imagenet.onnx")
	}
	data, err := os.ReadFile(filepath.Join(dir, "weights", "mobilenetv2_100_imagenet.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := FromONNX(data, "mobilenetv2", Options{Normalise: mode(t, "tf")})
	if err != nil {
		t.Fatal(err)
	}
	want := `cut before Gemm "predictions": "features" [N 1280] -> [N 1000]; features [N 1280]`
	if b.Width != 1280 || b.Spec.String() != "stretch 224x224 bilinear" || b.SinglePicture() || b.Cut != want {
		t.Errorf("width %d, %v, cut %q", b.Width, b.Spec, b.Cut)
	}
}
