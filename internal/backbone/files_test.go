package backbone

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/weights"
)

// Each kind of file that Keras writes, of each of its networks, fills the network with the weights that it was
// written with. The committed files are skeletons: their arrays are drawn as they are read.
func TestKerasFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("draws the weights of 28 files")
	}
	files, err := filepath.Glob("../../testdata/backbones/skeleton/*.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d skeletons, %v", len(files), err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".gz")
		application, _, _ := strings.Cut(name, ".")
		which, ok := goldenNets["keras."+application]
		if !ok {
			continue // Tiny is for package check's own test
		}
		t.Run(name, func(t *testing.T) {
			if application == "VGG16" && !strings.HasSuffix(name, ".legacy.h5") && os.Getenv("GRAFT_GOLDEN") != "all" {
				t.Skip("half a gigabyte: GRAFT_GOLDEN=all reads it (make goldens)")
			}
			r, size := check.LoadSkeleton(t, path)
			sameWeights(t, r, size, name, which)
		})
	}
}

// sameWeights reads a file and compares each parameter of its network with what was drawn for it.
func sameWeights(t *testing.T, r io.ReaderAt, size int64, name string, which network) {
	t.Helper()
	f, err := weights.Open(r, size, name)
	if err != nil {
		t.Fatal(err)
	}
	a, err := findArch(which.arch)
	if err != nil {
		t.Fatal(err)
	}
	lay, err := a.layout(which.layout)
	if err != nil {
		t.Fatal(err)
	}
	n, found, err := a.fit(lay, a.size, a.size, f)
	if err != nil {
		t.Fatal(err)
	}
	if n.classes != 1000 {
		t.Errorf("%d classes, want 1000", n.classes)
	}
	want := seededFile(n)
	order, err := match(n, want)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range n.params {
		got, err := found[i].Read()
		if err != nil {
			t.Fatal(err)
		}
		drawn, err := order[i].Read()
		if err != nil {
			t.Fatal(err)
		}
		if p.kind != inputStats && !slices.Equal(got.F, drawn.F) {
			t.Fatalf("%s %v: its array %q has other numbers", p.layer, p.role, found[i].Name)
		}
	}
}

// The whole files that the libraries write, some gigabytes, which nobody commits: GRAFT_FULL names the folder that
// testdata/backbones/full_keras.py and full_torch.py have filled. Their names begin as those of the golden files.
func TestFullFiles(t *testing.T) {
	dir := os.Getenv("GRAFT_FULL")
	if dir == "" {
		t.Skip("GRAFT_FULL names no folder (make full)")
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		which, ok := networkOf(file.Name())
		if !ok || strings.HasSuffix(file.Name(), ".onnx") {
			continue
		}
		checked++
		t.Run(file.Name(), func(t *testing.T) {
			f, err := os.Open(filepath.Join(dir, file.Name()))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			sameWeights(t, f, info.Size(), file.Name(), which)
		})
	}
	if checked == 0 {
		t.Errorf("%s: none of %d files is named like a golden file", dir, len(files))
	}
}

// networkOf finds the network that a file of the libraries is of by its name: torchvision.resnet50.zip.pth, or
// ResNet50.legacy.h5 of Keras.
func networkOf(file string) (network, bool) {
	for _, name := range []string{file, "keras." + file} {
		parts := strings.SplitN(name, ".", 3)
		if len(parts) == 3 {
			if which, ok := goldenNets[parts[0]+"."+parts[1]]; ok {
				return which, true
			}
		}
	}
	return network{}, false
}

// The published MobileNetV2 in Keras's layout and as an ONNX model, where GRAFT_DATA names a folder with both under
// weights: two readers, the same features.
func TestKerasAndONNXAgree(t *testing.T) {
	const limit = 1e-4 // the ONNX file's batch norms were folded in float32
	dir := os.Getenv("GRAFT_DATA")
	if dir == "" {
		t.Skip("GRAFT_DATA does not name the folder that holds weights/mobilenet_v2_….h5")
	}
	tf := mode(t, "tf")
	var rows [][]float32
	for name, o := range map[string]Options{
		"mobilenetv2_100_imagenet.onnx":                              {Normalise: tf},
		"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5": {Normalise: tf, Arch: "mobilenetv2"},
	} {
		f, err := os.Open(filepath.Join(dir, "weights", name))
		if err != nil {
			t.Skip(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		b, err := FromFile(f, info.Size(), name, o)
		if err != nil {
			t.Fatal(err)
		}
		row := make([]float32, 2*b.Width)
		plan, err := nn.NewPlan(b.Graph, nn.PlanOptions{MaxBatch: 2})
		if err == nil {
			err = plan.Run(t.Context(), [][]float32{row}, [][]float32{seededPixels(224, 224)}, 2)
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	var worst, largest float64
	for i, v := range rows[0] {
		worst = max(worst, math.Abs(float64(v-rows[1][i])))
		largest = max(largest, math.Abs(float64(v)))
	}
	if !(worst <= limit*largest) || largest == 0 {
		t.Errorf("features differ by %.3g of their largest, want at most %g", worst/largest, limit)
	}
	t.Logf("features differ by %.3g of their largest", worst/largest)
}
