package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/graft-ml/graft/internal/check"
	"github.com/graft-ml/graft/internal/nn"
	"github.com/graft-ml/graft/internal/onnx"
)

// seededBlobs draws n vectors around the centres of k classes.
func seededBlobs(centresOf, name string, n, d, k int) Data {
	centres, noise := make([]float32, k*d), make([]float32, n*d)
	check.Seeded(centres, centresOf+" centres", 1, 0)
	check.Seeded(noise, name+" noise", 1, 0)
	data := Data{X: make([]float32, n*d), D: d}
	for i := range n {
		for j := range d {
			offset := 1.6 * (float64(noise[i*d+j]) - 0.5)
			data.X[i*d+j] = float32(float64(centres[i%k*d+j]) + offset)
		}
		data.Labels = append(data.Labels, []int{i % k})
	}
	return data
}

// logitsOf runs a head on x.
func logitsOf(t *testing.T, head *nn.Graph, d Data, k int) []float32 {
	t.Helper()
	p, err := nn.NewPlan(head, nn.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	z := make([]float32, d.N()*k)
	if err := p.Run(t.Context(), [][]float32{z}, [][]float32{d.X}, d.N()); err != nil {
		t.Fatal(err)
	}
	return z
}

func argmax(z []float32) int {
	best := 0
	for c, v := range z {
		if v > z[best] {
			best = c
		}
	}
	return best
}

// TestPrototypesLikeScikitLearn compares heads with scikit-learn's NearestCentroid and NumPy's cosines, which
// testdata/heads/make_golden.py committed.
func TestPrototypesLikeScikitLearn(t *testing.T) {
	data, err := os.ReadFile("../../testdata/heads/prototypes.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name    string
		N, D, K int
		Nearest []int
		Cosine  [][]float64
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			fit := func(kind string) []float32 {
				r, err := FitHead(t.Context(), seededBlobs(c.Name, c.Name, c.N, c.D, c.K), Data{}, HeadOptions{Classes: c.K, Kind: kind}, nil)
				if err != nil {
					t.Fatal(err)
				}
				return logitsOf(t, r.Head, seededBlobs(c.Name+" test", c.Name+" test", len(c.Nearest), c.D, c.K), c.K)
			}
			nearest, cosine := fit(NearestMeanHead), fit(CosineHead)
			for i, want := range c.Nearest {
				if got := argmax(nearest[i*c.K : (i+1)*c.K]); got != want {
					t.Errorf("picture %d: nearest mean %d, want %d", i, got, want)
				}
			}
			scale := float64(cosine[0]) / c.Cosine[0][0]
			for i, row := range c.Cosine {
				for k, want := range row {
					if got := float64(cosine[i*c.K+k]) / scale; math.Abs(got-want) > 1e-4 {
						t.Errorf("picture %d, class %d: cosine %v, want %v", i, k, got, want)
					}
				}
			}
		})
	}
}

// TestTemperature checks that the scale of the logits is where the loss of pictures that were left out is least.
func TestTemperature(t *testing.T) {
	d := seededBlobs("scale", "scale", 60, 6, 3)
	for _, kind := range []string{NearestMeanHead, CosineHead} {
		f, err := newFit(d, Data{}, HeadOptions{Classes: 3, Kind: kind}.withDefaults(), nil)
		if err != nil {
			t.Fatal(err)
		}
		p := newPrototypes(f)
		z, best := p.logits(), p.temperature(f.loss)
		at := func(scale float64) float64 {
			scaled := make([]float32, len(z))
			for i, v := range z {
				scaled[i] = float32(scale * float64(v))
			}
			return f.loss.sum(nil, scaled, d.Labels, 0)
		}
		if l := at(best); l > at(1.1*best) || l > at(best/1.1) {
			t.Errorf("%s: loss %v at scale %v, %v above, %v below", kind, l, best, at(1.1*best), at(best/1.1))
		}
	}
}

// TestPrototypesOfRareClasses fits classes of one picture and of none.
func TestPrototypesOfRareClasses(t *testing.T) {
	d := Data{X: []float32{1, 0, 0.9, 0.1, 0, 1}, D: 2, Labels: [][]int{{0}, {0}, {1}}}
	for _, kind := range []string{NearestMeanHead, CosineHead} {
		r, err := FitHead(t.Context(), d, Data{}, HeadOptions{Classes: 3, Kind: kind, NoStandardise: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		z := logitsOf(t, r.Head, d, 3)
		for i, want := range []int{0, 0, 1} {
			row := z[i*3 : (i+1)*3]
			if got := argmax(row); got != want || argmax([]float32{-row[0], -row[1], -row[2]}) != 2 {
				t.Errorf("%s: picture %d: logits %v, want class %d first and the absent one last", kind, i, row, want)
			}
		}
	}
}

// TestKMeansHead separates classes that are not linearly separable: four blobs in two classes, crosswise.
func TestKMeansHead(t *testing.T) {
	d := seededBlobs("cross", "cross", 120, 2, 4)
	for i := range d.Labels {
		x := d.X[2*i : 2*i+2]
		corner := i % 4
		x[0], x[1] = x[0]/8+float32(corner%2), x[1]/8+float32(corner/2)
		d.Labels[i] = []int{(corner%2 + corner/2) % 2}
	}
	for _, c := range []struct {
		val      Data
		clusters int
	}{{Data{}, 4}, {d, 0}} {
		r, err := FitHead(t.Context(), d, c.val, HeadOptions{Classes: 2, Kind: KMeansHead, Clusters: c.clusters, Epochs: 60, LearningRate: 0.05}, nil)
		if err != nil {
			t.Fatal(err)
		}
		z := logitsOf(t, r.Head, d, 2)
		right := 0
		for i, y := range d.Labels {
			if argmax(z[2*i:2*i+2]) == y[0] {
				right++
			}
		}
		if right < 118 {
			t.Errorf("%d clusters: %d of 120 right", c.clusters, right)
		}
	}
}

func TestHeadOptionErrors(t *testing.T) {
	for _, c := range []struct {
		o    HeadOptions
		want string
	}{
		{HeadOptions{Classes: 2, Kind: "forest"}, `head "forest", want one of dense, nearest-mean, cosine, kmeans`},
		{HeadOptions{Classes: 2, Kind: CosineHead, Hidden: []int{3}}, "hidden layers with a cosine head"},
		{HeadOptions{Classes: 2, Kind: CosineHead, MultiLabel: true}, "a cosine head for several labels a picture"},
		{HeadOptions{Classes: 2, Kind: NearestMeanHead, Optimizer: SGD}, `optimizer "sgd" and dropout 0 with a nearest-mean head`},
		{HeadOptions{Classes: 2, Clusters: 3}, `3 clusters with a head ""`},
	} {
		if err := c.o.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", fmt.Sprint(c.o.Kind), err, c.want)
		}
	}
}

// TestHeadsLikeONNXRuntime writes a head of each kind as ONNX, checks that it is the file that is committed, and that
// ONNX Runtime, which testdata/heads/run_ort.py ran on that, gives the same logits.
func TestHeadsLikeONNXRuntime(t *testing.T) {
	const dir = "../../testdata/heads/"
	data, err := os.ReadFile(dir + "onnxruntime.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string][][]float64
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	pictures := Data{X: make([]float32, 40*9), D: 9, Labels: make([][]int, 40)}
	check.Seeded(pictures.X, "ort pictures", 1, 0)
	for _, kind := range []string{NearestMeanHead, CosineHead, KMeansHead} {
		t.Run(kind, func(t *testing.T) {
			d := seededBlobs("few", "few", 40, 9, 4)
			for i := range d.X { // so that no arithmetic of one processor shows in the file
				d.X[i] = float32(math.Round(8*float64(d.X[i]))) / 8
			}
			o := HeadOptions{Classes: 4, Kind: kind, NoStandardise: true, Epochs: 2}
			if kind == KMeansHead {
				o.Clusters = 6
			}
			r, err := FitHead(t.Context(), d, Data{}, o, nil)
			if err != nil {
				t.Fatal(err)
			}
			g := golden(t, dir+kind+".onnx", r.Head)
			z := logitsOf(t, g, pictures, 4)
			for i, row := range want[kind] {
				mine, theirs := z[i*4:(i+1)*4], make([]float32, 4)
				for k, v := range row {
					theirs[k] = float32(v)
					if math.Abs(float64(mine[k])-v) > 1e-4*(1+math.Abs(v)) {
						t.Errorf("picture %d, class %d: %v, ONNX Runtime says %v", i, k, mine[k], v)
					}
				}
				if argmax(mine) != argmax(theirs) {
					t.Errorf("picture %d: class %d, ONNX Runtime says %d", i, argmax(mine), argmax(theirs))
				}
			}
		})
	}
}

// golden returns the head in the file at path after comparing head with it: the same nodes, and numbers that are
// equal but for rounding.
func golden(t *testing.T, path string, head *nn.Graph) *nn.Graph {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		var b bytes.Buffer
		if _, err := (&onnx.Model{Graph: head}).WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	m, err := onnx.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Graph.Nodes) != len(head.Nodes) || len(m.Graph.Init) != len(head.Init) {
		t.Fatalf("%d nodes and %d arrays, the file has %d and %d", len(head.Nodes), len(head.Init), len(m.Graph.Nodes), len(m.Graph.Init))
	}
	for i, n := range head.Nodes {
		if m.Graph.Nodes[i].Op != n.Op {
			t.Errorf("node %d is %s, in the file %s", i, n.Op, m.Graph.Nodes[i].Op)
		}
	}
	for name, init := range head.Init {
		for i, v := range init.F {
			if got := m.Graph.Init[name].F[i]; math.Abs(float64(got-v)) > 1e-4*(1+math.Abs(float64(v))) {
				t.Fatalf("%s[%d] is %v, in the file %v", name, i, v, got)
			}
		}
	}
	return m.Graph
}
