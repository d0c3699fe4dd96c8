package main

import (
	"archive/tar"
	"compress/gzip"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
	"github.com/graft-ml/graft/internal/tensor"
)

// The files that the documents speak of and that the repository does not hold.
const (
	caltech   = "101_ObjectCategories.tar.gz"
	mobilenet = "mobilenetv2_100_imagenet.onnx"
)

// standIns lays out what the documents' commands expect in the folder they run in: a folder of photos, and
// Caltech-101 and a MobileNetV2: small ones with the same form, or, if the environment variable GRAFT_DATA
// names a folder that holds them, the real ones.
func standIns(t *testing.T, dir string) {
	t.Helper()
	if err := writePhotos(filepath.Join(dir, "photos"), 12, []string{"cat", "dog", "owl"}); err != nil {
		t.Fatal(err)
	}
	if real := os.Getenv("GRAFT_DATA"); real != "" {
		for _, name := range []string{caltech, mobilenet} {
			if err := os.Symlink(filepath.Join(real, name), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	writeCaltech(t, filepath.Join(dir, caltech))
	if err := writeCNN(filepath.Join(dir, mobilenet)); err != nil {
		t.Fatal(err)
	}
}

// writeCaltech writes an archive with the layout of Caltech-101: one wrapper folder, one folder a class.
func writeCaltech(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	zip := gzip.NewWriter(f)
	w := tar.NewWriter(zip)
	for k, class := range []string{"BACKGROUND_Google", "accordion", "anchor", "ant"} {
		for i := range 12 {
			data := stripes(k, uint64(i))
			h := tar.Header{Name: "101_ObjectCategories/" + class + "/image_" + string(rune('a'+i)) + ".jpg", Mode: 0o644, Size: int64(len(data))}
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(data); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, close := range []func() error{w.Close, zip.Close, f.Close} {
		if err := close(); err != nil {
			t.Fatal(err)
		}
	}
}

// writeCNN writes a network with the edges of the published MobileNetV2, 224×224 in and 1000 classes out, and
// next to nothing in between.
func writeCNN(path string) error {
	r := rand.New(rand.NewPCG(1, 1))
	weights := func(shape ...int) *tensor.Tensor {
		w := tensor.New(tensor.Float32, shape...)
		for i := range w.F {
			w.F[i] = float32(r.NormFloat64()) / 16
		}
		return w
	}
	b := nn.NewBuilder("standin")
	x := b.Input("input", tensor.Free, 3, 224, 224)
	x = b.Op("Conv", nn.Attrs{"strides": []int64{16, 16}}, x, b.Const("conv.weight", weights(24, 3, 16, 16)))
	x = b.Op("Relu", nil, x)
	x = b.Op("GlobalAveragePool", nil, x)
	x = b.Op("Flatten", nil, x)
	x = b.Op("Gemm", nil, x, b.Const("fc.weight", weights(24, 1000)), b.Const("fc.bias", weights(1000)))
	b.Output("logits", x)
	g, err := b.Build()
	if err != nil {
		return err
	}
	data, err := onnx.Encode(&onnx.Model{Graph: g})
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o666)
}
