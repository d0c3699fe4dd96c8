package backbone

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/transform"
	"github.com/graft-ml/graft/internal/weights"
)

// fileOf is the seeded weights file of an architecture in a layout, with classes outputs.
func fileOf(t *testing.T, name, layout string, classes int) *weights.File {
	t.Helper()
	a, err := findArch(name)
	if err != nil {
		t.Fatal(err)
	}
	lay, err := a.layout(layout)
	if err != nil {
		t.Fatal(err)
	}
	n, err := a.newNet(lay, a.size, a.size, classes)
	if err != nil {
		t.Fatal(err)
	}
	return seededFile(n)
}

// asFile is what fromWeights makes of f under options.
func asFile(f *weights.File, o Options) (*Backbone, error) {
	b := &Backbone{Name: f.Name}
	return b, b.fromWeights(f, Identity{}, o)
}

// torchInput is the option that says how the input is scaled.
func torchInput(t *testing.T) *transform.Normalise { return mode(t, "torch") }

// A file with any number of classes, or with none, gives the same features.
func TestClassifierIsLeftOut(t *testing.T) {
	for _, classes := range []int{0, 1, 7, 1000} {
		b, err := asFile(fileOf(t, "resnet18", "torch", classes), Options{Arch: "resnet18", Normalise: torchInput(t), Width: 64, Height: 64})
		if err != nil {
			t.Fatal(err)
		}
		if b.Width != 512 || b.Spec.Width != 64 || !strings.HasPrefix(b.Cut, "resnet18 (torch): ") {
			t.Errorf("%d classes: %d features of %v, %q", classes, b.Width, b.Spec, b.Cut)
		}
	}
}

// Wrong files are refused in one line that says what is wrong and what the file may be.
func TestWrongWeights(t *testing.T) {
	resnet50 := func(o Options) Options {
		o.Arch, o.Normalise = "resnet50", torchInput(t)
		return o
	}
	resnet18 := Options{Arch: "resnet18", Normalise: torchInput(t)}
	for _, c := range []struct {
		name string
		file func() *weights.File
		o    Options
		want []string
	}{
		{"resnet18 as resnet50", func() *weights.File { return fileOf(t, "resnet18", "torch", 1000) }, resnet50(Options{}),
			[]string{"as resnet50 (torch)", "165 tensors missing (\"layer1.0.downsample.0.weight\"", "its arrays fit resnet18 (torch)"}},
		{"not named", func() *weights.File { return fileOf(t, "resnet18", "torch", 10) }, Options{},
			[]string{"--arch", "--input-mode", "fit resnet18 (torch)"}},
		{"no input mode", func() *weights.File { return fileOf(t, "resnet18", "torch", 10) }, Options{Arch: "resnet18"},
			[]string{"--input-mode"}},
		{"unknown architecture", func() *weights.File { return fileOf(t, "resnet18", "torch", 10) }, Options{Arch: "resnet19"},
			[]string{`unknown architecture "resnet19"`, "resnet34"}},
		{"unknown layout", func() *weights.File { return fileOf(t, "resnet18", "torch", 10) }, Options{Arch: "resnet18", Layout: "caffe", Normalise: torchInput(t)},
			[]string{`no layout "caffe"`, "torch"}},
		{"torch as Keras", func() *weights.File { return fileOf(t, "resnet50", "torch", 10) }, resnet50(Options{Layout: "keras"}),
			[]string{"safetensors", "Keras"}},
		{"array missing", func() *weights.File { return without(fileOf(t, "resnet18", "torch", 10), "bn1.running_var") }, resnet18,
			[]string{`1 tensor missing ("bn1.running_var")`, "fit no architecture"}},
		{"array left over", func() *weights.File { return with(fileOf(t, "resnet18", "torch", 10), "conv1.bias", 64) }, resnet18,
			[]string{`1 tensor left over ("conv1.bias")`}},
		{"wrong shape", func() *weights.File { return reshaped(fileOf(t, "resnet18", "torch", 10), "conv1.weight", 64, 3, 5, 5) }, resnet18,
			[]string{`tensor "conv1.weight": shape [64 3 5 5], want [64 3 7 7]`}},
		{"not a number", func() *weights.File {
			return spoilt(fileOf(t, "resnet18", "torch", 10), "layer4.1.bn2.bias", float32(math.NaN()))
		},
			resnet18, []string{`tensor "layer4.1.bn2.bias": element 3 is NaN`}},
		{"integers", func() *weights.File { return integers(fileOf(t, "resnet18", "torch", 10), "bn1.bias") }, resnet18,
			[]string{`tensor "bn1.bias": int64, want floating-point`}},
		{"layers in another order", func() *weights.File { return swapped(fileOf(t, "vgg16", "keras", 10), 2, 4) }, Options{Arch: "vgg16", Normalise: torchInput(t)},
			[]string{"shape"}},
		{"too small", func() *weights.File { return fileOf(t, "vgg16", "torch", 10) }, Options{Arch: "vgg16", Normalise: torchInput(t), Width: 96, Height: 96},
			[]string{"--size 224"}},
		{"a size beyond all bounds", func() *weights.File { return fileOf(t, "resnet18", "torch", 10) }, Options{Arch: "resnet18", Normalise: torchInput(t), Width: 5000, Height: 5000},
			[]string{"5000x5000 pixels, want 32 to 1024"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := asFile(c.file(), c.o)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nlacks %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 1000 {
				t.Errorf("%d characters in several lines: %v", len(err.Error()), err)
			}
		})
	}
}

func without(f *weights.File, name string) *weights.File {
	f.Tensors = slices.DeleteFunc(f.Tensors, func(t weights.Tensor) bool { return t.Name == name })
	return f
}

func with(f *weights.File, name string, shape ...int) *weights.File {
	f.Tensors = append(f.Tensors, weights.Tensor{Name: name, Shape: shape, DType: tensor.Float32})
	return f
}

func at(f *weights.File, name string) *weights.Tensor {
	return &f.Tensors[slices.IndexFunc(f.Tensors, func(t weights.Tensor) bool { return t.Name == name })]
}

func reshaped(f *weights.File, name string, shape ...int) *weights.File {
	at(f, name).Shape = shape
	return f
}

func spoilt(f *weights.File, name string, v float32) *weights.File {
	t := at(f, name)
	read := t.Read
	t.Read = func() (*tensor.Tensor, error) {
		x, err := read()
		x.F[3] = v
		return x, err
	}
	return f
}

func integers(f *weights.File, name string) *weights.File {
	t := at(f, name)
	t.DType = tensor.Int64
	t.Read = func() (*tensor.Tensor, error) { return tensor.New(tensor.Int64, t.Shape...), nil }
	return f
}

// swapped exchanges two arrays of a Keras file.
func swapped(f *weights.File, i, j int) *weights.File {
	f.Tensors[i], f.Tensors[j] = f.Tensors[j], f.Tensors[i]
	f.Tensors[i].Layer, f.Tensors[j].Layer = f.Tensors[j].Layer, f.Tensors[i].Layer
	return f
}

// Keras pairs layers by their order: a file with names of its own loads, and gives the same features.
func TestKerasOrderRule(t *testing.T) {
	f := fileOf(t, "resnet50", "keras", 10)
	want, err := asFile(f, Options{Arch: "resnet50", Layout: "keras", Normalise: mode(t, "caffe"), Width: 32, Height: 32})
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.Tensors {
		f.Tensors[i].Layer = "other_" + f.Tensors[i].Layer
	}
	got, err := asFile(f, Options{Arch: "resnet50", Layout: "keras", Normalise: mode(t, "caffe"), Width: 32, Height: 32})
	if err != nil {
		t.Fatal(err)
	}
	compareFeatures(t, got, want)
}

// The first Keras's files have their shortcuts in another place: they are paired by name, since in the first
// block shapes would not tell.
func TestKeras2016ByName(t *testing.T) {
	f := fileOf(t, "resnet50", "keras-2016", 10)
	o := Options{Arch: "resnet50", Layout: "keras-2016", Normalise: mode(t, "caffe"), Width: 32, Height: 32}
	want, err := asFile(f, o)
	if err != nil {
		t.Fatal(err)
	}
	first := slices.IndexFunc(f.Tensors, func(t weights.Tensor) bool { return t.Layer == "res2a_branch1" })
	second := slices.IndexFunc(f.Tensors, func(t weights.Tensor) bool { return t.Layer == "res2a_branch2c" })
	for k := range 2 { // kernel and bias
		f.Tensors[first+k], f.Tensors[second+k] = f.Tensors[second+k], f.Tensors[first+k]
	}
	got, err := asFile(f, o)
	if err != nil {
		t.Fatal(err)
	}
	compareFeatures(t, got, want)
}

// compareFeatures holds the features of two backbones of 32×32 pixels against each other, bit for bit.
func compareFeatures(t *testing.T, got, want *Backbone) {
	t.Helper()
	x := tensor.New(tensor.Float32, 1, 3, 32, 32)
	for i := range x.F {
		x.F[i] = float32(i % 251)
	}
	if !slices.Equal(eval(t, got.Graph, x).F, eval(t, want.Graph, x).F) {
		t.Error("other features")
	}
}

// The same arrays can mean two networks; then the user has to say which.
func TestAmbiguousLayout(t *testing.T) {
	f := fileOf(t, "resnet50", "keras", 10)
	for i := range f.Tensors {
		f.Tensors[i].Layer = "other_" + f.Tensors[i].Layer
	}
	_, err := asFile(f, Options{Arch: "resnet50", Normalise: mode(t, "caffe")})
	if err == nil || !strings.Contains(err.Error(), "layouts keras, keras-2016") || !strings.Contains(err.Error(), "--layout") {
		t.Errorf("%v", err)
	}
}

// A file with very many arrays is refused in no time.
func TestManyArrays(t *testing.T) {
	f := &weights.File{Name: "many", Format: weights.Safetensors}
	for i := range 100_000 {
		f.Tensors = append(f.Tensors, weights.Tensor{Name: fmt.Sprint("t", i), Shape: tensor.Shape{1}, DType: tensor.Float32})
	}
	if _, err := asFile(f, Options{Arch: "resnet18", Normalise: torchInput(t)}); err == nil || len(err.Error()) > 1000 {
		t.Errorf("%v", err)
	}
}

// A published file is known by its hash alone: its facts come from the table.
func TestPublishedFile(t *testing.T) {
	f := fileOf(t, "resnet18", "torch", 1000)
	id := Identity{sha256: [32]byte{0xf3, 0x70, 0x72, 0xfd}} // of resnet18-f37072fd.pth
	b := &Backbone{}
	if err := b.fromWeights(f, id, Options{}); err != nil {
		t.Fatal(err)
	}
	if b.Name != "resnet18.tv1" || b.Licence != "BSD-3-Clause" || b.Normalise != *torchInput(t) || b.Spec.String() != "crop 256 224x224 bilinear" {
		t.Errorf("%s, %s, %v, %v", b.Name, b.Licence, b.Normalise, b.Spec)
	}
	smaller := &Backbone{}
	if err := smaller.fromWeights(f, id, Options{Width: 112, Height: 112}); err != nil || smaller.Spec.String() != "crop 128 112x112 bilinear" {
		t.Errorf("%v, %v", smaller.Spec, err)
	}
	larger := &Backbone{}                                     // than its architecture's usual 260 pixels
	id2 := Identity{sha256: [32]byte{0xc3, 0x5c, 0x14, 0x73}} // of efficientnet_b2_rwightman-c35c1473.pth
	if err := larger.fromWeights(fileOf(t, "efficientnet_b2", "torchvision", 1000), id2, Options{}); err != nil || larger.Spec.String() != "crop 288 288x288 bicubic" {
		t.Errorf("%v, %v", larger.Spec, err)
	}
	err := (&Backbone{}).fromWeights(f, id, Options{Arch: "resnet50"})
	if err == nil || !strings.Contains(err.Error(), "this is resnet18") {
		t.Errorf("%v", err)
	}
}
