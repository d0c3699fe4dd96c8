package weights

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/tensor"
)

// kerasFileBytes unpacks one of the files that testdata/backbones/make_hdf5_files.py wrote.
func kerasFileBytes(t testing.TB, name string) []byte {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", "keras", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func containerOf(name string) Format {
	if strings.HasSuffix(name, ".keras") {
		return Keras3
	}
	return KerasH5
}

func openKerasFile(t testing.TB, name string) *File {
	t.Helper()
	data := kerasFileBytes(t, name)
	f, err := openKeras(bytes.NewReader(data), int64(len(data)), name, containerOf(name))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// kerasTensor is an array as Keras or h5py gave it.
type kerasTensor struct {
	Layer, Name string
	Shape       []int
	Data        []float32
}

// kerasExpected is what testdata/keras/expected.json says of small_model of the script.
type kerasExpected struct {
	Legacy []kerasTensor // in Keras's order
	Keras3 map[string]kerasTensor
	Layers []string // names, in the model's order
}

func loadKerasExpected(t testing.TB) (e kerasExpected) {
	t.Helper()
	data, err := os.ReadFile("testdata/keras/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func checkKerasTensor(t *testing.T, got Tensor, want kerasTensor) {
	t.Helper()
	if got.Layer != want.Layer || got.Name != want.Name || !got.Shape.Equal(want.Shape) || got.DType != tensor.Float32 {
		t.Errorf("tensor %q of layer %q, %v %v; want %q of %q, float32 %v", got.Name, got.Layer, got.DType, got.Shape, want.Name, want.Layer, want.Shape)
		return
	}
	for range 2 {
		v, err := got.Read()
		if err != nil {
			t.Error(err)
		} else if !v.Shape.Equal(want.Shape) || !slices.Equal(v.F, want.Data) {
			t.Errorf("%s: %v, want %v", got.Name, v.F, want.Data)
		}
	}
}

func TestKerasLegacyOrder(t *testing.T) {
	want := loadKerasExpected(t).Legacy
	for _, name := range []string{"legacy.h5", "legacy_v108.h5", "legacy_latest.h5", "whole.h5"} {
		t.Run(name, func(t *testing.T) {
			f := openKerasFile(t, name)
			if f.Format != KerasH5 || f.Name != name || f.Metadata["backend"] != "tensorflow" || !strings.HasPrefix(f.Metadata["keras_version"], "3.") {
				t.Errorf("format %q, name %q, metadata %q", f.Format, f.Name, f.Metadata)
			}
			if len(f.Tensors) != len(want) {
				t.Fatalf("%d tensors, want %d", len(f.Tensors), len(want))
			}
			for i, w := range want {
				checkKerasTensor(t, f.Tensors[i], w)
			}
		})
	}
}

// TestOpenKeras opens one file of each kind by its content.
func TestOpenKeras(t *testing.T) {
	for name, format := range map[string]Format{"legacy.h5": KerasH5, "whole.h5": KerasH5, "small.weights.h5": Keras3, "small.keras": Keras3, "deflated.keras": Keras3} {
		data := kerasFileBytes(t, name)
		f, err := Open(bytes.NewReader(data), int64(len(data)), name)
		if err != nil || f.Format != format || len(f.Tensors) != len(wantKeras3) {
			t.Errorf("%s: %v, want %d tensors of %q", name, err, len(wantKeras3), format)
		}
		_, err = Open(bytes.NewReader(data), int64(len(data)-1), name)
		if err == nil || !strings.HasPrefix(err.Error(), "weights: "+name+": ") {
			t.Errorf("%s without its last byte: %v", name, err)
		}
	}
}

// wantKeras3 is small_model's arrays as this package orders them: 11 and 10 after 2.
var wantKeras3 = []string{
	"batch_normalization/vars/0", "batch_normalization/vars/1", "batch_normalization/vars/2", "batch_normalization/vars/3",
	"conv2d/vars/0", "conv2d/vars/1", "conv2d_1/vars/0", "conv2d_1/vars/1", "conv2d_2/vars/0", "conv2d_2/vars/1",
	"conv2d_3/vars/0", "conv2d_3/vars/1", "conv2d_4/vars/0", "conv2d_4/vars/1", "conv2d_5/vars/0", "conv2d_5/vars/1",
	"conv2d_6/vars/0", "conv2d_6/vars/1", "conv2d_7/vars/0", "conv2d_7/vars/1", "conv2d_8/vars/0", "conv2d_8/vars/1",
	"conv2d_9/vars/0", "conv2d_9/vars/1", "conv2d_10/vars/0", "conv2d_10/vars/1", "conv2d_11/vars/0", "conv2d_11/vars/1",
	"dense/vars/0", "dense/vars/1", "depthwise_conv2d/vars/0",
	"sequential/layers/batch_normalization/vars/0", "sequential/layers/batch_normalization/vars/1",
	"sequential/layers/batch_normalization/vars/2", "sequential/layers/batch_normalization/vars/3",
	"sequential/layers/conv2d/vars/0", "sequential/layers/conv2d/vars/1", "sequential/layers/conv2d_1/vars/0", "sequential/layers/conv2d_1/vars/1",
}

func TestKeras3Order(t *testing.T) {
	want := loadKerasExpected(t)
	for _, name := range []string{"small.weights.h5", "v108.weights.h5", "latest.weights.h5", "small.keras", "deflated.keras"} {
		t.Run(name, func(t *testing.T) {
			f := openKerasFile(t, name)
			if f.Format != Keras3 || len(f.Tensors) != len(wantKeras3) || len(want.Keras3) != len(wantKeras3) {
				t.Fatalf("format %q, %d tensors, want %d", f.Format, len(f.Tensors), len(wantKeras3))
			}
			for i, path := range wantKeras3 {
				layer, _, _ := strings.Cut(path, "/vars")
				w := want.Keras3["/layers/"+path]
				w.Name, w.Layer = "layers/"+path, strings.Replace(layer, "/layers/", "/", 1)
				checkKerasTensor(t, f.Tensors[i], w)
			}
			checkKerasLayers(t, f, want.Layers)
		})
	}
}

// checkKerasLayers compares the metadata "layers" with the names in the model's order, which a .keras keeps.
func checkKerasLayers(t *testing.T, f *File, names []string) {
	t.Helper()
	var got []string
	own := map[string]string{}
	for line := range strings.Lines(f.Metadata["layers"]) {
		path, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		own[path] = name
		if !strings.Contains(path, "/") {
			got = append(got, name)
		}
	}
	if strings.HasSuffix(f.Name, ".keras") {
		if !slices.Equal(got, names) || !strings.HasPrefix(f.Metadata["keras_version"], "3.") {
			t.Errorf("layers %q, metadata %q, want %q", got, f.Metadata, names)
		}
	} else if len(got) != len(names) {
		t.Errorf("%d layers, want %d", len(got), len(names))
	}
	for path, name := range map[string]string{"conv2d": "zz_first", "conv2d_11": "conv2d_11", "dense": "predictions", "sequential": "inner", "sequential/conv2d": "inner_conv"} {
		if own[path] != name {
			t.Errorf("layer %q is called %q, want %q", path, own[path], name)
		}
	}
}

func TestKerasOtherFiles(t *testing.T) {
	type want struct {
		layer, name string
		data        []float32
	}
	seeded := func(name string) []float32 {
		out := make([]float32, 2)
		check.Seeded(out, name, 0.2, -0.1)
		return out
	}
	tests := map[string][]want{
		"keras1.h5": {
			{"conv1", "conv1_W:0", seeded("conv1_W:0")}, {"conv1", "conv1_b:0", seeded("conv1_b:0")},
			{"bn_conv1", "bn_conv1_gamma:0", seeded("bn_conv1_gamma:0")},
			{"bn_conv1", "bn_conv1_running_std:0", seeded("bn_conv1_running_std:0")},
		},
		"split.h5": {
			{"b", "b/w0:0", []float32{10}}, {"b", "b/w1:0", []float32{11}}, {"a", "a/w0:0", []float32{0}}, {"a", "a/w1:0", []float32{1}},
			{"c", "c/w0:0", []float32{20}}, {"c", "c/w1:0", []float32{21}}, {"d", "d/w0:0", []float32{30}}, {"d", "d/w1:0", []float32{31}},
		},
	}
	for name, wants := range tests {
		t.Run(name, func(t *testing.T) {
			f := openKerasFile(t, name)
			if len(f.Tensors) != len(wants) {
				t.Fatalf("%d tensors, want %d", len(f.Tensors), len(wants))
			}
			for i, w := range wants {
				v, err := f.Tensors[i].Read()
				if err != nil {
					t.Fatal(err)
				}
				if got := f.Tensors[i]; got.Layer != w.layer || got.Name != w.name || !slices.Equal(v.F, w.data) {
					t.Errorf("%q of layer %q: %v, want %q of %q: %v", got.Name, got.Layer, v.F, w.name, w.layer, w.data)
				}
			}
		})
	}
}

// TestKerasLambda opens a model whose config.json has a layer that is a program, with weights of two bytes.
func TestKerasLambda(t *testing.T) {
	f := openKerasFile(t, "lambda.keras")
	if want := "input_layer input_layer\nlambda lambda\ndense d\ndense_1 h"; f.Metadata["layers"] != want {
		t.Errorf("layers %q, want %q", f.Metadata["layers"], want)
	}
	if len(f.Tensors) != 4 {
		t.Fatalf("%d tensors, want 4", len(f.Tensors))
	}
	for i, name := range []string{"d/kernel", "d/bias", "h/kernel", "h/bias"} {
		v, err := f.Tensors[i].Read()
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, 1)
		check.Seeded(want, name, 0.2, -0.1)
		if i%2 == 0 { // kernels are within √(6 / inputs)
			check.Seeded(want, name, 2*math.Sqrt(6), -math.Sqrt(6))
		}
		// Half the last place of a bfloat16 below 4; a float16 has more places.
		if math.Abs(float64(v.F[0]-want[0])) > 0x1p-7 || v.F[0] == 0 {
			t.Errorf("%s: %v, want %v", name, v.F[0], want[0])
		}
	}
}

// TestKerasRealFile opens the weights of a real network in Keras's layout. GRAFT_DATA is the folder that
// holds them.
func TestKerasRealFile(t *testing.T) {
	const name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"
	dir := os.Getenv("GRAFT_DATA")
	if dir == "" {
		t.Skipf("GRAFT_DATA does not name the folder that holds weights/%s", name)
	}
	r, err := os.Open(filepath.Join(dir, "weights", name))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f, err := openKeras(r, info.Size(), name, KerasH5)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, w := range f.Tensors {
		v, err := w.Read()
		if err != nil {
			t.Fatal(err)
		}
		total += v.Elems()
	}
	first := f.Tensors[0]
	if len(f.Tensors) != 262 || total != 3_538_984 || first.Layer != "Conv1" || !first.Shape.Equal(tensor.Shape{3, 3, 3, 32}) {
		t.Errorf("%d tensors, %d numbers, first %q %v; want 262, 3538984 (Keras's table), Conv1 [3 3 3 32]", len(f.Tensors), total, first.Layer, first.Shape)
	}
}
