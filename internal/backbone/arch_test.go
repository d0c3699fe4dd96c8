package backbone

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/tensor"
	"github.com/graft-ml/graft/internal/transform"
	"github.com/graft-ml/graft/internal/weights"
)

// seededFile is a weights file of n's network in its layout, with numbers drawn by counter.
func seededFile(n *net) *weights.File {
	f := &weights.File{Name: "seeded", Format: weights.Safetensors}
	if n.lay.keras {
		f.Format = weights.KerasH5
	}
	for _, p := range n.params {
		t := weights.Tensor{Name: n.lay.torchName(p), Shape: p.fileShape(n.lay.keras), DType: tensor.Float32}
		if n.lay.keras {
			t.Layer = n.lay.fileName(p.layer)
			t.Name = t.Layer + "/" + kerasRoles[p.kind][p.role]
		}
		t.Read = func() (*tensor.Tensor, error) {
			out := tensor.New(tensor.Float32, t.Shape...)
			scale, shift := check.SeededRange(t.Name, t.Shape)
			check.Seeded(out.F, t.Name, scale, shift)
			return out, nil
		}
		if p.kind == inputStats {
			t.Read = func() (*tensor.Tensor, error) { return imageNetStats(p), nil }
		}
		f.Tensors = append(f.Tensors, t)
	}
	return f
}

// kerasRoles are what Keras calls the arrays of a layer.
var kerasRoles = map[kind]map[role]string{
	convLayer:      {weight: "kernel", bias: "bias"},
	depthwiseLayer: {weight: "depthwise_kernel", bias: "bias"},
	denseLayer:     {weight: "kernel", bias: "bias"},
	pointLayer:     {weight: "kernel", bias: "bias"},
	denseConvLayer: {weight: "kernel", bias: "bias"},
	batchNorm:      {weight: "gamma", bias: "beta", mean: "moving_mean", variance: "moving_variance"},
	layerNorm:      {weight: "gamma", bias: "beta"},
	layerScale:     {weight: "gamma"},
	inputStats:     {mean: "mean", variance: "variance", count: "count"},
}

// imageNetStats are the numbers of Keras's normalisation layer.
func imageNetStats(p *param) *tensor.Tensor {
	t := tensor.New(tensor.Float32, p.t.Shape...)
	switch p.role {
	case mean:
		copy(t.F, []float32{.485, .456, .406})
	case variance:
		copy(t.F, []float32{.229 * .229, .224 * .224, .225 * .225})
	}
	return t
}

// network is what a golden file is of.
type network struct {
	arch, layout string
	inside       string // the input mode that the library's network applies itself
	last         string // what the golden files call stage6, where it is another
}

// goldenNets say which network each golden file is of: its name is that of the library, a dot, and the
// library's name of the network.
var goldenNets = joined(resnetGoldens, plainGoldens, invertedGoldens)

func joined(tables ...map[string]network) map[string]network {
	all := map[string]network{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

const goldenDir = "../../testdata/backbones/golden"

// Every architecture computes what the library that its weights come from computes, at three depths, from the
// same weights and pictures, at several sizes. testdata/backbones tells how the numbers were made.
func TestGoldenFeatures(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(goldenDir, "*.safetensors"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".safetensors")
		t.Run(name, func(t *testing.T) {
			which, ok := goldenNets[name]
			if !ok {
				t.Fatal("no network is named for this file")
			}
			a, err := findArch(which.arch)
			if err != nil {
				t.Fatal(err)
			}
			lay, err := a.layout(which.layout)
			if err != nil {
				t.Fatal(err)
			}
			g := openGolden(t, file)
			for _, size := range g.sizes() {
				if testing.Short() && size != "96x96" {
					continue
				}
				t.Run(size, func(t *testing.T) {
					n := goldenNet(t, a, lay, g, size)
					if testing.Short() && n.macs > costly/4 {
						t.Skip("costly")
					}
					if (n.macs > costly && size != "96x96" || trained(n.params) > large) && os.Getenv("GRAFT_GOLDEN") != "all" {
						t.Skip("costly: GRAFT_GOLDEN=all runs it (make goldens)")
					}
					load(t, n, seededFile(n))
					checkGolden(t, n, g, size, which)
				})
			}
		})
	}
}

// goldenTol bounds max|a−b| / max|b|: float32 against the float64 of the library.
const goldenTol = 1e-4

// What a picture may take in multiply-adds for its size, and a network in parameters, to be run every time. Each
// larger network has a smaller one of the same builder.
const (
	costly = 5e8
	large  = 40e6
)

// goldenNet is the network of a golden file at one of its sizes.
func goldenNet(t *testing.T, a *arch, lay *layout, g *golden, size string) *net {
	t.Helper()
	height, width := sides(t, size)
	classes := 1000
	if depths := g.depths(size); !slices.Contains(depths, "logits") && !slices.Contains(depths, "features") {
		classes = 0 // a top that this size is too small for
	}
	n, err := a.newNet(lay, width, height, classes)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// sides reads a size, "HxW".
func sides(t *testing.T, size string) (height, width int) {
	t.Helper()
	if _, err := fmt.Sscanf(size, "%dx%d", &height, &width); err != nil {
		t.Fatal(err)
	}
	return height, width
}

// load fills n with the weights of f.
func load(t *testing.T, n *net, f *weights.File) {
	t.Helper()
	found, err := match(n, f)
	if err == nil {
		err = fill(n, found)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// checkGolden compares a network that is filled at all depths that the file has for a size.
func checkGolden(t *testing.T, n *net, g *golden, size string, which network) {
	t.Helper()
	height, width := sides(t, size)
	depths := g.depths(size)
	graph, err := n.graph()
	if err != nil {
		t.Fatal(err)
	}
	graph.Outputs = nil
	for _, d := range depths {
		switch d {
		case "features":
			d = markFeatures
		case "stage6":
			d = cmp.Or(which.last, d)
		}
		graph.Outputs = append(graph.Outputs, nn.Value{Name: d})
	}
	infos, err := nn.Infer(graph)
	if err != nil {
		t.Fatal(err)
	}
	for i := range graph.Outputs {
		o := &graph.Outputs[i]
		o.DType, o.Shape = infos[o.Name].DType, infos[o.Name].Shape
	}
	prune(graph)
	addNormalise(graph, imageInput{value: graph.Inputs[0]}, g.normalise(t, which.inside))
	plan, err := nn.NewPlan(graph, nn.PlanOptions{MaxBatch: 2})
	if err != nil {
		t.Fatal(err)
	}
	dst := make([][]float32, len(graph.Outputs))
	for i := range dst {
		k, err := plan.OutputShape(i).Elems()
		if err != nil {
			t.Fatal(err)
		}
		dst[i] = make([]float32, 2*k)
	}
	if err := plan.Run(t.Context(), dst, [][]float32{seededPixels(height, width)}, 2); err != nil {
		t.Fatal(err)
	}
	for i, d := range depths {
		g.compare(t, size, d, dst[i], append(tensor.Shape{2}, plan.OutputShape(i)...))
	}
}

// seededPixels are two pictures, [2 3 height width], of whole numbers 0–255.
func seededPixels(height, width int) []float32 {
	pixels := make([]float32, 2*3*height*width)
	check.Seeded(pixels, fmt.Sprintf("pixels/%dx%d", height, width), 256, 0)
	for i, v := range pixels {
		pixels[i] = float32(math.Floor(float64(v)))
	}
	return pixels
}

// golden is a file of numbers that another library computed.
type golden struct {
	name string
	meta map[string]string
	data map[string]*tensor.Tensor
}

func openGolden(t *testing.T, path string) *golden {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	var info fs.FileInfo
	if info, err = file.Stat(); err != nil {
		t.Fatal(err)
	}
	f, err := weights.Open(file, info.Size(), path)
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{name: strings.TrimSuffix(filepath.Base(path), ".safetensors"), meta: f.Metadata, data: map[string]*tensor.Tensor{}}
	for i := range f.Tensors {
		if g.data[f.Tensors[i].Name], err = f.Tensors[i].Read(); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// sizes lists the input sizes, "HxW".
func (g *golden) sizes() []string { return g.parts("", 0) }

// depths lists what was recorded at a size.
func (g *golden) depths(size string) []string { return g.parts(size+"/", 1) }

func (g *golden) parts(prefix string, i int) []string {
	var list []string
	for key := range g.data {
		if strings.HasPrefix(key, prefix) {
			list = append(list, strings.Split(key, "/")[i])
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// normalise is how the pictures were prepared; inside, if not empty, what the library's network did itself.
func (g *golden) normalise(t *testing.T, inside string) transform.Normalise {
	t.Helper()
	mode := g.meta["normalise"]
	if mode == "raw" && inside != "" {
		mode = inside
	}
	n, err := transform.ParseMode(mode)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// compare holds got, two pictures, against the seeded positions and the channel means.
func (g *golden) compare(t *testing.T, size, depth string, got []float32, shape tensor.Shape) {
	t.Helper()
	key := size + "/" + depth + "/"
	want := g.data[key+"shape"].I
	for i, d := range want[1:] {
		if len(want) != len(shape) || int(d) != shape[i+1] {
			t.Fatalf("%s: shape %v, want %v", depth, shape, want)
		}
	}
	limit := goldenTol * float64(g.data[key+"max"].F[0])
	values := g.data[key+"values"].F
	at := make([]int, len(values))
	check.SeededInts(at, "positions/"+g.name+"/"+size+"/"+depth, len(got))
	worst := 0.0
	for i, w := range values {
		worst = max(worst, math.Abs(float64(got[at[i]]-w)))
	}
	if means := g.data[key+"means"]; means != nil {
		for c, m := range channelMeans(got, shape) {
			worst = max(worst, math.Abs(m-float64(means.F[c])))
		}
	}
	if !(worst <= limit) {
		t.Errorf("%s: off by %.3g of its largest, want at most %g", depth, worst/limit*goldenTol, goldenTol)
	}
}

// channelMeans averages two pictures over all axes but the channels.
func channelMeans(x []float32, shape tensor.Shape) []float64 {
	C := shape[1]
	plane := len(x) / 2 / C
	means := make([]float64, C)
	for i, v := range x {
		means[i/plane%C] += float64(v) / float64(2*plane)
	}
	return means
}
